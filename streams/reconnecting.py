"""Keeps a connection open in the background, and opens it again when it fails."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, Generic, Protocol, Self, TypeVar

import structlog
from aiokafka.errors import KafkaError

from core.errors import SpendgateError, Unreachable
from models.errors import DatabaseAway

__all__ = ["Connection", "Reconnecting"]

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 5.0

log = structlog.get_logger()


class Connection(Protocol):
    """A connection that can tell whether its answers are up to date, and when it has failed."""

    def is_fresh(self) -> bool: ...

    async def failed(self) -> None:
        """Return or raise when the connection has failed."""


_Connection = TypeVar("_Connection", bound=Connection)
_Unreachable = type[Unreachable] | type[DatabaseAway]


class Reconnecting(Generic[_Connection]):
    """Opens connections with `make`, one at a time. `current` returns the open one, or raises where it may be out of
    date."""

    def __init__(
        self, name: str, unreachable: _Unreachable, make: Callable[[], AbstractAsyncContextManager[_Connection]]
    ) -> None:
        self._name = name
        self._unreachable = unreachable
        self._make = make
        self._connection: _Connection | None = None
        self._why = "it has not been reached yet"
        self._task: asyncio.Task[None] | None = None
        self.was_ready = False

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._reconnect_forever(), name=self._name)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task
        self._task.cancel()
        await asyncio.wait([self._task])

    def current(self) -> _Connection:
        """The connection. Raises the error of the constructor's `unreachable` while there is none, or none that
        answers."""
        if self._connection is None:
            raise self._unreachable(f"The {self._name} is not there now: {self._why}")
        if not self._connection.is_fresh():
            raise self._unreachable(
                f"The {self._name} has not answered for a while: its earlier answers may be out of date."
            )
        return self._connection

    def is_ready(self) -> bool:
        return self._connection is not None and self._connection.is_fresh()

    async def _reconnect_forever(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                async with self._make() as self._connection:
                    log.info("connected", to=self._name)
                    self.was_ready = True
                    pause = FIRST_PAUSE_SECONDS
                    await self._connection.failed()
            except (SpendgateError, KafkaError, OSError) as error:
                self._why = str(error)
                log.warning("not_connected", to=self._name, why=self._why, seconds=pause)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                # Nobody has cancelled us: a client has passed on that a wait of its own was.
                self._why = "a request was given up when its connection was lost."
                log.warning("not_connected", to=self._name, why=self._why, seconds=pause)
            except Exception:
                self._why = "it failed in a way that is a defect of Spendgate; the log has the details."
                log.exception("not_connected", to=self._name, seconds=pause)
            finally:
                self._connection = None
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
