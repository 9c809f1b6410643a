"""The page of a brand: spend of the day against the budget, its campaigns and their windows, the last commands."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Request, Response

from console.access.rights import PageViewer
from console.live.campaign_marks import MARKS
from console.pages.brand_now import BrandNow, brand_now
from console.pages.campaign_list import (
    SORT_LABELS,
    CampaignList,
    ListedCampaigns,
    campaign_chips,
    campaign_list,
    listed_campaigns,
    page_words,
)
from console.pages.campaign_now import CampaignNow, campaign_now
from console.pages.command_list import CommandList
from console.pages.day_sums import DaySums
from console.pages.page_stream import Part, stream
from console.pages.recent import SHOWN, recent
from console.pages.shared_views import shared_view
from console.pages.spend_curve import SpendCurve
from console.pages.week_grid import WeekShares, week_shares
from console.rendering.ids_in_addresses import in_address
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
from streams.clock import current_moment

__all__ = ["router"]

router = APIRouter(include_in_schema=False)


ListQuery = Annotated[Mapping[str, str], Depends(PageQuery("search", "number", "sort", only=MARKS))]


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
    now = current_moment()
    listed = campaign_list(query)
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
        sorts=SORT_LABELS,
        sort_url=listed.sort_url(address),
        chips=campaign_chips(address, listed, data.listed),
        words=page_words(data.listed),
        live_url=listed.url(f"/live{address}", at),
        previous_url=listed.url(address, at - 1) if at > 1 else None,
        next_url=listed.url(address, at + 1) if at < data.listed.pages else None,
    )


@router.get("/live/brands/{brand_id}")
async def live(request: Request, brand_id: BrandId, query: ListQuery, person: PageViewer, services: Served) -> Response:
    may_edit, listed = person.may(Role.OPERATOR), campaign_list(query)
    view = shared_view(
        request, ("brand", brand_id, may_edit, listed), lambda: _BrandView(services, brand_id, may_edit, listed)
    )
    return stream(request, services, view)


class _BrandView(CommandList):
    def __init__(self, services: Services, brand_id: str, may_edit: bool, listed: CampaignList) -> None:
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
        address = f"/brands/{in_address(self._brand_id)}"
        return [
            Part("brand-head", part("brand_head", data.row, brand, self._may_edit)),
            Part("brand-now", part("brand_now", data.row, now)),
            Part("brand-curve", part("brand_curve", data.row, data.curve)),
            Part("brand-week", part("brand_week", data.week, data.row)),
            Part("campaign-chips", part("campaign_chips", campaign_chips(address, self._listed, data.listed))),
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
    services: Services, sums: DaySums, brand_id: str, listed: CampaignList, now: Moment
) -> _PageData | None:
    row = brand_now(services, brand_id, now)
    brand = services.catalog.brand(brand_id)
    if row is None or brand is None:
        return None
    # Work on all campaigns, of which there may be thousands; the rows do not change meanwhile.
    campaigns = services.catalog.campaigns_of(brand_id)
    time_zone = row.summary.time_zone if row.summary else brand.time_zone
    week = await in_compute_thread(_week, campaigns, time_zone, now)
    found = await in_compute_thread(listed_campaigns, campaigns, listed, row.summary.campaigns if row.summary else {})
    curve = await sums.curve(row.summary, now) if row.summary else None
    rows = [campaign_now(services, it, services.live) for it in found.rows]
    return _PageData(row, found, rows, curve, week)


def _week(campaigns: Sequence[Campaign], time_zone: str, now: Moment) -> WeekShares:
    """How many campaigns may run at a time over the week: of all that are not archived, listed or not."""
    return week_shares((schedule_of(it).windows for it in campaigns if not it.archived), time_zone, now)
