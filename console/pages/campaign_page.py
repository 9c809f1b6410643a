"""The page of a campaign: whether it runs and why, its spend, its windows, the last commands."""

import time
from collections.abc import Iterable
from typing import Final

from fastapi import APIRouter, Request, Response

from console.access.rights import PageViewer
from console.live.command_feed import ReceivedCommand
from console.pages.brand_now import brand_now
from console.pages.campaign_now import campaign_now
from console.pages.command_list import CommandList
from console.pages.last_overspend import OverspendReader, last_overspend
from console.pages.page_stream import Part, stream
from console.pages.recent import SHOWN, merged, newest_received, recent
from console.pages.remedies import paused_by, remedies
from console.pages.shared_views import shared_view
from console.pages.week_grid import week_grid
from console.rendering.render import page, part
from console.server.paging import CampaignId
from console.server.services import Served, Services
from core.moment import Moment
from models.errors import RowNotFound
from operations.accounts.person import Role
from operations.explain import Explanation, explain_held
from operations.schedule_preview import schedule_of
from streams.clock import current_moment

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

#: Between two reads of the journal by a page that waits for a row of it.
_JOURNAL_SECONDS: Final = 1.0


@router.get("/campaigns/{campaign_id}")
async def campaign(request: Request, campaign_id: CampaignId, person: PageViewer, services: Served) -> Response:
    row = services.catalog.campaign(campaign_id)
    if row is None:
        raise RowNotFound(f"There is no campaign {campaign_id}.")
    now = current_moment()
    it = campaign_now(services, row, services.live)
    commands = await recent(services, campaign_id=campaign_id)
    why, may_edit = _why(services, campaign_id, commands), person.may(Role.OPERATOR)
    brand = services.catalog.brand(row.brand_id)
    return page(
        request,
        "campaign.html",
        person=person,
        it=it,
        why=why,
        remedies=remedies(why, row, brand) if may_edit and brand else {},
        paused_by=await paused_by(services, why, row, brand) if brand else [],
        row=brand_now(services, row.brand_id, now),
        grid=week_grid(schedule_of(row).windows, it.time_zone, now),
        commands=commands,
        overspend=await last_overspend(services, commands),
        now=now,
        may_edit=may_edit,
    )


@router.get("/live/campaigns/{campaign_id}")
async def live(request: Request, campaign_id: CampaignId, person: PageViewer, services: Served) -> Response:
    may_edit = person.may(Role.OPERATOR)
    view = shared_view(
        request, ("campaign", campaign_id, may_edit), lambda: _CampaignView(services, campaign_id, may_edit)
    )
    return stream(request, services, view)


class _CampaignView(CommandList):
    def __init__(self, services: Services, campaign_id: str, may_edit: bool) -> None:
        super().__init__(services, SHOWN, campaign_id=campaign_id)
        self._campaign_id = campaign_id
        self._may_edit = may_edit
        self._overspend = OverspendReader(services)
        #: As of the last read of the journal.
        self._recent: list[ReceivedCommand] = []
        self._journal_read_at = float("-inf")
        row = services.catalog.campaign(campaign_id)
        self.brand_ids = frozenset([row.brand_id] if row else [])

    async def parts(self, changed: Iterable[str], now: Moment) -> list[Part]:
        row = self._services.catalog.campaign(self._campaign_id)
        brand = brand_now(self._services, row.brand_id, now) if row else None
        if row is None or brand is None:
            return []
        it = campaign_now(self._services, row, self._services.live)
        grid = week_grid(schedule_of(row).windows, it.time_zone, now)
        why = await self._why()
        overspend = await self._overspend.read(merged(self._recent, self.newest()))
        self.is_incomplete = _lacks_its_cause(why) or self._overspend.is_incomplete
        of_brand = self._services.catalog.brand(row.brand_id)
        offered = remedies(why, row, of_brand) if self._may_edit and of_brand else {}
        by = await paused_by(self._services, why, row, of_brand) if of_brand else []
        found = [
            Part("campaign-head", part("campaign_head", it, brand, self._may_edit)),
            Part("campaign-now", part("campaign_now", it, brand, why, now, offered, by)),
            Part("campaign-week", part("campaign_week", grid, it)),
            Part("campaign-overspend", part("campaign_overspend", overspend)),
        ]
        if self._recent:  # the list too lacks what the journal has only now
            commands = merged(self._recent, self.newest())
            found.append(Part("commands", part("command_list", commands, "narrow-feed")))
        return found

    async def _why(self) -> Explanation | None:
        """The explanation by the command in force. The state is flushed before the command: this process receives it
        later or, when it is not among the newest of all, the ledger writes it later. Until then the explanation has no
        cause."""
        received = newest_received(self._services, 1, campaign_id=self._campaign_id)
        why = _why(self._services, self._campaign_id, received or self._recent)
        if _lacks_its_cause(why) and time.monotonic() - self._journal_read_at > _JOURNAL_SECONDS:
            self._journal_read_at = time.monotonic()
            self._recent = await recent(self._services, campaign_id=self._campaign_id)
            why = _why(self._services, self._campaign_id, self._recent)
        return why


def _lacks_its_cause(why: Explanation | None) -> bool:
    return why is not None and bool(why.because) and why.cause is None


def _why(services: Services, campaign_id: str, newest_first: list[ReceivedCommand]) -> Explanation | None:
    """The explanation; None while the controller does not hold the campaign."""
    found = services.live.campaign(campaign_id)
    if found is None or found[1].config is None or found[0].state.config is None or found[0].state.day is None:
        return None
    return explain_held(*found, newest_first[0].command if newest_first else None)
