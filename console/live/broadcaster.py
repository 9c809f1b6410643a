"""Sends every open page what changed of what it shows: one follower of the state and one of the commands for all pages.

A page has a `Subscription`: the brands that it shows, and of them those that changed since it was last sent. That set
and the commands that wait are bounded, so that a page which nobody reads from any more never grows.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final, NamedTuple

import structlog

from console.live.command_feed import NEWEST_MAX, CommandFeed, ReceivedCommand
from console.live.summaries import BrandSummaries
from core.errors import SpendgateError, Unreachable
from streams.clock import current_moment
from streams.live_state import LiveState
from streams.reconnecting import Reconnecting
from streams.settings import Settings

__all__ = ["Broadcaster", "PageChanges", "Subscription", "open_broadcaster"]

log = structlog.get_logger()

#: Commands that wait for a page to take them; the page shows fewer.
_WAITING_MAX: Final = 100
_RETRY_SECONDS: Final = 0.5
#: Times in a text go on, and names are edited, without a change of the state.
_TEXT_SECONDS: Final = 1.0


class PageChanges(NamedTuple):
    """What a page is sent: brands to be rendered again, and new commands, oldest first."""

    brand_ids: frozenset[str]
    commands: tuple[ReceivedCommand, ...]


class Subscription:
    """What one page is to be sent. `wants` says which commands it shows."""

    def __init__(self, brand_ids: Iterable[str], wants: Callable[[ReceivedCommand], bool]) -> None:
        self.brand_ids = frozenset(brand_ids)
        self._wants = wants
        self._event = asyncio.Event()
        self._changed: set[str] = set()
        self._commands: deque[ReceivedCommand] = deque(maxlen=_WAITING_MAX)

    def note_brands(self, changed: frozenset[str]) -> None:
        """Mark those of the changed brands that the page shows."""
        if shown := self.brand_ids & changed:
            self._changed |= shown
            self._event.set()

    def note_command(self, received: ReceivedCommand) -> None:
        """Add a command, and mark its brand as changed: the command comes after the state that it is about, with what
        the state lacks."""
        if self._wants(received):
            self._commands.append(received)
            self._changed |= self.brand_ids & {received.command.brand_id}
            self._event.set()

    async def next_changes(self, patience_seconds: float) -> PageChanges:
        """What came since the last call, as soon as anything has; empty when nothing did in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_seconds):
                await self._event.wait()
        return self.take_changes()

    def take_changes(self) -> PageChanges:
        """What came since the last call, at once."""
        self._event.clear()
        taken = PageChanges(frozenset(self._changed), tuple(self._commands))
        self._changed.clear()
        self._commands.clear()
        return taken


class Broadcaster:
    """`summaries` and `commands` raise Unreachable while the broker is away."""

    def __init__(self, settings: Settings, live: Callable[[], LiveState]) -> None:
        self._live = live
        self._summaries: BrandSummaries | None = None
        self._commands = Reconnecting(
            "topic of commands", Unreachable, lambda: CommandFeed(settings, self._note_command)
        )
        self._subscriptions: set[Subscription] = set()
        #: The ids of the newest commands, in the order in which they came.
        self._noted: dict[str, None] = {}
        self._texts: dict[str, dict[Hashable, tuple[float, str]]] = {}

    @property
    def summaries(self) -> BrandSummaries:
        """The summaries of all brands, of the state that is followed now."""
        live = self._live()
        if self._summaries is None or self._summaries.live is not live:
            self._summaries = BrandSummaries(live, current_moment())
        return self._summaries

    @property
    def commands(self) -> CommandFeed:
        """The newest commands."""
        return self._commands.current()

    def is_fresh(self) -> bool:
        """Whether pages show what holds now."""
        with suppress(Unreachable):
            self._live()
            return self._commands.is_ready()
        return False

    @contextmanager
    def subscribe(self, brand_ids: Iterable[str], wants: Callable[[ReceivedCommand], bool]) -> Iterator[Subscription]:
        """A subscription of one page, for as long as the context lasts."""
        subscription = Subscription(brand_ids, wants)
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def text_of(self, brand_id: str, kind: Hashable, write: Callable[[], str]) -> str:
        """What all open pages of a kind show of a brand alike: written once for all of them, and anew when it has
        changed."""
        now = time.monotonic()
        written_at, text = self._texts.get(brand_id, {}).get(kind, (0.0, ""))
        if now - written_at > _TEXT_SECONDS:
            text = write()
            if text:  # of what nobody knows nothing is kept
                self._texts.setdefault(brand_id, {})[kind] = now, text
        return text

    async def run(self) -> None:
        """Follow state and commands until cancelled, also over a broker that goes and comes back."""
        async with self._commands:
            while True:
                try:
                    await self._follow(self.summaries)
                except SpendgateError:
                    pass  # whoever opens the state again logs why it ended
                except Exception:
                    log.exception("pages_not_updated", seconds=_RETRY_SECONDS)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(self, summaries: BrandSummaries) -> None:
        """Follow until the state can be followed no more. All brands are marked first, because changes may have been
        missed."""
        self.note_brands(frozenset(summaries.live.brand_ids()))
        work = asyncio.create_task(summaries.work())
        try:
            async for changed in summaries.live.changes():
                summaries.mark_changed(changed, current_moment())
                self.note_brands(changed)
                if self._live() is not summaries.live:
                    return
        finally:
            work.cancel()

    def note_brands(self, changed: frozenset[str]) -> None:
        """Pages that show one of these brands are rendered again: its state or its rows in the catalog changed."""
        for brand_id in changed & self._texts.keys():
            del self._texts[brand_id]
        for subscription in self._subscriptions:
            subscription.note_brands(changed)

    def _note_command(self, received: ReceivedCommand) -> None:
        """Pass a command on to the pages that show it. A feed that is opened again begins with earlier commands, of
        which pages lack only those that came meanwhile."""
        if received.command.command_id in self._noted:
            return
        self._noted[received.command.command_id] = None
        if len(self._noted) > NEWEST_MAX:
            del self._noted[next(iter(self._noted))]
        for subscription in self._subscriptions:
            subscription.note_command(received)


@asynccontextmanager
async def open_broadcaster(settings: Settings, live: Callable[[], LiveState]) -> AsyncIterator[Broadcaster]:
    """A broadcaster that runs for as long as the context lasts. `live` returns the state, or raises Unreachable."""
    broadcaster = Broadcaster(settings, live)
    running = asyncio.create_task(broadcaster.run(), name="broadcaster")
    try:
        yield broadcaster
    finally:
        running.cancel()
        await asyncio.wait([running])
