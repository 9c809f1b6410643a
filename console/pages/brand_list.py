"""Search, sorting and paging of the overview's list of brands. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

from console.live.brand_summary import BrandSummary, Meter
from console.live.budget_forecast import Forecast
from console.live.needs import Need
from core.month_progress import MonthProgress
from models.queries.text_search import folded, searched_text

__all__ = ["BY_NEED", "PAGE_SIZE", "SORTS", "BrandEntry", "Selected", "select"]

PAGE_SIZE: Final = 50
#: The sort that puts the brands first that need somebody now.
BY_NEED: Final = "need"


class BrandEntry(NamedTuple):
    brand_id: str
    name: str
    archived: bool
    #: None: the controller does not hold the brand yet, or this console has not read it yet.
    summary: BrandSummary | None
    #: What needs somebody now.
    needs: frozenset[Need] = frozenset()
    currency: str = ""
    time_zone: str = ""
    #: Of the day's budget, as of the moment of the list; None without a summary.
    day: Forecast | None = None
    #: None without a monthly budget, too.
    month: MonthProgress | None = None


@dataclass(frozen=True, slots=True)
class Selected:
    """One page of the brands found; `page` counts from 1 and is at most `pages`."""

    entries: list[BrandEntry]
    #: Of every page, sorted.
    all: list[BrandEntry]
    page: int
    pages: int
    found: int
    #: How many of all that the search finds have each need.
    needs: Mapping[Need, int]


_Key = Callable[[BrandSummary], float]
_Text = Callable[[BrandEntry], str]

#: Sort keys beside the name; a minus before the key sorts descending.
SORTS: Final[dict[str, _Key]] = {
    "day": lambda it: _percent(it.day),
    "month": lambda it: _percent(it.month),
    "spent": lambda it: it.day.spent_micros,
    "paused": lambda it: it.paused,
}
#: The sort by amounts: within each currency, as those of two cannot be compared.
_OF_MONEY: Final = "spent"
_TEXT_SORTS: Final[dict[str, _Text]] = {"currency": lambda it: it.currency, "zone": lambda it: it.time_zone}


def select(
    entries: Iterable[BrandEntry],
    *,
    search: str = "",
    archived: bool = False,
    need: Need | None = None,
    sort: str,
    page: int,
    in_campaigns: Callable[[str, str], bool] = lambda brand_id, text: False,
) -> Selected:
    """`archived` selects archived brands alone, else none of them; `need` those that have it. An unknown `sort` sorts
    by name. `in_campaigns` tells whether a brand has a campaign with the text, which is casefolded."""
    text = folded(search)
    found = [
        it for it in entries if it.archived == archived and (_matches(it, text) or in_campaigns(it.brand_id, text))
    ]
    counts = Counter(it for entry in found for it in entry.needs)
    if need is not None:
        found = [it for it in found if need in it.needs]
    pages = max(1, -(-len(found) // PAGE_SIZE))
    page = min(max(1, page), pages)
    begins = (page - 1) * PAGE_SIZE
    found = _sorted(found, sort)
    return Selected(found[begins : begins + PAGE_SIZE], found, page, pages, len(found), counts)


def _matches(entry: BrandEntry, search: str) -> bool:
    return not search or search in searched_text(entry.brand_id, entry.name)


def _sorted(entries: list[BrandEntry], sort: str) -> list[BrandEntry]:
    """Brands without a summary come last; equal ones are in the order of their names."""
    by_name = sorted(entries, key=lambda it: (it.name.casefold() or it.brand_id, it.brand_id))
    if sort == BY_NEED:
        return sorted(by_name, key=lambda it: _urgency(it.needs))
    if text := _TEXT_SORTS.get(sort.removeprefix("-")):
        return sorted(by_name, key=text, reverse=sort.startswith("-"))
    key = SORTS.get(sort.removeprefix("-"))
    if key is None:
        return by_name[::-1] if sort == "-name" else by_name
    known = [(key(it.summary), it) for it in by_name if it.summary]
    known.sort(key=lambda pair: pair[0], reverse=sort.startswith("-"))
    if sort.removeprefix("-") == _OF_MONEY:
        known.sort(key=lambda pair: pair[1].currency)
    return [it for _, it in known] + [it for it in by_name if not it.summary]


@cache
def _urgency(needs: frozenset[Need]) -> int:
    """The place of the most urgent need, to sort by; a brand that needs nobody comes last."""
    return min((place for place, it in enumerate(Need) if it in needs), default=len(Need))


def _percent(meter: Meter) -> float:
    """The spent share of the budget, as a sort key: 1 is all of it; -1 without a budget, 1 for a budget of zero."""
    if not meter.budget_micros:
        return -1.0 if meter.budget_micros is None else 1.0
    return meter.spent_micros / meter.budget_micros
