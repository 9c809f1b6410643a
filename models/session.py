"""Engines and sessions for libpq URLs."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final

import psycopg2
from psycopg2.extensions import connection as PsycopgConnection
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from models.errors import DatabaseAway, StaleEdit, explained
from models.standstill import WatchedConnection, watch

__all__ = ["connect", "engine_of", "session_scope"]

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


@contextmanager
def session_scope(url: str) -> Iterator[Session]:
    """A session with one transaction, committed at the end and rolled back after an exception. Objects stay
    readable."""
    try:
        with Session(engine_of(url), expire_on_commit=False) as session, session.begin():
            yield session
    except StaleDataError as error:
        raise StaleEdit() from error
    except DBAPIError as error:
        raise explained(error) from error


@lru_cache(maxsize=8)
def engine_of(url: str) -> Engine:
    """The engine of a URL, one for each. libpq reads the URL: several hosts, sockets, sslmode and service files
    work."""
    return create_engine("postgresql+psycopg2://", creator=lambda: connect(url), pool_pre_ping=True)


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
