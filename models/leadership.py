"""One of several processes leads: whoever holds a lock of the database, for as long as its connection lasts."""

from psycopg2.extensions import connection as PsycopgConnection

from models.connection import connect
from models.errors import DatabaseAway

__all__ = ["Leadership"]


class Leadership:
    """Blocking; for one thread at a time. The database frees the lock when the process or its machine is gone."""

    def __init__(self, url: str, lock: int) -> None:
        self._url = url
        self._lock = lock
        self._connection: PsycopgConnection | None = None

    def acquire(self) -> bool:
        """Whether this process leads now. Raises psycopg2.Error, DatabaseAway."""
        if self._connection is None:
            self._connection = connect(self._url)
            self._connection.autocommit = True
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [self._lock])
            return bool((cursor.fetchone() or [False])[0])

    def check(self) -> None:
        """Raises psycopg2.Error or DatabaseAway where the connection, and with it the lock, is lost."""
        if self._connection is None:
            raise DatabaseAway("The connection that holds the lock is closed.")
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    def release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
