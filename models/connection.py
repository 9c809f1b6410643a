"""Connections for libpq URLs, without SQLAlchemy."""

from typing import Any, Final

import psycopg2
from psycopg2.extensions import connection as PsycopgConnection

from models.errors import DatabaseAway
from models.standstill import WatchedConnection, watch

__all__ = ["connect"]

CONNECT_TIMEOUT_SECONDS = 5
#: Without keepalives a statement would wait for hours for a server whose machine is gone. One that stands still while
#: its machine answers is noticed by `models.standstill`.
_NOTICE_A_DEAD_SERVER: Final[dict[str, Any]] = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,  # milliseconds
}
#: An edit that waits longer for another one's lock fails.
_LOCK_TIMEOUT = "5s"


def connect(url: str) -> PsycopgConnection:
    """A new connection outside the pool, for LISTEN and for locks that outlive a transaction. Its statements end with
    OperationalError when the server stands still, however long they may take otherwise."""
    try:
        connection: WatchedConnection = psycopg2.connect(
            url,
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            application_name="spendgate",
            connection_factory=WatchedConnection,
            **_NOTICE_A_DEAD_SERVER,
        )
        watch(connection, url)
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('TimeZone', 'UTC', false), set_config('lock_timeout', %s, false)", [_LOCK_TIMEOUT]
            )
    except psycopg2.ProgrammingError as error:
        raise DatabaseAway(
            "The database URL is not one that libpq reads: write postgresql://user@host:port/name."
        ) from error
    return connection
