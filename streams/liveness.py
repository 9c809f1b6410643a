"""Ends a process that waits for something longer than it can take: never hang, be started again."""

import time
from collections.abc import Callable, Mapping
from threading import Thread
from typing import Final

from streams.fatal import end_process

__all__ = ["Liveness", "watch"]

#: What is waited for -> anything that is another thing after a step forward.
Waiting = Mapping[str, object]

_LOOK_SECONDS: Final = 2.0
#: Between two looks lies so much more only where the whole process was stopped, or the machine slept.
_FROZEN_SECONDS: Final = 10.0


class Liveness:
    """Compares what is waited for with what was waited for before."""

    def __init__(self, patience_seconds: float) -> None:
        self._patience_seconds = patience_seconds
        self._since: dict[str, tuple[object, float]] = {}
        self._looked_at: float | None = None

    def look(self, waiting: Waiting, at: float) -> str | None:
        """What has not moved for too long; `at` in seconds of a clock that only goes on."""
        if self._looked_at is not None and at - self._looked_at > _FROZEN_SECONDS:
            self._since.clear()
        self._looked_at = at
        before = self._since
        self._since = {
            what: before[what] if what in before and before[what][0] == mark else (mark, at)
            for what, mark in waiting.items()
        }
        stuck = [what for what, (_, since) in self._since.items() if at - since > self._patience_seconds]
        return ", ".join(stuck) or None


def watch(waiting: Callable[[], Waiting], patience_seconds: float) -> None:
    """From a thread of its own, because an event loop that is blocked cannot tell so."""
    liveness = Liveness(patience_seconds)

    def look() -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            try:
                stuck = liveness.look(waiting(), time.monotonic())
            except (RuntimeError, IndexError):
                continue  # it changed while it was looked at
            if stuck:
                end_process(f"for {patience_seconds:g} s nothing came of what it waits for: {stuck}")

    Thread(target=look, name="liveness", daemon=True).start()
