"""Which brands a page of the overview shows: searched, sorted, cut. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from console.live.glance import BrandGlance, Meter

__all__ = ["PAGE_SIZE", "SORTS", "BrandEntry", "Selected", "select"]

PAGE_SIZE: Final = 50


class BrandEntry(NamedTuple):
    brand_id: str
    name: str
    archived: bool
    #: None: the controller does not hold it yet, or it has not been looked at since this console started.
    glance: BrandGlance | None


@dataclass(frozen=True, slots=True)
class Selected:
    """A page of all that was found; `page` counts from 1 and is one that exists."""

    entries: list[BrandEntry]
    page: int
    pages: int
    found: int


_Key = Callable[[BrandGlance], float]

#: What a list can be sorted by, beside the name. Largest first with a minus, as people want it.
SORTS: Final[dict[str, _Key]] = {
    "day": lambda it: _percent(it.day),
    "month": lambda it: _percent(it.month),
    "spent": lambda it: it.day.spent_micros,
    "paused": lambda it: it.paused,
}


def select(
    entries: Iterable[BrandEntry], *, search: str = "", archived: bool = False, sort: str, page: int
) -> Selected:
    """Archived brands are shown alone or not at all. A sort that does not exist is that by name."""
    found = [it for it in entries if it.archived == archived and _matches(it, search.strip().casefold())]
    pages = max(1, -(-len(found) // PAGE_SIZE))
    page = min(max(1, page), pages)
    begins = (page - 1) * PAGE_SIZE
    return Selected(_sorted(found, sort)[begins : begins + PAGE_SIZE], page, pages, len(found))


def _matches(entry: BrandEntry, search: str) -> bool:
    return not search or search in entry.brand_id.casefold() or search in entry.name.casefold()


def _sorted(entries: list[BrandEntry], sort: str) -> list[BrandEntry]:
    """Brands of which nothing is known come last; equal ones stay in the order of their names."""
    by_name = sorted(entries, key=lambda it: (it.name.casefold() or it.brand_id, it.brand_id))
    key = SORTS.get(sort.removeprefix("-"))
    if key is None:
        return by_name[::-1] if sort == "-name" else by_name
    known = [(key(it.glance), it) for it in by_name if it.glance]
    known.sort(key=lambda pair: pair[0], reverse=sort.startswith("-"))
    return [it for _, it in known] + [it for it in by_name if not it.glance]


def _percent(meter: Meter) -> float:
    """Exact enough to sort by; what has no budget is never used up."""
    if not meter.budget_micros:
        return -1.0 if meter.budget_micros is None else 1.0
    return meter.spent_micros / meter.budget_micros
