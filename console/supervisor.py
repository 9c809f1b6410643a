"""Keeps services alive: one that dies is started again after a growing pause, with a line that has its last words."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from console.local.errors import LocalServiceError

__all__ = ["Service", "Supervisor"]

FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 30.0
#: Who lived that long is forgiven its former deaths.
STABLE_SECONDS: Final = 60.0


class Service(Protocol):
    """Something that runs in a process of its own."""

    @property
    def name(self) -> str: ...

    def start(self) -> None:
        """May be called again after a death."""

    def exit_code(self) -> int | None:
        """None while it runs."""

    def last_words(self) -> str: ...

    def is_ready(self) -> bool:
        """Does it do its work now?"""

    def tend(self) -> None:
        """What is to be done now and then, such as to bound its log."""

    def ask_to_stop(self) -> None:
        """Returns at once, so that several can stop at the same time."""

    def stop(self) -> None:
        """Returns when it is gone, whatever that takes."""


@dataclass
class _Watched:
    service: Service
    started_at: float
    pause_seconds: float = FIRST_PAUSE_SECONDS
    restart_at: float | None = None
    seen_ready: bool = False
    deaths: int = 0


class Supervisor:
    """Services in the order of their need: stopped in the opposite one."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._watched: list[_Watched] = []

    def start(self, service: Service) -> None:
        """From now on the service is kept alive."""
        watched = _Watched(service, time.monotonic())
        self._watched.append(watched)
        service.start()

    def look(self) -> None:
        """One round: starts again what is due, notices who has died, says who is back."""
        for watched in self._watched:
            if watched.restart_at is not None:
                self._start_again(watched)
            elif (code := watched.service.exit_code()) is not None:
                self._mourn(watched, code)
            else:
                watched.service.tend()
                self._notice_ready(watched)

    def all_ready(self) -> bool:
        """As of the last look."""
        return all(watched.seen_ready for watched in self._watched)

    def stop(self) -> None:
        """All are asked at once; those that others need wait for their turn."""
        for watched in reversed(self._watched):
            watched.service.ask_to_stop()
        for watched in reversed(self._watched):
            watched.service.stop()
        self._watched.clear()

    def _mourn(self, watched: _Watched, code: int) -> None:
        if time.monotonic() - watched.started_at > STABLE_SECONDS:
            watched.pause_seconds = FIRST_PAUSE_SECONDS
        words = watched.service.last_words()
        self._say(
            f"{watched.service.name} {_ending(code)}{f' ({words})' if words else ''}; "
            f"starting it again in {watched.pause_seconds:g} s"
        )
        self._wait_for_restart(watched)

    def _wait_for_restart(self, watched: _Watched) -> None:
        watched.seen_ready = False
        watched.deaths += 1
        watched.restart_at = time.monotonic() + watched.pause_seconds
        watched.pause_seconds = min(watched.pause_seconds * 2, LONGEST_PAUSE_SECONDS)

    def _start_again(self, watched: _Watched) -> None:
        assert watched.restart_at is not None
        if time.monotonic() < watched.restart_at:
            return
        watched.restart_at = None
        watched.started_at = time.monotonic()
        try:
            watched.service.start()
        except (LocalServiceError, OSError) as error:
            self._say(f"{watched.service.name} cannot be started: {error}")
            self._wait_for_restart(watched)

    def _notice_ready(self, watched: _Watched) -> None:
        if not watched.seen_ready and watched.service.is_ready():
            watched.seen_ready = True
            if watched.deaths:
                self._say(f"{watched.service.name} is ready again")


def _ending(code: int) -> str:
    return f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
