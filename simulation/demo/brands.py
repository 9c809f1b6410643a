"""The brands and campaigns of the demo, and their setup in the catalog so that something happens soon."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from core.windows import END_OF_DAY, EVERY_DAY, Window
from models.errors import RowNotFound
from models.queries.catalog_edits import add_brand, add_campaign, edit_brand, set_windows
from models.session import session_scope
from models.tables.brand import Brand
from models.tables.campaign import Campaign

__all__ = [
    "BRANDS",
    "DemoBrand",
    "DemoCampaign",
    "WindowChange",
    "add_demo_brand",
    "add_demo_campaign",
    "raise_daily_budget",
    "set_up_catalog",
]

ACTOR: Final = "demo"
#: A window that changes sooner might do so before a reader sees the first line.
NOTICE_SECONDS: Final = 20


@dataclass(frozen=True, slots=True)
class WindowChange:
    """Whether a daypart window opens or closes at the next full minute."""

    opens: bool
    minutes: int  # that it stays open, or was open before


@dataclass(frozen=True, slots=True)
class DemoCampaign:
    campaign_id: str
    name: str
    change: WindowChange | None = None


@dataclass(frozen=True, slots=True)
class DemoBrand:
    brand_id: str
    name: str
    city: str
    time_zone: str
    currency: str
    allowance_micros: int  # what the operator grants each time
    campaigns: tuple[DemoCampaign, ...]


BRANDS: Final = (
    DemoBrand(
        "karachi-chai",
        "Karachi Chai",
        "Karachi",
        "Asia/Karachi",
        "PKR",
        40_000_000,
        (DemoCampaign("chai-search", "Search"), DemoCampaign("chai-video", "Video")),
    ),
    DemoBrand(
        "hudson-bagels",
        "Hudson Bagels",
        "New York",
        "America/New_York",
        "USD",
        90_000_000,
        (
            DemoCampaign("bagels-brunch", "Brunch", WindowChange(opens=True, minutes=3)),
            DemoCampaign("bagels-always", "Always on"),
        ),
    ),
    DemoBrand(
        "venice-surf",
        "Venice Surf",
        "Los Angeles",
        "America/Los_Angeles",
        "USD",
        60_000_000,
        (
            DemoCampaign("surf-lessons", "Lessons", WindowChange(opens=False, minutes=120)),
            DemoCampaign("surf-boards", "Boards"),
        ),
    ),
)


def set_up_catalog(database_url: str, spent_micros: Mapping[str, int], now: datetime) -> None:
    """Add what is missing, set windows that change within two minutes, and raise each brand's budget above its
    spend."""
    for brand in BRANDS:
        with session_scope(database_url) as session:
            _put_brand(session, brand, spent_micros.get(brand.brand_id, 0) + brand.allowance_micros)
            for campaign in brand.campaigns:
                _put_campaign(session, brand, campaign, now.astimezone(ZoneInfo(brand.time_zone)))


def add_demo_brand(
    session: Session, brand: DemoBrand, daily_budget_micros: int, monthly_budget_micros: int | None, *, actor: str
) -> Brand:
    return add_brand(
        session,
        brand.brand_id,
        name=brand.name,
        time_zone=brand.time_zone,
        currency=brand.currency,
        daily_budget_micros=daily_budget_micros,
        monthly_budget_micros=monthly_budget_micros,
        actor=actor,
    )


def add_demo_campaign(
    session: Session, brand: DemoBrand, campaign: DemoCampaign, windows: Sequence[Window], *, actor: str
) -> Campaign:
    return add_campaign(
        session, campaign.campaign_id, brand_id=brand.brand_id, name=campaign.name, windows=windows, actor=actor
    )


def raise_daily_budget(database_url: str, brand: DemoBrand, spent_micros: int) -> int:
    """Raise the brand's daily budget above `spent_micros`; returns the new budget in micros."""
    budget_micros = spent_micros + brand.allowance_micros
    with session_scope(database_url) as session:
        edit_brand(session, brand.brand_id, {"daily_budget_micros": budget_micros}, actor=ACTOR)
    return budget_micros


def _put_brand(session: Session, brand: DemoBrand, daily_budget_micros: int) -> None:
    try:
        edit_brand(session, brand.brand_id, {"daily_budget_micros": daily_budget_micros}, actor=ACTOR)
    except RowNotFound:
        add_demo_brand(session, brand, daily_budget_micros, None, actor=ACTOR)


def _put_campaign(session: Session, brand: DemoBrand, campaign: DemoCampaign, local_now: datetime) -> None:
    windows = [_window(campaign.change, local_now)] if campaign.change else []
    try:
        set_windows(session, campaign.campaign_id, windows, actor=ACTOR)
    except RowNotFound:
        add_demo_campaign(session, brand, campaign, windows, actor=ACTOR)


def _window(change: WindowChange, local_now: datetime) -> Window:
    """A window on every weekday that opens or closes at the next full minute which is far enough ahead."""
    at = (local_now + timedelta(seconds=NOTICE_SECONDS)).replace(second=0, microsecond=0) + timedelta(minutes=1)
    minute = at.hour * 60 + at.minute
    if change.opens:
        return Window(EVERY_DAY, minute, (minute + change.minutes) % END_OF_DAY)
    return Window(EVERY_DAY, (minute - change.minutes) % END_OF_DAY, minute)
