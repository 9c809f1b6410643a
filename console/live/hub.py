"""Tells every open page what changed of what it shows: one follower of the state and one of the commands for all pages.

A page has a `Tab`: the brands that it shows, and of them those that changed since it was last told. That set and the
commands that wait are bounded, so that a page which nobody reads from any more never grows.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final, NamedTuple

from console.api.kept import Kept
from console.live.commands import CommandFeed, Told
from console.live.summaries import Summaries
from streams.core.moment import Moment
from streams.errors import Unreachable
from streams.live import LiveState
from streams.settings import Settings

__all__ = ["Hub", "News", "Tab", "open_hub", "wall_clock"]

#: Commands that wait for a page to take them; the page shows fewer.
_WAITING_MAX: Final = 100
_RETRY_SECONDS: Final = 0.5


class News(NamedTuple):
    brand_ids: frozenset[str]
    commands: tuple[Told, ...]


class Tab:
    """What one page is to be told. `wants` says which commands it shows."""

    def __init__(self, brand_ids: Iterable[str], wants: Callable[[Told], bool]) -> None:
        self.brand_ids = frozenset(brand_ids)
        self._wants = wants
        self._woken = asyncio.Event()
        self._changed: set[str] = set()
        self._commands: deque[Told] = deque(maxlen=_WAITING_MAX)

    def note_brands(self, changed: frozenset[str]) -> None:
        if shown := self.brand_ids & changed:
            self._changed |= shown
            self._woken.set()

    def note_command(self, told: Told) -> None:
        if self._wants(told):
            self._commands.append(told)
            self._woken.set()

    async def news(self, patience_seconds: float) -> News:
        """What came since the last call, as soon as anything has; empty when nothing did in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_seconds):
                await self._woken.wait()
        self._woken.clear()
        taken = News(frozenset(self._changed), tuple(self._commands))
        self._changed.clear()
        self._commands.clear()
        return taken


class Hub:
    """`summaries` and `commands` raise Unreachable while the broker is away."""

    def __init__(self, settings: Settings, live: Callable[[], LiveState]) -> None:
        self._live = live
        self._summaries: Summaries | None = None
        self._commands = Kept("topic of commands", Unreachable, lambda: CommandFeed(settings, self._note_command))
        self._tabs: set[Tab] = set()

    @property
    def summaries(self) -> Summaries:
        live = self._live()
        if self._summaries is None or self._summaries.live is not live:
            self._summaries = Summaries(live, wall_clock())
        return self._summaries

    @property
    def commands(self) -> CommandFeed:
        return self._commands.now()

    def is_fresh(self) -> bool:
        """Whether pages show what holds now."""
        with suppress(Unreachable):
            self._live()
            return self._commands.is_ready()
        return False

    @contextmanager
    def tab(self, brand_ids: Iterable[str], wants: Callable[[Told], bool]) -> Iterator[Tab]:
        tab = Tab(brand_ids, wants)
        self._tabs.add(tab)
        try:
            yield tab
        finally:
            self._tabs.discard(tab)

    async def run(self) -> None:
        """For ever, also over a broker that goes and comes back."""
        async with self._commands:
            while True:
                with suppress(Unreachable):
                    await self._follow(self.summaries)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(self, summaries: Summaries) -> None:
        """Until the state is followed no more; what was missed meanwhile is all told as changed."""
        self._note_brands(frozenset(summaries.live.brand_ids()))
        work = asyncio.create_task(summaries.work())
        try:
            async for changed in summaries.live.changes():
                summaries.mark(changed, wall_clock())
                self._note_brands(changed)
                if self._live() is not summaries.live:
                    return
        finally:
            work.cancel()

    def _note_brands(self, changed: frozenset[str]) -> None:
        for tab in self._tabs:
            tab.note_brands(changed)

    def _note_command(self, told: Told) -> None:
        for tab in self._tabs:
            tab.note_command(told)


@asynccontextmanager
async def open_hub(settings: Settings, live: Callable[[], LiveState]) -> AsyncIterator[Hub]:
    hub = Hub(settings, live)
    running = asyncio.create_task(hub.run(), name="hub")
    try:
        yield hub
    finally:
        running.cancel()
        await asyncio.wait([running])


def wall_clock() -> Moment:
    return time.time_ns() // 1_000_000
