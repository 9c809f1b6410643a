"""A campaign as it stands: what the catalog says of it beside what the controller holds."""

from collections.abc import Sequence
from typing import NamedTuple

from console.api.services import Services
from console.live.glance import Meter
from console.schedule_preview import schedule_of
from console.web.schedule.week import in_words
from models.campaign import Campaign
from streams.core.calendar import span_at
from streams.core.moment import Moment
from streams.core.reasons import reason_names

__all__ = ["CampaignNow", "campaign_now", "campaigns_now"]


class CampaignNow(NamedTuple):
    row: Campaign
    name: str
    #: None while the controller does not hold it.
    reasons: tuple[str, ...] | None
    daily: Meter
    total: Meter
    resumes_at: Moment | None
    pauses_at: Moment | None
    sequence: int
    currency: str
    time_zone: str
    windows: str


def campaigns_now(services: Services, brand_id: str) -> list[CampaignNow]:
    """Those that are not put away first, each part by id."""
    rows: Sequence[Campaign] = services.catalog.campaigns_of(brand_id)
    return [campaign_now(services, row) for row in sorted(rows, key=lambda it: (it.archived, it.campaign_id))]


def campaign_now(services: Services, row: Campaign) -> CampaignNow:
    brand = services.catalog.brand(row.brand_id)
    assert brand, "a campaign's row comes after that of its brand"
    held = services.live.brand(row.brand_id)
    state = held.state.campaigns.get(row.campaign_id) if held else None
    terms = held.state.terms if held else None
    known = held and state and state.terms and terms
    return CampaignNow(
        row=row,
        name=row.name or row.campaign_id,
        reasons=reason_names(state.reasons) if known and state else None,
        daily=Meter(state.daily_micros if state else 0, row.daily_budget_micros),
        total=Meter(state.total_micros if state else 0, row.total_budget_micros),
        resumes_at=held.resumes_at(state) if known and held and state else None,
        pauses_at=held.pauses_at(state) if known and held and state else None,
        sequence=state.sequence if state else 0,
        currency=brand.currency,
        time_zone=span_at(terms.zones, held.clock)[0].time_zone if held and terms else brand.time_zone,
        windows=in_words(schedule_of(row).windows),
    )
