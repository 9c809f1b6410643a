"""The page of a brand: spend of the day against the budget, its campaigns and their windows, the last commands."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fastapi import APIRouter, Request, Response

from console.access.rights import PageViewer
from console.live.broadcaster import wall_clock
from console.pages.brand_now import BrandNow, brand_now
from console.pages.campaign_now import CampaignNow, campaigns_now
from console.pages.command_list import CommandList
from console.pages.day_sums import DaySums
from console.pages.page_stream import Part, stream
from console.pages.recent import SHOWN, recent
from console.pages.shared_views import shared_view
from console.pages.spend_curve import SpendCurve
from console.pages.week_grid import WeekGrid, week_grid
from console.rendering.render import page, part
from console.server.paging import BrandId
from console.server.services import Served, Services
from core.moment import Moment
from models.errors import NotFound
from operations.accounts.person import Role
from operations.schedule_preview import schedule_of

__all__ = ["router"]

router = APIRouter(include_in_schema=False)


class _PageData(NamedTuple):
    row: BrandNow
    campaigns: list[CampaignNow]
    curve: SpendCurve | None


@router.get("/brands/{brand_id}")
async def brand(request: Request, brand_id: BrandId, person: PageViewer, services: Served) -> Response:
    now = wall_clock()
    data = await _page_data(services, DaySums(services, brand_id), brand_id, now)
    if data is None:
        raise NotFound(f"There is no brand {brand_id}.")
    return page(
        request,
        "brand.html",
        person=person,
        row=data.row,
        campaigns=data.campaigns,
        curve=data.curve,
        grids=_grids(data.campaigns, now),
        commands=await recent(services, brand_id=brand_id),
        brand=services.catalog.brand(brand_id),
        now=now,
        may_edit=person.may(Role.OPERATOR),
    )


@router.get("/live/brands/{brand_id}")
async def live(request: Request, brand_id: BrandId, person: PageViewer, services: Served) -> Response:
    may_edit = person.may(Role.OPERATOR)
    view = shared_view(request, ("brand", brand_id, may_edit), lambda: _BrandView(services, brand_id, may_edit))
    return stream(request, services, view)


class _BrandView(CommandList):
    def __init__(self, services: Services, brand_id: str, may_edit: bool) -> None:
        super().__init__(services, SHOWN, brand_id=brand_id)
        self._brand_id = brand_id
        self._may_edit = may_edit
        self._sums = DaySums(services, brand_id)
        self.brand_ids = frozenset([brand_id])

    async def parts(self, changed: Iterable[str], now: Moment) -> list[Part]:
        data = await _page_data(self._services, self._sums, self._brand_id, now)
        brand = self._services.catalog.brand(self._brand_id)
        if data is None or brand is None:
            return []
        return [
            Part("brand-head", part("brand_head", data.row, brand, self._may_edit)),
            Part("brand-now", part("brand_now", data.row, now)),
            Part("brand-curve", part("brand_curve", data.row, data.curve)),
            Part("brand-week", part("brand_week", _grids(data.campaigns, now), data.row)),
            *_campaign_rows(data.campaigns, now),
        ]


def _campaign_rows(campaigns: Iterable[CampaignNow], now: Moment) -> Iterator[Part]:
    """The rows of the table, each after the one before it where the page lacks it."""
    before = ""
    for it in campaigns:
        row = Part(f"campaign-{it.row.campaign_id}", part("campaign_row", it, now), "campaigns", before)
        yield row
        before = row.id


async def _page_data(services: Services, sums: DaySums, brand_id: str, now: Moment) -> _PageData | None:
    row = brand_now(services, brand_id, now)
    if row is None:
        return None
    curve = await sums.curve(row.summary, now) if row.summary else None
    return _PageData(row, campaigns_now(services, brand_id), curve)


def _grids(campaigns: Iterable[CampaignNow], now: Moment) -> list[WeekGrid]:
    """A grid for each campaign that is not archived: overlaid they show how many may run at a time."""
    shown = [it for it in campaigns if not it.row.archived]
    return [week_grid(schedule_of(it.row).windows, it.time_zone, now) for it in shown]
