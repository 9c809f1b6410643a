"""Lists of campaigns: search, chips, sorting and pages. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple
from urllib.parse import urlencode

from console.live.campaign_marks import MARKS, PAUSED, RUNNING, CampaignFacts
from console.live.needs import Need
from console.rendering.jinja_filters import short_reason
from models.catalog_mirror import campaign_text
from models.queries.text_search import folded
from models.tables.campaign import Campaign

__all__ = [
    "PAGE_SIZE",
    "SORT_LABELS",
    "SORT_LABELS_OF_ALL",
    "CampaignChip",
    "CampaignList",
    "ListedCampaigns",
    "campaign_chips",
    "campaign_list",
    "listed_campaigns",
    "matching",
    "page_words",
]

PAGE_SIZE: Final = 100

SORT_LABELS: Final = [
    ("name", "Name"),
    ("-state", "Paused first"),
    ("-today", "Most spent today"),
    ("-total", "Most spent in all"),
]
#: Of campaigns whose brands may have several currencies.
SORT_LABELS_OF_ALL: Final = [
    *SORT_LABELS[:2],
    ("-today", "Most spent today, by currency"),
    ("-total", "Most spent in all, by currency"),
]
#: Sorts by amounts, which are not compared across currencies.
_OF_MONEY: Final = ("today", "total")
#: Without facts nothing holds a campaign and nothing was spent.
_SORTS: Final[Mapping[str, Callable[[Campaign, CampaignFacts | None], str | int]]] = {
    "name": lambda row, facts: (row.name or row.campaign_id).casefold(),
    "state": lambda row, facts: bool(facts and PAUSED in facts.marks),
    "today": lambda row, facts: facts.daily_micros if facts else 0,
    "total": lambda row, facts: facts.total_micros if facts else 0,
}
_LABELS: Final[dict[str, str]] = {
    RUNNING: "running",
    PAUSED: "paused",
    Need.OVER: "own budget used up",
    Need.AFTER_PAUSE: "spend after a pause",
    "manual": "paused by hand",
}


class CampaignList(NamedTuple):
    """Which campaigns a page lists; `brand` and `archived` only on the page of all campaigns."""

    search: str = ""
    number: int = 1
    only: str = ""
    sort: str = ""
    brand: str = ""
    archived: bool = False

    @property
    def is_by_currency(self) -> bool:
        return not self.brand and self.sort.removeprefix("-") in _OF_MONEY

    def url(self, path: str, number: int = 1) -> str:
        given = {"brand": self.brand, "search": self.search, "archived": "true" if self.archived else ""}
        given |= {"only": self.only, "number": str(number) if number > 1 else "", "sort": self.sort}
        query = urlencode({name: text for name, text in given.items() if text})
        return f"{path}?{query}" if query else path

    def sort_url(self, path: str) -> str:
        """The address that sorts, without the name of the column, which a template appends."""
        unsorted = self._replace(sort="").url(path)
        return f"{unsorted}{'&' if '?' in unsorted else '?'}sort="


class ListedCampaigns(NamedTuple):
    """One page of the campaigns found; `page` counts from 1 and is at most `pages`."""

    rows: Sequence[Campaign]
    page: int
    pages: int
    found: int
    #: How many of all that the search finds have each mark.
    marks: Mapping[str, int]


class CampaignChip(NamedTuple):
    """A mark, how many campaigns have it, and the address that shows them, or all again."""

    mark: str
    label: str
    campaigns: int
    url: str
    is_chosen: bool


def campaign_list(query: Mapping[str, str]) -> CampaignList:
    """The list that the parameters of an address ask for."""
    number = query.get("number", "")
    is_number = number.isascii() and number.isdigit() and len(number) < 10
    search, brand = (query.get(name, "").strip() for name in ("search", "brand"))
    archived = query.get("archived") == "true"
    # Archived ones have no mark: under a chip the form would find none of them.
    only = "" if archived else query.get("only", "")
    return CampaignList(search, int(number) if is_number else 1, only, query.get("sort", ""), brand, archived)


def listed_campaigns(
    rows: Iterable[Campaign],
    wanted: CampaignList,
    facts: Mapping[str, CampaignFacts] = MappingProxyType({}),
    currencies: Mapping[str, str] = MappingProxyType({}),
) -> ListedCampaigns:
    """Those with the text in their id, name or external id and, where `only` is given, with this mark. Archived ones
    last; each group by `sort`, equal ones by id. `sort` is a key of SORT_LABELS, with a minus before it descending; any
    other one sorts by name.
    `currencies`, by brand id, come in the order of their codes where `sort` is one by amounts."""
    found = matching(rows, wanted.search)
    marks = {it.campaign_id: facts[it.campaign_id].marks for it in found if it.campaign_id in facts}
    counts = Counter(mark for it in marks.values() for mark in it)
    if wanted.only:
        found = [it for it in found if wanted.only in marks.get(it.campaign_id, ())]
    found.sort(key=lambda it: it.campaign_id)
    sort = wanted.sort if wanted.sort.removeprefix("-") in _SORTS else "name"
    key = _SORTS[sort.removeprefix("-")]
    found.sort(key=lambda it: key(it, facts.get(it.campaign_id)), reverse=sort.startswith("-"))
    if wanted.is_by_currency:
        found.sort(key=lambda it: currencies.get(it.brand_id, ""))
    found.sort(key=lambda it: it.archived)
    pages = max(1, -(-len(found) // PAGE_SIZE))
    page = min(max(1, wanted.number), pages)
    begins = (page - 1) * PAGE_SIZE
    return ListedCampaigns(found[begins : begins + PAGE_SIZE], page, pages, len(found), counts)


def matching(rows: Iterable[Campaign], search: str) -> list[Campaign]:
    """The rows with the text in their id, name or external id, in any case: what a list shows, and what the change of
    all that match changes."""
    text = folded(search)
    return [it for it in rows if text in campaign_text(it)]


def campaign_chips(path: str, wanted: CampaignList, found: ListedCampaigns) -> list[CampaignChip]:
    """A chip for each mark that a campaign has, and for the chosen one."""
    chips = []
    for mark in MARKS:
        count, is_chosen = found.marks.get(mark, 0), mark == wanted.only
        if count or is_chosen:
            url = wanted._replace(only="" if is_chosen else mark).url(path)
            chips.append(CampaignChip(mark, _LABELS.get(mark) or short_reason(mark), count, url, is_chosen))
    return chips


def page_words(listed: ListedCampaigns) -> str:
    """Which campaigns the page lists, such as `101-200 of 1,250`; empty where one page has them all."""
    if listed.pages == 1:
        return ""
    first = (listed.page - 1) * PAGE_SIZE + 1
    return f"{first:,}-{first + len(listed.rows) - 1:,} of {listed.found:,}"
