"""A campaign as of now, from the catalog and the controller's state."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from console.live.brand_summary import Meter
from console.pages.week import in_words
from console.server.services import Services
from core.calendar import span_at
from core.dayparting import flight_is_over
from core.moment import Moment
from core.overrides import budget_on
from core.reasons import reason_names
from core.state import CampaignState
from models.tables.campaign import Campaign
from operations.schedule_preview import schedule_of

__all__ = [
    "CAMPAIGN_SORTS",
    "PAGE_SIZE",
    "CampaignNow",
    "ListedCampaigns",
    "campaign_now",
    "is_found",
    "listed_campaigns",
]

PAGE_SIZE: Final = 100

#: What campaigns can be sorted by; without a state nothing holds them and nothing was spent.
CAMPAIGN_SORTS: Final[Mapping[str, Callable[[Campaign, CampaignState | None], str | int]]] = {
    "name": lambda row, state: (row.name or row.campaign_id).casefold(),
    "state": lambda row, state: bool(state and state.reasons),
    "today": lambda row, state: state.daily_micros if state else 0,
    "total": lambda row, state: state.total_micros if state else 0,
}


class CampaignNow(NamedTuple):
    row: Campaign
    name: str
    #: None while the controller does not hold it.
    reasons: tuple[str, ...] | None
    #: None where it is not known, too.
    flight_is_over: bool | None
    daily: Meter
    total: Meter
    resumes_at: Moment | None
    pauses_at: Moment | None
    sequence: int
    currency: str
    time_zone: str
    windows: str


class ListedCampaigns(NamedTuple):
    """One page of the campaigns found; `page` counts from 1 and is at most `pages`."""

    rows: Sequence[Campaign]
    page: int
    pages: int
    found: int
    #: How many of all that the search finds have each mark.
    marks: Mapping[str, int]


def listed_campaigns(
    rows: Iterable[Campaign],
    search: str,
    page: int,
    marks: Mapping[str, frozenset[str]] = MappingProxyType({}),
    only: str = "",
    sort: str = "",
    states: Mapping[str, CampaignState] = MappingProxyType({}),
) -> ListedCampaigns:
    """Those with the text in their id, name or external id and, where `only` is given, with this mark. Archived ones
    last; each group by `sort`, equal ones by id. `sort` is one of CAMPAIGN_SORTS, with a minus before it descending."""
    text = search.strip().casefold()
    found = [it for it in rows if is_found(it, text)]
    counts = Counter(mark for it in found for mark in marks.get(it.campaign_id, ()))
    if only:
        found = [it for it in found if only in marks.get(it.campaign_id, ())]
    found.sort(key=lambda it: it.campaign_id)
    if key := CAMPAIGN_SORTS.get(sort.removeprefix("-")):
        found.sort(key=lambda it: key(it, states.get(it.campaign_id)), reverse=sort.startswith("-"))
    found.sort(key=lambda it: it.archived)
    pages = max(1, -(-len(found) // PAGE_SIZE))
    page = min(max(1, page), pages)
    begins = (page - 1) * PAGE_SIZE
    return ListedCampaigns(found[begins : begins + PAGE_SIZE], page, pages, len(found), counts)


def is_found(row: Campaign, text: str) -> bool:
    """Whether id, name or external id has the text, which is casefolded."""
    return text in f"{row.campaign_id}\n{row.name}\n{row.external_id or ''}".casefold()


def campaign_now(services: Services, row: Campaign) -> CampaignNow:
    brand = services.catalog.brand(row.brand_id)
    assert brand, "a campaign's row comes after that of its brand"
    held = services.live.brand(row.brand_id)
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
        daily=Meter(state.daily_micros if state else 0, daily),
        total=Meter(state.total_micros if state else 0, row.total_budget_micros),
        resumes_at=held.resumes_at(state) if known and held and state else None,
        pauses_at=held.pauses_at(state) if known and held and state else None,
        sequence=state.sequence if state else 0,
        currency=brand.currency,
        time_zone=span_at(config.zones, held.clock)[0].time_zone if held and config else brand.time_zone,
        windows=in_words(schedule_of(row).windows),
    )
