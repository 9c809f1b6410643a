"""The page of a campaign: whether it runs and why, what it spends, when its windows are open, what was told of it."""

from collections.abc import Iterable

from fastapi import APIRouter, Request, Response

from console.access.person import Role
from console.access.rights import PageViewer
from console.api.services import Served, Services
from console.explain import Explanation, explain_held
from console.live.commands import Told
from console.live.hub import wall_clock
from console.schedule_preview import schedule_of
from console.web.brand_rows import brand_row
from console.web.campaign_now import campaign_now
from console.web.recent import SHOWN, recent
from console.web.render import page, part
from console.web.stream import Part, stream
from console.web.week_grid import week_grid
from models.errors import NotFound
from streams.core.moment import Moment

__all__ = ["router"]

router = APIRouter(include_in_schema=False)


@router.get("/campaigns/{campaign_id}")
async def campaign(request: Request, campaign_id: str, person: PageViewer, services: Served) -> Response:
    row = services.catalog.campaign(campaign_id)
    if row is None:
        raise NotFound(f"There is no campaign {campaign_id}.")
    now = wall_clock()
    it = campaign_now(services, row)
    commands = await recent(services, campaign_id=campaign_id)
    return page(
        request,
        "campaign.html",
        person=person,
        it=it,
        why=_why(services, campaign_id, commands),
        row=brand_row(services, row.brand_id, now),
        grid=week_grid(schedule_of(row).windows, it.time_zone, now),
        commands=commands,
        now=now,
        may_edit=person.may(Role.OPERATOR),
    )


@router.get("/live/campaigns/{campaign_id}")
async def live(request: Request, campaign_id: str, _: PageViewer, services: Served) -> Response:
    return stream(request, services, _CampaignView(services, campaign_id))


class _CampaignView:
    def __init__(self, services: Services, campaign_id: str) -> None:
        self._services = services
        self._campaign_id = campaign_id
        self._before: list[Told] | None = None
        row = services.catalog.campaign(campaign_id)
        self.brand_ids = frozenset([row.brand_id] if row else [])

    def wants(self, told: Told) -> bool:
        return told.command.campaign_id == self._campaign_id

    async def parts(self, changed: Iterable[str], now: Moment) -> list[Part]:
        row = self._services.catalog.campaign(self._campaign_id)
        brand = brand_row(self._services, row.brand_id, now) if row else None
        if row is None or brand is None:
            return []
        it = campaign_now(self._services, row)
        grid = week_grid(schedule_of(row).windows, it.time_zone, now)
        return [
            Part("campaign-now", part("campaign_now", it, brand, await self._why())),
            Part("campaign-week", part("campaign_week", grid)),
        ]

    async def _why(self) -> Explanation | None:
        """The journal is asked once, for a pause of before this process; later ones were heard."""
        heard = self._services.hub.commands.newest(1, campaign_id=self._campaign_id)
        if not heard and self._before is None:
            self._before = await recent(self._services, campaign_id=self._campaign_id)
        return _why(self._services, self._campaign_id, heard or self._before or [])

    def command(self, told: Told) -> Part:
        return Part(f"command-{told.command.command_id}", part("command_item", told))

    def newest(self) -> list[Told]:
        return self._services.hub.commands.newest(SHOWN, campaign_id=self._campaign_id)


def _why(services: Services, campaign_id: str, newest_first: list[Told]) -> Explanation | None:
    """None while the controller does not hold the campaign."""
    found = services.live.campaign(campaign_id)
    if found is None or found[1].terms is None or found[0].state.terms is None or found[0].state.day is None:
        return None
    return explain_held(*found, newest_first[0].command if newest_first else None)
