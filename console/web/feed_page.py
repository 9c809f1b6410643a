"""The feed: pauses and resumes of all brands as they are told."""

from collections.abc import Iterable
from typing import Final

from fastapi import APIRouter, Request, Response

from console.access.rights import PageViewer
from console.api.services import Served, Services
from console.live.commands import Told
from console.web.render import page, part
from console.web.stream import Part, stream
from streams.core.moment import Moment

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_SHOWN: Final = 50


@router.get("/feed")
async def feed(request: Request, person: PageViewer, services: Served) -> Response:
    return page(request, "feed.html", person=person, commands=services.hub.commands.newest(_SHOWN))


@router.get("/live/feed")
async def live(request: Request, _: PageViewer, services: Served) -> Response:
    return stream(request, services, _FeedView(services))


class _FeedView:
    brand_ids: frozenset[str] = frozenset()

    def __init__(self, services: Services) -> None:
        self._services = services

    def wants(self, told: Told) -> bool:
        return True

    async def parts(self, changed: Iterable[str], now: Moment) -> list[Part]:
        return []

    def command(self, told: Told) -> Part:
        return Part(f"command-{told.command.command_id}", part("command_item", told))

    def newest(self) -> list[Told]:
        return self._services.hub.commands.newest(_SHOWN)
