"""Ends a process that waits for something longer than it can take: never hang, be started again."""

import time
from collections.abc import Callable, Mapping
from threading import Thread
from typing import Final

from streams.worker.fatal import end_process

__all__ = ["Watchdog", "watch"]

#: What is waited for -> anything that is another thing after a step forward.
Waiting = Mapping[str, object]

_CHECK_SECONDS: Final = 2.0
#: Between two looks lies so much more only where the whole process was stopped, or the machine slept.
_FROZEN_SECONDS: Final = 10.0


class Watchdog:
    """Compares what is waited for with what was waited for before."""

    def __init__(self, patience_seconds: float) -> None:
        self._patience_seconds = patience_seconds
        self._since: dict[str, tuple[object, float]] = {}
        self._checked_at: float | None = None

    def check(self, waiting: Waiting, at: float) -> str | None:
        """What has not moved for too long; `at` in seconds of a clock that only goes on."""
        if self._checked_at is not None and at - self._checked_at > _FROZEN_SECONDS:
            self._since.clear()
        self._checked_at = at
        before = self._since
        self._since = {
            what: before[what] if what in before and before[what][0] == progress else (progress, at)
            for what, progress in waiting.items()
        }
        stuck = [what for what, (_, since) in self._since.items() if at - since > self._patience_seconds]
        return ", ".join(stuck) or None


def watch(waiting: Callable[[], Waiting], patience_seconds: float) -> None:
    """From a thread of its own, because an event loop that is blocked cannot tell so."""
    liveness = Watchdog(patience_seconds)

    def check() -> None:
        while True:
            time.sleep(_CHECK_SECONDS)
            try:
                stuck = liveness.check(waiting(), time.monotonic())
            except (RuntimeError, IndexError):
                continue  # it changed while it was looked at
            if stuck:
                end_process(f"for {patience_seconds:g} s nothing came of what it waits for: {stuck}")

    Thread(target=check, name="liveness", daemon=True).start()
