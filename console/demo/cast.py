"""The brands and campaigns of the demo, and how they are put into the catalog so that something happens soon."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from models.catalog import add_brand, add_campaign, edit_brand, set_windows
from models.daypart_window import Window
from models.errors import NotFound
from models.session import session_scope

__all__ = ["BRANDS", "Brand", "Campaign", "Change", "put_on_stage", "raise_daily_budget"]

ACTOR: Final = "demo"
EVERY_DAY: Final = 0b1111111
DAY_MINUTES: Final = 24 * 60
#: A window that changes sooner than this might do so before the first line is read.
NOTICE_SECONDS: Final = 20


@dataclass(frozen=True, slots=True)
class Change:
    """A daypart window, told by what it does at the next full minute."""

    opens: bool
    minutes: int  # that it stays open, or was open before


@dataclass(frozen=True, slots=True)
class Campaign:
    campaign_id: str
    name: str
    change: Change | None = None


@dataclass(frozen=True, slots=True)
class Brand:
    brand_id: str
    name: str
    city: str
    time_zone: str
    currency: str
    allowance_micros: int  # what the operator grants each time
    campaigns: tuple[Campaign, ...]


BRANDS: Final = (
    Brand(
        "karachi-chai",
        "Karachi Chai",
        "Karachi",
        "Asia/Karachi",
        "PKR",
        40_000_000,
        (Campaign("chai-search", "Search"), Campaign("chai-video", "Video")),
    ),
    Brand(
        "hudson-bagels",
        "Hudson Bagels",
        "New York",
        "America/New_York",
        "USD",
        90_000_000,
        (Campaign("bagels-brunch", "Brunch", Change(opens=True, minutes=3)), Campaign("bagels-always", "Always on")),
    ),
    Brand(
        "venice-surf",
        "Venice Surf",
        "Los Angeles",
        "America/Los_Angeles",
        "USD",
        60_000_000,
        (Campaign("surf-lessons", "Lessons", Change(opens=False, minutes=120)), Campaign("surf-boards", "Boards")),
    ),
)


def put_on_stage(database_url: str, spent_micros: Mapping[str, int], now: datetime) -> None:
    """Makes what is missing, sets windows that change within two minutes, and grants each brand a new allowance."""
    for brand in BRANDS:
        with session_scope(database_url) as session:
            _put_brand(session, brand, spent_micros.get(brand.brand_id, 0) + brand.allowance_micros)
            for campaign in brand.campaigns:
                _put_campaign(session, brand, campaign, now.astimezone(ZoneInfo(brand.time_zone)))


def raise_daily_budget(database_url: str, brand: Brand, spent_micros: int) -> int:
    """Returns the new budget."""
    budget_micros = spent_micros + brand.allowance_micros
    with session_scope(database_url) as session:
        edit_brand(session, brand.brand_id, {"daily_budget_micros": budget_micros}, actor=ACTOR)
    return budget_micros


def _put_brand(session: Session, brand: Brand, daily_budget_micros: int) -> None:
    try:
        edit_brand(session, brand.brand_id, {"daily_budget_micros": daily_budget_micros}, actor=ACTOR)
    except NotFound:
        add_brand(
            session,
            brand.brand_id,
            name=brand.name,
            time_zone=brand.time_zone,
            currency=brand.currency,
            daily_budget_micros=daily_budget_micros,
            actor=ACTOR,
        )


def _put_campaign(session: Session, brand: Brand, campaign: Campaign, local_now: datetime) -> None:
    windows = [_window(campaign.change, local_now)] if campaign.change else []
    try:
        set_windows(session, campaign.campaign_id, windows, actor=ACTOR)
    except NotFound:
        add_campaign(
            session,
            campaign.campaign_id,
            brand_id=brand.brand_id,
            name=campaign.name,
            windows=windows,
            actor=ACTOR,
        )


def _window(change: Change, local_now: datetime) -> Window:
    """Open or closed until the next full minute that leaves time to look, every day of the week."""
    at = (local_now + timedelta(seconds=NOTICE_SECONDS)).replace(second=0, microsecond=0) + timedelta(minutes=1)
    minute = at.hour * 60 + at.minute
    if change.opens:
        return Window(EVERY_DAY, minute, (minute + change.minutes) % DAY_MINUTES)
    return Window(EVERY_DAY, (minute - change.minutes) % DAY_MINUTES, minute)
