"""Cuts the connections whose statement waits for a PostgreSQL that stands still.

The kernel of a machine acknowledges for a server that is frozen or hangs, so that neither keepalives nor
`tcp_user_timeout` end the wait, and libpq has no end of its own. A statement may rightly take hours, such as a
migration or a report; therefore not its length decides, but whether the same server answers somebody else meanwhile.
"""

import os
import select
import socket
import threading
import time
import weakref
from collections import defaultdict
from contextlib import closing, suppress
from typing import Any, Final, NamedTuple

import psycopg2
from psycopg2.extensions import (
    POLL_OK,
    POLL_READ,
    TRANSACTION_STATUS_ACTIVE,
    make_dsn,
)
from psycopg2.extensions import connection as PsycopgConnection
from psycopg2.extensions import cursor as PsycopgCursor
from typing_extensions import override

from models.lazy_log import log

__all__ = ["ANSWER_SECONDS", "PATIENCE_SECONDS", "Server", "WatchedConnection", "answers", "check_servers", "watch"]

#: A statement that takes longer makes the watch ask the server for a sign of life, and again after as long.
PATIENCE_SECONDS: Final = 10.0
#: The server has this long for a new connection and `SELECT 1`.
ANSWER_SECONDS: Final = 5.0
_CHECK_SECONDS: Final = 1.0


class WatchedConnection(PsycopgConnection):
    """A connection whose errors say so where `check_servers` has cut it."""

    was_cut = False
    #: By the clock of `time.monotonic`: since when its statements run, or when the server answered the watch last.
    busy_since: float | None = None

    @override
    def cursor(self, *args: Any, **kwargs: Any) -> Any:
        return super().cursor(*args, **{"cursor_factory": _Cursor, **kwargs})

    @override
    def commit(self) -> None:
        try:
            super().commit()
        except psycopg2.OperationalError as error:
            raise self.explained(error) from error

    @override
    def rollback(self) -> None:
        """Roll back; does nothing on a connection that was cut, because an error at the end of `with connection` would
        hide the one that says so."""
        if not self.was_cut:
            super().rollback()

    def explained(self, error: psycopg2.OperationalError) -> psycopg2.OperationalError:
        return psycopg2.OperationalError(_may_be_written()) if self.was_cut else error


class _Cursor(PsycopgCursor):
    connection: WatchedConnection

    @override
    def execute(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().execute(*args, **kwargs)
        except psycopg2.OperationalError as error:
            raise self.connection.explained(error) from error

    @override
    def copy_expert(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().copy_expert(*args, **kwargs)
        except psycopg2.OperationalError as error:
            raise self.connection.explained(error) from error


class Server(NamedTuple):
    url: str
    host: str
    port: int

    @property
    def name(self) -> str:
        return f"{self.host}:{self.port}"


def watch(connection: WatchedConnection, url: str) -> None:
    """Cut the connection, which was opened with `url`, when its statement waits for a server that stands still: the
    statement raises OperationalError within about 17 seconds."""
    server = Server(url, connection.info.host, connection.info.port)
    with _lock:
        _watched[connection] = server
        _start()


def _may_be_written() -> str:
    return f"PostgreSQL {_silence()} What it was asked to write, it may write when it goes on."


def _silence() -> str:
    return f"has not answered for {PATIENCE_SECONDS + ANSWER_SECONDS:g} s: is it frozen?"


_lock: Final = threading.Lock()
_watched: Final["weakref.WeakKeyDictionary[WatchedConnection, Server]"] = weakref.WeakKeyDictionary()
_threads: Final[list[threading.Thread]] = []


def _start() -> None:
    """Start the thread where this process has none; a fork has none."""
    if not _threads or not _threads[0].is_alive():
        _threads[:] = [threading.Thread(target=_check_forever, name="standstill", daemon=True)]
        _threads[0].start()


def _check_forever() -> None:
    while True:
        time.sleep(_CHECK_SECONDS)
        try:
            check_servers()
        except Exception:
            log.exception("database_watch_failed")


def check_servers() -> None:
    """Test each server that has kept a statement waiting for long; cut its connections if it does not answer."""
    for server, connections in _waiting().items():
        if answers(server):
            for connection in connections:
                connection.busy_since = time.monotonic()
            continue
        log.warning(
            "database_stands_still", why=f"PostgreSQL at {server.name} {_silence()}", statements=len(connections)
        )
        for connection in connections:
            _cut(connection)


def _waiting() -> dict[Server, list[WatchedConnection]]:
    with _lock:
        watched = list(_watched.items())
    found: defaultdict[Server, list[WatchedConnection]] = defaultdict(list)
    for connection, server in watched:
        if not _is_busy(connection):
            connection.busy_since = None
        elif connection.busy_since is None:
            connection.busy_since = time.monotonic()
        elif time.monotonic() - connection.busy_since >= PATIENCE_SECONDS:
            found[server].append(connection)
    return found


def _is_busy(connection: WatchedConnection) -> bool:
    try:
        return connection.get_transaction_status() == TRANSACTION_STATUS_ACTIVE
    except psycopg2.InterfaceError:  # closed
        return False


def answers(server: Server) -> bool:
    """Whether it answers a new connection in time, be it with an error: that it refuses one shows that it lives."""
    deadline = time.monotonic() + ANSWER_SECONDS
    dsn = make_dsn(server.url, host=server.host, port=server.port, application_name="spendgate")
    try:
        with closing(psycopg2.connect(dsn, async_=1)) as asked:
            if not _polled(asked, deadline):
                return False
            with asked.cursor() as cursor:
                cursor.execute("SELECT 1")
            return _polled(asked, deadline)
    except psycopg2.Error:
        return True


def _polled(connection: PsycopgConnection, deadline: float) -> bool:
    """Whether what it does has ended before the deadline."""
    while (state := connection.poll()) != POLL_OK:
        waiting = select.poll()  # not select(), which takes no descriptor above 1,023
        waiting.register(connection.fileno(), select.POLLIN if state == POLL_READ else select.POLLOUT)
        if not waiting.poll(max(deadline - time.monotonic(), 0) * 1000):
            return False
    return True


def _cut(connection: WatchedConnection) -> None:
    """Shut the socket down under the statement that waits on it, whose thread then finds it closed."""
    with suppress(OSError, psycopg2.InterfaceError):
        number = connection.fileno()
        with socket.socket(fileno=os.dup(number)) as ours:
            # Still the same after the copy was made, so it is not another file that got its number meanwhile.
            if connection.fileno() == number and _is_busy(connection):
                connection.was_cut = True
                ours.shutdown(socket.SHUT_RDWR)
