"""A campaign as of now, from the catalog and the controller's state."""

from typing import NamedTuple

from console.live.brand_summary import Meter
from console.pages.week import in_words
from console.server.services import Services
from core.calendar import span_at
from core.dayparting import flight_is_over
from core.moment import Moment
from core.overrides import budget_on
from core.reasons import reason_names
from models.tables.campaign import Campaign
from operations.schedule_preview import schedule_of
from streams.live_state import LiveState

__all__ = ["CampaignNow", "campaign_now"]


class CampaignNow(NamedTuple):
    row: Campaign
    name: str
    #: None while the controller does not hold it, or the broker is away.
    reasons: tuple[str, ...] | None
    #: None where it is not known, too.
    flight_is_over: bool | None
    #: None while the broker is away, so that nobody knows.
    daily: Meter | None
    total: Meter | None
    resumes_at: Moment | None
    pauses_at: Moment | None
    sequence: int
    currency: str
    time_zone: str
    windows: str


def campaign_now(services: Services, row: Campaign, live: LiveState | None) -> CampaignNow:
    """`live` is None while the broker is away."""
    brand = services.catalog.brand(row.brand_id)
    assert brand, "a campaign's row comes after that of its brand"
    held = live.brand(row.brand_id) if live else None
    state = held.state.campaigns.get(row.campaign_id) if held else None
    config = held.state.config if held else None
    known = held and state and state.config and config
    day, daily = held.state.day if held else None, row.daily_budget_micros
    if day is not None:
        daily = budget_on(day.date, daily, row.budget_overrides.daily)
    return CampaignNow(
        row=row,
        name=row.name or row.campaign_id,
        reasons=reason_names(state.reasons) if known and state else None,
        flight_is_over=flight_is_over(state.config.schedule, config.zones, held.clock)
        if held and state and state.config and config
        else None,
        daily=Meter(state.daily_micros if state else 0, daily) if live else None,
        total=Meter(state.total_micros if state else 0, row.total_budget_micros) if live else None,
        resumes_at=held.resumes_at(state) if known and held and state else None,
        pauses_at=held.pauses_at(state) if known and held and state else None,
        sequence=state.sequence if state else 0,
        currency=brand.currency,
        time_zone=span_at(config.zones, held.clock)[0].time_zone if held and config else brand.time_zone,
        windows=in_words(schedule_of(row).windows),
    )
