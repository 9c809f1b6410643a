"""A connection that is opened in the background, looked after, and opened again when it fails."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, Generic, Protocol, Self, TypeVar

import structlog
from aiokafka.errors import KafkaError

from models.errors import DatabaseAway, ModelError
from streams.errors import SpendgateError, Unreachable

__all__ = ["Connection", "Kept"]

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 5.0

log = structlog.get_logger()


class Connection(Protocol):
    """What is kept: it knows whether what it tells is up to date, and when it is over."""

    def is_fresh(self) -> bool: ...

    async def failed(self) -> None:
        """Returns or raises when it is of no more use."""


_Connection = TypeVar("_Connection", bound=Connection)
_Away = type[Unreachable] | type[DatabaseAway]


class Kept(Generic[_Connection]):
    """`now()` is the connection, or raises in words why there is none; an old answer is never given as a new one."""

    def __init__(self, name: str, away: _Away, make: Callable[[], AbstractAsyncContextManager[_Connection]]) -> None:
        self._name = name
        self._away = away
        self._make = make
        self._connection: _Connection | None = None
        self._why = "it has not been reached yet"
        self._task: asyncio.Task[None] | None = None
        self.was_ready = False

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep(), name=self._name)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task
        self._task.cancel()
        await asyncio.wait([self._task])

    def now(self) -> _Connection:
        if self._connection is None:
            raise self._away(f"The {self._name} is not there now: {self._why}")
        if not self._connection.is_fresh():
            raise self._away(f"The {self._name} has not answered for a while: what it told before may be out of date.")
        return self._connection

    def is_ready(self) -> bool:
        return self._connection is not None and self._connection.is_fresh()

    async def _keep(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                async with self._make() as self._connection:
                    log.info("connected", to=self._name)
                    self.was_ready = True
                    pause = FIRST_PAUSE_SECONDS
                    await self._connection.failed()
            except (SpendgateError, ModelError, KafkaError, OSError) as error:
                self._why = str(error)
                log.warning("not_connected", to=self._name, why=self._why, seconds=pause)
            except Exception:
                self._why = "it failed in a way that is a defect of Spendgate; the log has the details."
                log.exception("not_connected", to=self._name, seconds=pause)
            finally:
                self._connection = None
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
