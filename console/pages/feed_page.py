"""The feed: the commands of all brands as they come."""

from collections.abc import Iterable
from typing import Final

from fastapi import APIRouter, Request, Response

from console.access.rights import PageViewer
from console.pages.command_list import CommandList, brand_name
from console.pages.page_stream import Part, stream
from console.pages.shared_views import shared_view
from console.rendering.render import page
from console.server.services import Served
from core.moment import Moment

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_SHOWN: Final = 50


@router.get("/feed")
async def feed(request: Request, person: PageViewer, services: Served) -> Response:
    commands = services.broadcaster.commands.newest(_SHOWN)
    names = {it.command.brand_id: brand_name(services, it.command.brand_id) for it in commands}
    return page(request, "feed.html", person=person, commands=commands, names=names)


@router.get("/live/feed")
async def live(request: Request, _: PageViewer, services: Served) -> Response:
    return stream(request, services, shared_view(request, "feed", lambda: _FeedView(services, _SHOWN)))


class _FeedView(CommandList):
    brand_ids: frozenset[str] = frozenset()

    async def parts(self, changed: Iterable[str], now: Moment) -> list[Part]:
        return []
