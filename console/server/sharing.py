"""Limits of concurrent use, for each person and for all together: event streams, exports, expensive requests."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import Final

from core.errors import SpendgateError

__all__ = ["HEAVY_OF_A_PERSON", "STREAMS_OF_A_PERSON", "STREAMS_OF_A_SESSION", "Overloaded", "Sharing", "TooManyAtOnce"]

STREAMS_OF_A_SESSION: Final = 20
STREAMS_OF_A_PERSON: Final = 40
STREAMS_OF_ALL: Final = 1_000
#: An export lasts as long as its reader takes; it uses a thread for each page of rows.
EXPORTS_OF_A_PERSON: Final = 2
EXPORTS_OF_ALL: Final = 8
#: Expensive requests; each may use some tens of megabytes and a connection to the broker while it runs.
HEAVY_AT_ONCE: Final = 2
HEAVY_OF_A_PERSON: Final = 4
HEAVY_OF_ALL: Final = 18


class TooManyAtOnce(SpendgateError):
    """You have too many of these open at once: close or await some."""

    http_status = HTTPStatus.TOO_MANY_REQUESTS
    retry_after_seconds = 5


class Overloaded(SpendgateError):
    """All people together have too many of these open at the moment: try again later."""

    http_status = HTTPStatus.SERVICE_UNAVAILABLE


class Sharing:
    def __init__(self) -> None:
        self._streams = _Shares("pages that are followed live", STREAMS_OF_A_PERSON, STREAMS_OF_ALL)
        self._of_sessions = _Shares("pages that are followed live", STREAMS_OF_A_SESSION, STREAMS_OF_ALL)
        self._exports = _Shares("exports", EXPORTS_OF_A_PERSON, EXPORTS_OF_ALL)
        self._heavy = _Shares("questions that read much", HEAVY_OF_A_PERSON, HEAVY_OF_ALL)
        self._turns = asyncio.Semaphore(HEAVY_AT_ONCE)
        self._searches = asyncio.Semaphore(1)

    @contextmanager
    def stream(self, person: str, session: str) -> Iterator[None]:
        with self._streams.taken(person), self._of_sessions.taken(session):
            yield

    @contextmanager
    def export(self, person: str) -> Iterator[None]:
        with self._exports.taken(person):
            yield

    @asynccontextmanager
    async def heavy(self, person: str) -> AsyncIterator[None]:
        """At most HEAVY_AT_ONCE run; the others wait. Raises TooManyAtOnce or Overloaded where too many wait."""
        with self._heavy.taken(person):
            async with self._turns:
                yield

    @asynccontextmanager
    async def search(self) -> AsyncIterator[None]:
        """One search of the catalog in memory runs at a time; the others wait for their turn."""
        async with self._searches:
            yield


class _Shares:
    """Counts what is in use, by person; raises at a limit."""

    def __init__(self, what: str, of_one: int, of_all: int) -> None:
        self._what = what
        self._of_one = of_one
        self._of_all = of_all
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken(self, by: str) -> Iterator[None]:
        if self._taken[by] >= self._of_one:
            raise TooManyAtOnce(f"You have too many {self._what}, at most {self._of_one} at once: close or await some.")
        if self._taken.total() >= self._of_all:
            raise Overloaded(f"All have too many {self._what} at the moment: try again later.")
        self._taken[by] += 1
        try:
            yield
        finally:
            self._taken[by] -= 1
            self._taken += Counter()  # drops those of none
