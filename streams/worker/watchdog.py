"""Ends a process in which something that is waited for makes no progress for too long."""

import time
from collections.abc import Callable, Mapping
from threading import Thread
from typing import Final

from streams.worker.fatal import end_process

__all__ = ["Watchdog", "watch"]

#: What is waited for -> a value that differs after each step of progress.
Waiting = Mapping[str, object]

_CHECK_SECONDS: Final = 2.0
#: Two checks are further apart only where the whole process was stopped, or the machine slept.
_FROZEN_SECONDS: Final = 10.0


class Watchdog:
    """Remembers since when each thing that is waited for has made no progress."""

    def __init__(self, patience_seconds: float) -> None:
        self._patience_seconds = patience_seconds
        self._since: dict[str, tuple[object, float]] = {}
        self._checked_at: float | None = None

    def check(self, waiting: Waiting, at: float) -> str | None:
        """The names of what has made no progress for too long, or None; `at` is in seconds of a monotonic clock."""
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
    """Check every 2 seconds, in a thread of its own, because a blocked event loop cannot."""
    watchdog = Watchdog(patience_seconds)

    def check() -> None:
        while True:
            time.sleep(_CHECK_SECONDS)
            try:
                stuck = watchdog.check(waiting(), time.monotonic())
            except (RuntimeError, IndexError):
                continue  # it was changed meanwhile by the event loop's thread
            if stuck:
                end_process(f"for {patience_seconds:g} s nothing came of what it waits for: {stuck}")

    Thread(target=check, name="liveness", daemon=True).start()
