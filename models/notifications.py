"""Receives PostgreSQL's NOTIFY, such as that of catalog edits, without blocking the event loop."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

import psycopg2
from psycopg2.extensions import connection as PsycopgConnection

from models.connection import connect
from models.errors import DatabaseAway
from models.tables.catalog_outbox import NOTIFY_CHANNEL
from models.threads import in_thread

__all__ = ["DatabaseNotification", "Notifications", "listening"]


class DatabaseNotification(NamedTuple):
    channel: str
    payload: str


class Notifications:
    """The notifications that arrived on one connection since the last `wait`."""

    def __init__(self, connection: PsycopgConnection) -> None:
        self._connection = connection
        self._file = connection.fileno()  # read now: a broken connection has none any more
        self._arrived = asyncio.Event()
        self._lost = False
        self._received: list[DatabaseNotification] = []
        asyncio.get_running_loop().add_reader(self._file, self._readable)

    async def wait(self, seconds: float) -> list[DatabaseNotification]:
        """What arrived since the last call; waits at most `seconds` for the first. Raises DatabaseAway when the
        connection is lost."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        self._arrived.clear()
        if self._lost:
            raise DatabaseAway("The database has closed the connection.")
        received, self._received = self._received, []
        return received

    def stop(self) -> None:
        if not self._lost:
            asyncio.get_running_loop().remove_reader(self._file)

    def _readable(self) -> None:
        try:
            self._connection.poll()
        except psycopg2.Error:
            # At once: the file descriptor may soon be another file's.
            asyncio.get_running_loop().remove_reader(self._file)
            self._lost = True
        self._received += [DatabaseNotification(notify.channel, notify.payload) for notify in self._connection.notifies]
        self._connection.notifies.clear()
        self._arrived.set()


@asynccontextmanager
async def listening(
    url: str, channels: Sequence[str] = (NOTIFY_CHANNEL,), *, shared_lock: int | None = None
) -> AsyncIterator[Notifications]:
    """Listen on a connection of its own, which meanwhile shares an advisory lock: it shows others that somebody
    listens."""
    connection = await in_thread(_listening_connection, url, channels, shared_lock)
    try:
        edits = Notifications(connection)
        try:
            yield edits
        finally:
            edits.stop()
    finally:
        connection.close()


def _listening_connection(url: str, channels: Sequence[str], shared_lock: int | None) -> PsycopgConnection:
    try:
        connection = connect(url)
        connection.autocommit = True
        with connection.cursor() as cursor:
            for channel in channels:
                cursor.execute(f"LISTEN {channel}")
            if shared_lock is not None:
                cursor.execute("SELECT pg_advisory_lock_shared(%s)", [shared_lock])
    except psycopg2.Error as error:
        raise DatabaseAway(f"The database cannot be used: {str(error).strip().splitlines()[0]}.") from error
    return connection
