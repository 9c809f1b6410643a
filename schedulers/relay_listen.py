"""Hears PostgreSQL's NOTIFY, such as that of catalog edits, without blocking the event loop."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

import psycopg2
from psycopg2.extensions import connection as PsycopgConnection

from models.catalog_outbox import NOTIFY_CHANNEL
from models.errors import DatabaseAway
from models.session import connect
from schedulers.relay_threads import in_thread

__all__ = ["Edits", "Heard", "listening"]


class Heard(NamedTuple):
    channel: str
    payload: str


class Edits:
    """Edits that were committed since the last look."""

    def __init__(self, connection: PsycopgConnection) -> None:
        self._connection = connection
        self._file = connection.fileno()  # asked now: a connection that broke has none any more
        self._something = asyncio.Event()
        self._lost = False
        self._heard: list[Heard] = []
        asyncio.get_running_loop().add_reader(self._file, self._readable)

    async def wait(self, seconds: float) -> list[Heard]:
        """Until the next edit, or for so long: what was heard since the last call. Raises DatabaseAway when nothing
        could be heard any more."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._something.wait()
        self._something.clear()
        if self._lost:
            raise DatabaseAway("The database has closed the connection.")
        heard, self._heard = self._heard, []
        return heard

    def stop(self) -> None:
        if not self._lost:
            asyncio.get_running_loop().remove_reader(self._file)

    def _readable(self) -> None:
        try:
            self._connection.poll()
        except psycopg2.Error:
            # At once: the number of the file may soon be another's.
            asyncio.get_running_loop().remove_reader(self._file)
            self._lost = True
        self._heard += [Heard(notify.channel, notify.payload) for notify in self._connection.notifies]
        self._connection.notifies.clear()
        self._something.set()


@asynccontextmanager
async def listening(url: str, channels: Sequence[str] = (NOTIFY_CHANNEL,)) -> AsyncIterator[Edits]:
    connection = await in_thread(_listening_connection, url, channels)
    try:
        edits = Edits(connection)
        try:
            yield edits
        finally:
            edits.stop()
    finally:
        connection.close()


def _listening_connection(url: str, channels: Sequence[str]) -> PsycopgConnection:
    try:
        connection = connect(url)
        connection.autocommit = True
        with connection.cursor() as cursor:
            for channel in channels:
                cursor.execute(f"LISTEN {channel}")
    except psycopg2.Error as error:
        raise DatabaseAway(f"The database cannot be used: {str(error).strip().splitlines()[0]}.") from error
    return connection
