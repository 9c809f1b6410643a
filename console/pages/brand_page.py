"""The page of a brand: spend of the day against the budget, its campaigns and their windows, the last commands."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Final, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response

from console.access.rights import PageViewer
from console.live.broadcaster import wall_clock
from console.live.campaign_marks import MARKS, PAUSED, RUNNING, campaign_marks
from console.live.needs import Need
from console.pages.brand_now import BrandNow, brand_now
from console.pages.campaign_now import PAGE_SIZE, CampaignNow, ListedCampaigns, campaign_now, listed_campaigns
from console.pages.command_list import CommandList
from console.pages.day_sums import DaySums
from console.pages.page_stream import Part, stream
from console.pages.recent import SHOWN, recent
from console.pages.shared_views import shared_view
from console.pages.spend_curve import SpendCurve
from console.pages.week_grid import WeekShares, week_shares
from console.rendering.ids_in_addresses import in_address
from console.rendering.jinja_filters import short_reason
from console.rendering.render import page, part
from console.server.compute_thread import in_compute_thread
from console.server.paging import BrandId
from console.server.queries import PageQuery
from console.server.services import Served, Services
from core.moment import Moment
from models.errors import RowNotFound
from models.tables.campaign import Campaign
from operations.accounts.person import Role
from operations.schedule_preview import schedule_of

__all__ = ["router"]

router = APIRouter(include_in_schema=False)


ListQuery = Annotated[Mapping[str, str], Depends(PageQuery("search", "number", "sort", only=MARKS))]

_LABELS: Final[dict[str, str]] = {
    RUNNING: "running",
    PAUSED: "paused",
    Need.OVER: "own budget used up",
    Need.AFTER_PAUSE: "spend after a pause",
    "manual": "paused by hand",
}
_SORT_LABELS: Final = [
    ("name", "Name"),
    ("-state", "Paused first"),
    ("-today", "Most spent today"),
    ("-total", "Most spent in all"),
]


class _Listed(NamedTuple):
    """Which of the campaigns a page lists."""

    search: str
    number: int
    only: str = ""
    sort: str = ""

    def url(self, path: str, number: int) -> str:
        given = {"search": self.search, "only": self.only, "number": str(number) if number > 1 else ""}
        query = urlencode({name: text for name, text in {**given, "sort": self.sort}.items() if text})
        return f"{path}?{query}" if query else path

    def sort_url(self, path: str) -> str:
        """Without the name of the column, which a template appends."""
        unsorted = self._replace(sort="").url(path, 1)
        return f"{unsorted}{'&' if '?' in unsorted else '?'}sort="


class CampaignChip(NamedTuple):
    """A mark, how many campaigns have it, and the address that shows them, or all again."""

    mark: str
    label: str
    campaigns: int
    url: str
    is_chosen: bool


class _PageData(NamedTuple):
    row: BrandNow
    listed: ListedCampaigns
    campaigns: list[CampaignNow]
    curve: SpendCurve | None
    week: WeekShares


@router.get("/brands/{brand_id}")
async def brand(
    request: Request, brand_id: BrandId, query: ListQuery, person: PageViewer, services: Served
) -> Response:
    now = wall_clock()
    listed = _listed(query)
    data = await _page_data(services, DaySums(services, brand_id), brand_id, listed, now)
    if data is None:
        raise RowNotFound(f"There is no brand {brand_id}.")
    address, at = f"/brands/{in_address(brand_id)}", data.listed.page
    return page(
        request,
        "brand.html",
        person=person,
        row=data.row,
        campaigns=data.campaigns,
        curve=data.curve,
        week=data.week,
        commands=await recent(services, brand_id=brand_id),
        brand=services.catalog.brand(brand_id),
        now=now,
        may_edit=person.may(Role.OPERATOR),
        search=listed.search,
        only=listed.only,
        sort=listed.sort or "name",
        sorts=_SORT_LABELS,
        sort_url=listed.sort_url(address),
        chips=_chips(brand_id, listed, data.listed),
        words=_words(data.listed),
        live_url=listed.url(f"/live{address}", at),
        previous_url=listed.url(address, at - 1) if at > 1 else None,
        next_url=listed.url(address, at + 1) if at < data.listed.pages else None,
    )


@router.get("/live/brands/{brand_id}")
async def live(request: Request, brand_id: BrandId, query: ListQuery, person: PageViewer, services: Served) -> Response:
    may_edit, listed = person.may(Role.OPERATOR), _listed(query)
    view = shared_view(
        request, ("brand", brand_id, may_edit, listed), lambda: _BrandView(services, brand_id, may_edit, listed)
    )
    return stream(request, services, view)


def _listed(query: Mapping[str, str]) -> _Listed:
    number = query.get("number", "")
    is_number = number.isascii() and number.isdigit() and len(number) < 10
    return _Listed(
        query.get("search", "").strip(), int(number) if is_number else 1, query.get("only", ""), query.get("sort", "")
    )


def _chips(brand_id: str, listed: _Listed, found: ListedCampaigns) -> list[CampaignChip]:
    """Those that a campaign has, and the one that is chosen."""
    address = f"/brands/{in_address(brand_id)}"
    chips = []
    for mark in MARKS:
        count, is_chosen = found.marks.get(mark, 0), mark == listed.only
        if count or is_chosen:
            url = listed._replace(only="" if is_chosen else mark).url(address, 1)
            chips.append(CampaignChip(mark, _LABELS.get(mark) or short_reason(mark), count, url, is_chosen))
    return chips


def _words(listed: ListedCampaigns) -> str:
    """Empty where one page has them all and a search would help nobody."""
    if listed.pages == 1:
        return ""
    first = (listed.page - 1) * PAGE_SIZE + 1
    return f"{first:,}-{first + len(listed.rows) - 1:,} of {listed.found:,}"


class _BrandView(CommandList):
    def __init__(self, services: Services, brand_id: str, may_edit: bool, listed: _Listed) -> None:
        super().__init__(services, SHOWN, brand_id=brand_id)
        self._brand_id = brand_id
        self._may_edit = may_edit
        self._listed = listed
        self._sums = DaySums(services, brand_id)
        self.brand_ids = frozenset([brand_id])

    async def parts(self, changed: Iterable[str], now: Moment) -> list[Part]:
        data = await _page_data(self._services, self._sums, self._brand_id, self._listed, now)
        brand = self._services.catalog.brand(self._brand_id)
        if data is None or brand is None:
            return []
        return [
            Part("brand-head", part("brand_head", data.row, brand, self._may_edit)),
            Part("brand-now", part("brand_now", data.row, now)),
            Part("brand-curve", part("brand_curve", data.row, data.curve)),
            Part("brand-week", part("brand_week", data.week, data.row)),
            Part("campaign-chips", part("campaign_chips", _chips(self._brand_id, self._listed, data.listed))),
            *_campaign_rows(data.campaigns, now),
        ]


def _campaign_rows(campaigns: Iterable[CampaignNow], now: Moment) -> Iterator[Part]:
    """The rows of the table, each after the one before it where the page lacks it."""
    before = ""
    for it in campaigns:
        row = Part(f"campaign-{it.row.campaign_id}", part("campaign_row", it, now), "campaigns", before)
        yield row
        before = row.id


async def _page_data(
    services: Services, sums: DaySums, brand_id: str, listed: _Listed, now: Moment
) -> _PageData | None:
    row = brand_now(services, brand_id, now)
    brand = services.catalog.brand(brand_id)
    if row is None or brand is None:
        return None
    # Work on all campaigns, of which there may be thousands; the rows do not change meanwhile.
    campaigns = services.catalog.campaigns_of(brand_id)
    time_zone = row.summary.time_zone if row.summary else brand.time_zone
    week = await in_compute_thread(_week, campaigns, time_zone, now)
    held = services.live.brand(brand_id)
    marks = await in_compute_thread(campaign_marks, held.state if held else None)
    states = held.state.campaigns if held else {}
    found = await in_compute_thread(
        listed_campaigns, campaigns, listed.search, listed.number, marks, listed.only, listed.sort, states
    )
    curve = await sums.curve(row.summary, now) if row.summary else None
    return _PageData(row, found, [campaign_now(services, it) for it in found.rows], curve, week)


def _week(campaigns: Sequence[Campaign], time_zone: str, now: Moment) -> WeekShares:
    """Of all campaigns that are not archived, listed or not: how many may run at a time."""
    return week_shares((schedule_of(it).windows for it in campaigns if not it.archived), time_zone, now)
