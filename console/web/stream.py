"""The stream of one open page: what it shows, sent again when it changes.

It begins with all of it, so that a page which was cut off and comes back needs to remember nothing. After that a part
is sent only when its text differs from what was sent before, at most four times a second however often it changes.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Final, NamedTuple, Protocol

from fastapi import Request
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.responses import Response

from console.access.cookies import session_secret
from console.api.services import Services
from console.live.commands import Told
from console.live.hub import News, Tab, wall_clock
from models.errors import DatabaseAway
from streams.core.moment import Moment
from streams.errors import Unreachable

__all__ = ["Part", "View", "stream"]

#: Between two messages: changes meanwhile are one.
COALESCE_SECONDS: Final = 0.25
#: Times that a page shows go on without a change.
_CLOCK_SECONDS: Final = 20.0
_SESSION_SECONDS: Final = 5.0
_HEARTBEAT_SECONDS: Final = 15
#: A browser that takes nothing for so long is gone.
_DEAD_SECONDS: Final = 30


class Part(NamedTuple):
    """An element of a page by its id, written anew."""

    id: str
    html: str


class View(Protocol):
    """What a page shows."""

    brand_ids: frozenset[str]

    def wants(self, told: Told) -> bool:
        """Whether the page lists this command."""

    async def parts(self, changed: Iterable[str], now: Moment) -> list[Part]:
        """What may look otherwise since these brands changed."""

    def command(self, told: Told) -> Part:
        """An entry for the page's list."""

    def newest(self) -> list[Told]:
        """What the list holds at first, newest first."""


def stream(request: Request, services: Services, view: View) -> Response:
    return EventSourceResponse(
        _messages(request, services, view),
        ping=_HEARTBEAT_SECONDS,
        send_timeout=_DEAD_SECONDS,
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def _messages(request: Request, services: Services, view: View) -> AsyncIterator[ServerSentEvent]:
    """Until the session ends or the browser goes."""
    with services.hub.tab(view.brand_ids, view.wants) as tab:
        sender = _Sender(services, view)
        is_signed_in = _asked_now_and_then(request, services)
        news = News(view.brand_ids, tuple(reversed(sender.newest())))
        while True:
            for message in await sender.told(news):
                yield message
            if not await is_signed_in():
                yield ServerSentEvent("", event="end")
                return
            await asyncio.sleep(COALESCE_SECONDS)
            news = await sender.next(tab)


class _Sender:
    """Remembers the hash of what was sent of each part."""

    def __init__(self, services: Services, view: View) -> None:
        self._services = services
        self._view = view
        self._sent: dict[str, int] = {}
        self._clock_at = 0.0

    def newest(self) -> list[Told]:
        try:
            return self._view.newest()
        except Unreachable:
            return []

    async def next(self, tab: Tab) -> News:
        """What came, or now and then all of it, because its times have gone on."""
        news = await tab.news(_SESSION_SECONDS)
        if asyncio.get_running_loop().time() - self._clock_at > _CLOCK_SECONDS:
            return News(tab.brand_ids, news.commands)
        return news

    async def told(self, news: News) -> list[ServerSentEvent]:
        if news.brand_ids == self._view.brand_ids:
            self._clock_at = asyncio.get_running_loop().time()
        messages = [_message("command", self._view.command(told)) for told in news.commands]
        messages += [_message("part", part) for part in await self._parts(news) if self._is_new(part)]
        state = Part("live-state", "on" if self._is_fresh() else "off")
        return [*messages, _message("state", state)] if self._is_new(state) else messages

    def _is_fresh(self) -> bool:
        """Names, windows and the hours of a day are the database's."""
        with suppress(DatabaseAway):
            self._services.need_database()
            return self._services.hub.is_fresh()
        return False

    async def _parts(self, news: News) -> list[Part]:
        try:
            return await self._view.parts(news.brand_ids, wall_clock()) if news.brand_ids else []
        except (Unreachable, DatabaseAway):
            return []

    def _is_new(self, part: Part) -> bool:
        digest = hash(part.html)
        if self._sent.get(part.id) == digest:
            return False
        self._sent[part.id] = digest
        return True


def _message(event: str, part: Part) -> ServerSentEvent:
    return ServerSentEvent(json.dumps({"id": part.id, "html": part.html}), event=event)


def _asked_now_and_then(request: Request, services: Services) -> Callable[[], Awaitable[bool]]:
    """Whether the session of the request still holds, as of some seconds ago at most."""
    secret = session_secret(request) or ""
    asked_at = asyncio.get_running_loop().time()

    async def is_signed_in() -> bool:
        nonlocal asked_at
        now = asyncio.get_running_loop().time()
        if now - asked_at < _SESSION_SECONDS:
            return True
        asked_at = now
        try:
            return await services.gate.is_signed_in(secret)
        except DatabaseAway:
            return True

    return is_signed_in
