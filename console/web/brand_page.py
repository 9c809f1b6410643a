"""The page of a brand: its day against the budget, its campaigns, when they may run, what was told last."""

from collections.abc import Iterable
from typing import NamedTuple

from fastapi import APIRouter, Request, Response

from console.access.person import Role
from console.access.rights import PageViewer
from console.api.services import Served, Services
from console.live.commands import Told
from console.live.hub import wall_clock
from console.schedule_preview import schedule_of
from console.web.brand_rows import BrandRow, brand_row
from console.web.campaign_now import CampaignNow, campaigns_now
from console.web.day_sums import DaySums
from console.web.recent import SHOWN, recent
from console.web.render import page, part
from console.web.spend_curve import SpendCurve
from console.web.stream import Part, stream
from console.web.week_grid import WeekGrid, week_grid
from models.errors import NotFound
from streams.core.moment import Moment

__all__ = ["router"]

router = APIRouter(include_in_schema=False)


class _Seen(NamedTuple):
    row: BrandRow
    campaigns: list[CampaignNow]
    curve: SpendCurve | None


@router.get("/brands/{brand_id}")
async def brand(request: Request, brand_id: str, person: PageViewer, services: Served) -> Response:
    now = wall_clock()
    seen = await _seen(services, DaySums(services, brand_id), brand_id, now)
    if seen is None:
        raise NotFound(f"There is no brand {brand_id}.")
    return page(
        request,
        "brand.html",
        person=person,
        row=seen.row,
        campaigns=seen.campaigns,
        curve=seen.curve,
        grids=_grids(seen.campaigns, now),
        commands=await recent(services, brand_id=brand_id),
        brand=services.catalog.brand(brand_id),
        now=now,
        may_edit=person.may(Role.OPERATOR),
    )


@router.get("/live/brands/{brand_id}")
async def live(request: Request, brand_id: str, _: PageViewer, services: Served) -> Response:
    return stream(request, services, _BrandView(services, brand_id))


class _BrandView:
    def __init__(self, services: Services, brand_id: str) -> None:
        self._services = services
        self._brand_id = brand_id
        self._sums = DaySums(services, brand_id)
        self.brand_ids = frozenset([brand_id])

    def wants(self, told: Told) -> bool:
        return told.command.brand_id == self._brand_id

    async def parts(self, changed: Iterable[str], now: Moment) -> list[Part]:
        seen = await _seen(self._services, self._sums, self._brand_id, now)
        if seen is None:
            return []
        return [
            Part("brand-now", part("brand_now", seen.row, now)),
            Part("brand-curve", part("brand_curve", seen.row, seen.curve)),
            Part("brand-week", part("brand_week", _grids(seen.campaigns, now), seen.row)),
            *(Part(f"campaign-{it.row.campaign_id}", part("campaign_row", it)) for it in seen.campaigns),
        ]

    def command(self, told: Told) -> Part:
        return Part(f"command-{told.command.command_id}", part("command_item", told))

    def newest(self) -> list[Told]:
        return self._services.hub.commands.newest(SHOWN, brand_id=self._brand_id)


async def _seen(services: Services, sums: DaySums, brand_id: str, now: Moment) -> _Seen | None:
    row = brand_row(services, brand_id, now)
    if row is None:
        return None
    curve = await sums.curve(row.seen, now) if row.seen else None
    return _Seen(row, campaigns_now(services, brand_id), curve)


def _grids(campaigns: Iterable[CampaignNow], now: Moment) -> list[WeekGrid]:
    """One for each campaign that is not put away: laid over each other they show when how many may run."""
    shown = [it for it in campaigns if not it.row.archived]
    return [week_grid(schedule_of(it.row).windows, it.time_zone, now) for it in shown]
