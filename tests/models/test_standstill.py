"""A PostgreSQL that stands still while its machine answers: whatever waits for it ends, and goes on by itself later."""

import io
import resource
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

import psycopg2
import pytest
from psycopg2.extensions import connection as PsycopgConnection
from sqlalchemy import text

from local.postgres import LocalPostgres
from models import standstill
from models.connection import connect
from models.errors import DatabaseAway
from models.leadership import Leadership
from models.session import engine_of, session_scope
from tests.postgres_processes import frozen

#: Long enough for a sentence that never comes without the watch.
END_SECONDS: Final = 60
#: More than the buffers of both sockets take.
COPIED: Final = "line\n" * 4_000_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPostgres]:
    """One of its own: the others of this run are not to stand still."""
    service = LocalPostgres(tmp_path_factory.mktemp("postgres"))
    service.start()
    with closing(psycopg2.connect(service.url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE copied (line text)")
    yield service
    engine_of(service.url).dispose()
    service.kill()


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("PATIENCE_SECONDS", 0.5), ("ANSWER_SECONDS", 0.5), ("_CHECK_SECONDS", 0.1)):
        monkeypatch.setattr(standstill, name, seconds)


@pytest.fixture
def connection(server: LocalPostgres) -> Iterator[PsycopgConnection]:
    with closing(connect(server.url)) as opened:
        yield opened


def _execute(connection: PsycopgConnection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _copy(connection: PsycopgConnection) -> None:
    with connection.cursor() as cursor:
        cursor.copy_expert("COPY copied FROM STDIN", io.StringIO(COPIED))


def _in_transaction(connection: PsycopgConnection) -> None:
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _commit(connection: PsycopgConnection) -> None:
    connection.commit()


WORK: Final[dict[str, Callable[[PsycopgConnection], None]]] = {
    "statement": _execute,
    "copy": _copy,
    "commit": _commit,
    "transaction": _in_transaction,
}


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_whatever_waits_for_a_server_that_stands_still_ends_with_a_sentence(
    server: LocalPostgres, connection: PsycopgConnection, work: Callable[[PsycopgConnection], None]
) -> None:
    _execute(connection)
    with frozen(server):
        with pytest.raises(psycopg2.OperationalError) as caught:
            _in_time(work, connection)
        assert str(caught.value).startswith("PostgreSQL has not answered for 1 s: is it frozen?")
    assert connection.closed


def test_a_session_says_so_and_the_next_one_works_when_the_server_goes_on(server: LocalPostgres) -> None:
    def ask() -> None:
        with session_scope(server.url) as session:
            session.connection()
            with frozen(server):
                session.execute(text("SELECT 1"))

    with pytest.raises(DatabaseAway, match="PostgreSQL has not answered for 1 s: is it frozen"):
        _in_time(ask)
    with session_scope(server.url) as session:
        assert session.scalar(text("SELECT 1")) == 1


def test_a_lock_that_was_held_is_free_when_the_server_goes_on(server: LocalPostgres) -> None:
    first, second = Leadership(server.url, 1), Leadership(server.url, 1)
    assert first.acquire()
    with frozen(server), pytest.raises(psycopg2.OperationalError):
        _in_time(first.check)
    first.release()
    try:
        _in_time(_until_acquired, second)
    finally:
        second.release()


def test_a_long_statement_is_not_cut_while_the_server_answers_others(
    server: LocalPostgres, connection: PsycopgConnection
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(3)")
        assert cursor.fetchall() == [("",)]


def test_a_server_that_has_no_connection_left_answers(server: LocalPostgres) -> None:
    with closing(connect(server.url)) as admin:
        admin.autocommit = True
        with admin.cursor() as cursor:
            cursor.execute("CREATE ROLE crowded LOGIN PASSWORD 'p' CONNECTION LIMIT 0")
        port = admin.info.port
    url = f"postgresql://crowded:p@127.0.0.1:{port}/spendgate"
    with pytest.raises(psycopg2.OperationalError):
        connect(url)
    assert standstill.answers(standstill.Server(url, "127.0.0.1", port))


def test_a_process_with_many_open_files_asks_as_well(server: LocalPostgres) -> None:
    """Such as a console with 1,000 live pages."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        files.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        while files.enter_context(Path("/dev/null").open("rb")).fileno() < 1_024:
            pass
        with closing(connect(server.url)) as connection:
            assert connection.fileno() > 1_023
            assert standstill.answers(standstill.Server(server.url, connection.info.host, connection.info.port))


def test_a_connection_without_a_statement_outlives_the_standstill(
    server: LocalPostgres, connection: PsycopgConnection
) -> None:
    """Such as one that listens: what it is notified of arrives when the server goes on."""
    with closing(connect(server.url)) as other, frozen(server), pytest.raises(psycopg2.OperationalError):
        _in_time(_execute, other)
    _execute(connection)


def _in_time(work: Callable[..., object], *args: object) -> None:
    """Do it in a thread, so that a wait without an end fails the test."""
    pool = ThreadPoolExecutor(1)
    done: Future[object] = pool.submit(work, *args)
    pool.shutdown(wait=False)
    done.result(END_SECONDS)


def _until_acquired(leadership: Leadership) -> None:
    while not leadership.acquire():
        pass
