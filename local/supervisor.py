"""Restarts services that exit, after a growing pause, and reports each exit with the last line of its log."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Final, Protocol

from local.service_errors import LocalServiceError

__all__ = ["LONGEST_PAUSE_SECONDS", "Service", "Supervisor"]

FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 30.0
#: A service that was ready for so long is started again at once, whatever it did before.
STABLE_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.1
#: Services that may be restarted at the same time.
_STARTS_AT_ONCE: Final = 8


class Service(Protocol):
    """Something that runs in a process of its own."""

    @property
    def name(self) -> str: ...

    def start(self) -> None:
        """Start, and return when it has started. A restart calls it from another thread."""

    def cancel_start(self) -> None:
        """Make a start that runs in another thread end soon."""

    def exit_code(self) -> int | None:
        """The exit code; None while it runs."""

    def last_log_line(self) -> str:
        """The last line of its log; empty where it has logged nothing."""

    def is_ready(self) -> bool:
        """Whether it does its work now."""

    def rotate_log(self) -> None:
        """Bound the log. Called in each round while it runs."""

    def request_stop(self) -> None:
        """Begin to stop and return at once, so that several stop at the same time."""

    def stop(self) -> None:
        """Return when it has ended, by SIGKILL if need be."""


@dataclass
class _Supervised:
    service: Service
    longest_pause_seconds: float
    pause_seconds: float
    ready_at: float | None = None
    restart_at: float | None = None
    starting: Future[None] | None = None
    restarts: int = 0


class Supervisor:
    """Services in order of dependency; they stop in the opposite order. `say` gets each message for people."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._watched: list[_Supervised] = []
        # A server's start takes seconds, in which others may die.
        self._starters = ThreadPoolExecutor(_STARTS_AT_ONCE, thread_name_prefix="start")

    def start(self, service: Service, *, longest_pause_seconds: float = LONGEST_PAUSE_SECONDS) -> None:
        """Start the service and supervise it. Raises what its `start` raises."""
        self._watched.append(_Supervised(service, longest_pause_seconds, FIRST_PAUSE_SECONDS))
        service.start()

    def check(self) -> None:
        """Do one round: restart what is due, note exits and readiness. Called every 0.1 s or so; returns at once."""
        for watched in self._watched:
            if watched.starting is not None:
                self._finish_start(watched, watched.starting)
            elif watched.restart_at is not None:
                self._restart(watched, watched.restart_at)
            elif (code := watched.service.exit_code()) is not None:
                self._schedule_restart(watched, code)
            else:
                watched.service.rotate_log()
                self._note_readiness(watched)

    def all_ready(self) -> bool:
        """Whether every service was ready at the last `check`."""
        return all(watched.ready_at is not None for watched in self._watched)

    def stop(self) -> None:
        """Request all to stop, then wait for each in the opposite order of their start."""
        for watched in reversed(self._watched):
            watched.service.request_stop()
        for watched in reversed(self._watched):
            while watched.starting is not None and not watched.starting.done():
                watched.service.cancel_start()
                wait([watched.starting], timeout=_POLL_SECONDS)
            watched.service.stop()
        self._watched.clear()
        self._starters.shutdown()

    def _schedule_restart(self, watched: _Supervised, code: int) -> None:
        pause = watched.pause_seconds
        if watched.ready_at is not None and time.monotonic() - watched.ready_at > STABLE_SECONDS:
            pause, watched.pause_seconds = 0.0, FIRST_PAUSE_SECONDS
        words = watched.service.last_log_line()
        when = f"in {pause:g} s" if pause else "at once"
        self._say(f"{watched.service.name} {_ending(code)}{f' ({words})' if words else ''}; starting it again {when}")
        self._wait_for_restart(watched, pause)

    def _wait_for_restart(self, watched: _Supervised, pause: float) -> None:
        watched.ready_at = None
        watched.restarts += 1
        watched.restart_at = time.monotonic() + pause
        if pause:
            watched.pause_seconds = min(pause * 2, watched.longest_pause_seconds)

    def _restart(self, watched: _Supervised, at: float) -> None:
        if time.monotonic() >= at:
            watched.restart_at = None
            watched.starting = self._starters.submit(watched.service.start)

    def _finish_start(self, watched: _Supervised, starting: Future[None]) -> None:
        if not starting.done():
            return
        watched.starting = None
        try:
            starting.result()
        except (LocalServiceError, OSError) as error:
            self._say(f"{watched.service.name} cannot be started: {error}")
            self._wait_for_restart(watched, watched.pause_seconds)

    def _note_readiness(self, watched: _Supervised) -> None:
        if watched.ready_at is None and watched.service.is_ready():
            watched.ready_at = time.monotonic()
            if watched.restarts:
                self._say(f"{watched.service.name} is ready again")


def _ending(code: int) -> str:
    return f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
