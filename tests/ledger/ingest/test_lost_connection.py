"""A database that goes away while the ledger is connected to it, and comes back."""

from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg2
import pytest

from ledger.ingest.database import LedgerDatabase
from tests.ledger.conftest import LedgerTables

ASKED: dict[str, Callable[[LedgerDatabase], object]] = {
    "positions": LedgerDatabase.positions,
    "incarnations": lambda database: database.incarnations({"catalog": "0c9bd0a8-2f4a-4a8e-9a57-0d35a1f3c0de"}),
    "unbooked": lambda database: database.unbooked(["nike"]),
    "gaps": LedgerDatabase.count_gaps,
    "save": lambda database: database.save((), (), {(1, 0): 7}),
}


@pytest.fixture
def database(database_url: str) -> Iterator[LedgerDatabase]:
    with closing(LedgerDatabase(database_url)) as database:
        yield database


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_whatever_is_asked_over_a_connection_that_was_lost_is_answered_over_a_new_one(
    database: LedgerDatabase, ledger_tables: LedgerTables, ask: Callable[[LedgerDatabase], object]
) -> None:
    before = ask(database)
    ledger_tables.rows(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with pytest.raises(psycopg2.Error):
        ask(database)
    assert ask(database) == before
