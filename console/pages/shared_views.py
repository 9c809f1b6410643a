"""One view of a page for all browsers that show it: read and rendered once for all of them."""

import asyncio
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Final

from fastapi import Request

from console.live.broadcaster import Broadcaster
from console.live.command_feed import ReceivedCommand
from console.pages.page_stream import PageView, Part
from core.moment import Moment

__all__ = ["SharedView", "SharedViews", "shared_view"]

#: Names and windows are edited, and times that a page shows go on, without a change of the state.
_RENDERING_SECONDS: Final = 1.0
#: More than a page lists, and than wait for one browser.
_COMMANDS_MAX: Final = 200


class SharedView:
    """The view of one page, for many browsers. A rendering is used again until a brand that the page shows changes."""

    def __init__(self, view: PageView, broadcaster: Broadcaster) -> None:
        self.brand_ids = view.brand_ids
        self.viewers = 0
        self.shows = view.shows
        self.newest = view.newest
        self._view = view
        self._stack = ExitStack()
        self._subscription = self._stack.enter_context(broadcaster.subscribe(view.brand_ids, view.shows))
        self._rendering: asyncio.Task[list[Part]] | None = None
        self._started_at = 0.0
        self._commands: dict[tuple[int, int], Part] = {}

    @property
    def is_incomplete(self) -> bool:
        return self._view.is_incomplete

    async def parts(self, changed: Iterable[str], now: Moment) -> list[Part]:
        """All parts of the page, whichever of its brands changed."""
        # A change is noted for every browser before any of them asks for the new parts.
        has_changed = bool(self._subscription.take_changes().brand_ids)
        rendering = self._rendering
        if rendering is None or has_changed or self._is_outdated(rendering):
            self._started_at = time.monotonic()
            rendering = self._rendering = asyncio.create_task(self._view.parts(self.brand_ids, now))
            rendering.add_done_callback(_retrieve)
        # Others wait for it too when this browser goes.
        return await asyncio.shield(rendering)

    def command(self, received: ReceivedCommand) -> Part:
        position = (received.partition, received.offset)
        if position not in self._commands:
            if len(self._commands) == _COMMANDS_MAX:
                del self._commands[next(iter(self._commands))]
            self._commands[position] = self._view.command(received)
        return self._commands[position]

    def close(self) -> None:
        self._stack.close()

    def _is_outdated(self, rendering: "asyncio.Task[list[Part]]") -> bool:
        has_failed = rendering.done() and (rendering.cancelled() or rendering.exception() is not None)
        return has_failed or time.monotonic() - self._started_at > _RENDERING_SECONDS


class SharedViews:
    """The views of all pages that are open now."""

    def __init__(self, broadcaster: Broadcaster) -> None:
        self._broadcaster = broadcaster
        self._shared: dict[Hashable, SharedView] = {}

    @contextmanager
    def view(self, page: Hashable, make: Callable[[], PageView]) -> Iterator[SharedView]:
        """The view of `page`, made by the first browser that opens it and dropped with the last."""
        if (shared := self._shared.get(page)) is None:
            shared = self._shared[page] = SharedView(make(), self._broadcaster)
        shared.viewers += 1
        try:
            yield shared
        finally:
            shared.viewers -= 1
            if shared.viewers == 0:
                del self._shared[page]
                shared.close()


def shared_view(request: Request, page: Hashable, make: Callable[[], PageView]) -> AbstractContextManager[PageView]:
    views: SharedViews = request.app.state.shared_views
    return views.view(page, make)


def _retrieve(rendering: "asyncio.Task[list[Part]]") -> None:
    """A failure is that of whoever waits for it; where nobody does, it is none."""
    if not rendering.cancelled():
        rendering.exception()
