"""The event stream of an open page: its parts, sent again when they change.

A stream begins with every part, so that a browser which connects again needs no last event id. After that a part is
sent only when its HTML has changed, at most once in COALESCE_SECONDS.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractContextManager, suppress
from functools import partial
from typing import Final, NamedTuple, Protocol

from fastapi import Request
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from console.access.cookies import session_secret
from console.live.broadcaster import PageChanges, Subscription
from console.live.command_feed import ReceivedCommand
from console.server.services import Services
from core.errors import Unreachable
from core.moment import Moment
from models.errors import DatabaseAway
from operations.accounts.secret import secret_hash
from streams.clock import current_moment

__all__ = ["PageView", "Part", "stream"]

#: Between two batches of messages; changes meanwhile are coalesced.
COALESCE_SECONDS: Final = 0.25
#: Between two full renderings, as relative times on a page change without an event.
_CLOCK_SECONDS: Final = 20.0
#: Until what could not be shown, or not whole, is tried again.
_AGAIN_SECONDS: Final = 1.0
_SESSION_SECONDS: Final = 5.0
_HEARTBEAT_SECONDS: Final = 15
#: A stream is closed when the browser has taken nothing for so long.
_DEAD_SECONDS: Final = 30


class Part(NamedTuple):
    """The new HTML of an element of the page, by the element's id.

    One that the page lacks is put into `list`, after the element `after` or, where that is not there, first.
    """

    id: str
    html: str
    list: str = ""
    after: str = ""


class PageView(Protocol):
    """What an open page shows: reads the state and renders it."""

    #: More of them when it comes to show more.
    brand_ids: frozenset[str]

    @property
    def is_incomplete(self) -> bool:
        """Whether the last rendering lacks what comes later than the state, such as a row that the ledger writes, or
        what is no change of the page's own brands, such as another brand that its list has room for."""

    def shows(self, received: ReceivedCommand) -> bool:
        """Whether the page lists this command."""

    async def parts(self, changed: Iterable[str], now: Moment) -> list[Part]:
        """The parts that the change of these brands may have changed."""

    def command(self, received: ReceivedCommand) -> Part:
        """The entry of the command in the page's list."""

    def newest(self) -> list[ReceivedCommand]:
        """The commands that the list begins with, newest first; raises Unreachable."""


def stream(request: Request, services: Services, view: AbstractContextManager[PageView]) -> Response:
    """Server-sent events `command`, `part`, `state` and `end`; `view` is entered while the browser listens."""
    secret = session_secret(request) or ""
    response = _CountedStream(
        _messages(request, services, view),
        ping=_HEARTBEAT_SECONDS,
        send_timeout=_DEAD_SECONDS,
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )
    response.share = partial(services.sharing.stream, request.state.person.name, secret_hash(secret).hex())
    return response


class _CountedStream(EventSourceResponse):
    """Counts against the limits of streams while it is open."""

    share: Callable[[], AbstractContextManager[None]]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self.share():
            await super().__call__(scope, receive, send)


async def _messages(
    request: Request, services: Services, entered_view: AbstractContextManager[PageView]
) -> AsyncIterator[ServerSentEvent]:
    """The messages until the session ends or the browser disconnects."""
    with entered_view as view, services.broadcaster.subscribe(view.brand_ids, view.shows) as subscription:
        sender = _Sender(services, view)
        is_signed_in = _still_signed_in(request, services)
        changes = PageChanges(view.brand_ids, tuple(reversed(sender.newest())))
        while True:
            for message in await sender.commands(changes):
                yield message
            if not await is_signed_in():
                yield ServerSentEvent("", event="end")
                return
            await asyncio.sleep(COALESCE_SECONDS)
            changes = await sender.next(subscription)


class _Sender:
    """Builds the messages for one browser; remembers a hash of each part as last sent."""

    def __init__(self, services: Services, view: PageView) -> None:
        self._services = services
        self._view = view
        self._sent: dict[str, int] = {}
        #: The brands that could not be shown; None where the page shows all that it can.
        self._owed: frozenset[str] | None = None
        self._clock_at = 0.0
        #: Whether the page is rendered although none of its brands has changed.
        self._is_due = True

    def newest(self) -> list[ReceivedCommand]:
        try:
            return self._view.newest()
        except Unreachable:
            return []

    async def next(self, subscription: Subscription) -> PageChanges:
        """The next changes and those that could not be shown before; all brands of the page where the last full
        rendering is _CLOCK_SECONDS old."""
        subscription.brand_ids = self._view.brand_ids
        changes = await subscription.next_changes(_SESSION_SECONDS if self._owed is None else _AGAIN_SECONDS)
        if asyncio.get_running_loop().time() - self._clock_at > _CLOCK_SECONDS:
            self._is_due = True
            return PageChanges(subscription.brand_ids, changes.commands)
        self._is_due = self._owed is not None
        return PageChanges(changes.brand_ids | (self._owed or frozenset()), changes.commands)

    async def commands(self, changes: PageChanges) -> list[ServerSentEvent]:
        if changes.brand_ids == self._view.brand_ids:
            self._clock_at = asyncio.get_running_loop().time()
        messages = [_message("command", self._view.command(received)) for received in changes.commands]
        messages += [_message("part", it) for it in await self._parts(changes) if self._is_new(it)]
        state = Part("live-state", "on" if self._is_current() else "off")
        return [*messages, _message("state", state)] if self._is_new(state) else messages

    def _is_current(self) -> bool:
        """Whether broker and database are reached: names, windows and hourly sums come from the database."""
        with suppress(DatabaseAway):
            self._services.need_database()
            return self._services.broadcaster.is_fresh()
        return False

    async def _parts(self, changes: PageChanges) -> list[Part]:
        if not changes.brand_ids and not self._is_due:
            return []
        self._owed = changes.brand_ids
        try:
            parts = await self._view.parts(changes.brand_ids, current_moment())
        except (Unreachable, DatabaseAway):
            return []
        self._owed = frozenset() if self._view.is_incomplete else None
        return parts

    def _is_new(self, it: Part) -> bool:
        digest = hash(it.html)
        if self._sent.get(it.id) == digest:
            return False
        self._sent[it.id] = digest
        return True


def _message(event: str, it: Part) -> ServerSentEvent:
    return ServerSentEvent(json.dumps(it._asdict()), event=event)


def _still_signed_in(request: Request, services: Services) -> Callable[[], Awaitable[bool]]:
    """A check whether the session is still valid; asks the database at most once in _SESSION_SECONDS."""
    secret = session_secret(request) or ""
    asked_at = asyncio.get_running_loop().time()

    async def is_signed_in() -> bool:
        nonlocal asked_at
        now = asyncio.get_running_loop().time()
        if now - asked_at < _SESSION_SECONDS:
            return True
        asked_at = now
        try:
            return await services.authenticator.is_signed_in(secret)
        except DatabaseAway:
            return True

    return is_signed_in
