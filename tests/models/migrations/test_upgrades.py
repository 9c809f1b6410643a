"""Databases with rows in them go up from every revision, down and up again, and keep what they hold."""

import secrets
from collections.abc import Callable, Iterator, Set
from typing import Any

import pytest

from local.postgres import LocalPostgres
from models.migrations import migrate
from models.queries.catalog_edits import edit_brand
from models.session import engine_of, session_scope
from tests.cheap_services import create_database, drop_database
from tests.models.rows import GONE, ROWS, insert_rows, one_transaction, revisions, rows_at, run, tables

#: Numbers that are dealt out anew when a revision is made again.
DEALT = {"incarnation", "first_seen_at"}
COUNTED = "SELECT brand_id, event_id, campaign_id, amount, booked_day, topic, record_offset FROM spend_counted"

Row = dict[str, Any]
At = Callable[[str], str]


@pytest.fixture(scope="module")
def templates(postgres: LocalPostgres) -> Iterator[dict[str, str]]:
    """Revision -> a database that is there, a copy of the one before it that went one step up."""
    made: dict[str, str] = {}
    for revision in revisions():
        name = f"test_{revision}_{secrets.token_hex(6)}"
        create_database(postgres, name, template=next(reversed(made.values()), None))
        made[revision] = name
        migrate.upgrade(postgres.url_of(name), revision)
        engine_of(postgres.url_of(name)).dispose()
    yield made
    for name in made.values():
        drop_database(postgres, name)


@pytest.fixture
def at(templates: dict[str, str], postgres: LocalPostgres) -> Iterator[At]:
    """Makes databases that are at a revision, dropped afterwards."""
    made: list[str] = []

    def database(revision: str) -> str:
        made.append(f"test_{secrets.token_hex(6)}")
        create_database(postgres, made[-1], template=templates[revision])
        return postgres.url_of(made[-1])

    yield database
    for name in made:
        drop_database(postgres, name)


def test_every_revision_has_rows_here() -> None:
    assert list(ROWS) == revisions(), "a new revision adds the rows of its tables to tests/models/rows.py"


@pytest.mark.parametrize("revision", revisions())
def test_every_table_has_a_row_here_which_outlives_the_way_up(at: At, revision: str) -> None:
    database_url = at(revision)
    assert migrate.current(database_url) == revision
    assert tables(database_url) == set(rows_at(revision)), "a new table adds its row to tests/models/rows.py"
    insert_rows(database_url, revision)
    before = contents(database_url)
    counted = run(database_url, COUNTED) if "spend_log" in before else None
    assert all(len(rows) == 1 for rows in before.values())

    migrate.upgrade(database_url)
    migrate.check(database_url)
    after = contents(database_url)
    for table, rows in before.items():
        gone = {name for later, names in GONE.items() if later > revision for of, name in names if of == table}
        stays = rows[0].keys() - gone
        assert only(stays, after[table]) == only(stays, rows)
    assert counted is None or run(database_url, COUNTED) == counted
    with session_scope(database_url) as session:
        edit_brand(session, "nike", {"daily_budget_micros": 1}, actor="ann")
    assert len(contents(database_url)["change"]) == 2


#: Down from the newest to each; from the first on, every step is gone once.
DOWN_TO = [revisions()[0], *(pytest.param(it, marks=pytest.mark.long_only) for it in revisions()[1:-1])]


@pytest.mark.parametrize("revision", DOWN_TO)
def test_the_way_down_keeps_the_rows_of_what_stays(migrated_url: str, revision: str) -> None:
    database_url, newest = migrated_url, revisions()[-1]
    insert_rows(database_url, newest)
    before, counted = contents(database_url), run(database_url, COUNTED)

    migrate.downgrade(database_url, revision)
    assert tables(database_url) == set(rows_at(revision))
    migrate.upgrade(database_url)
    migrate.check(database_url)
    after = contents(database_url)
    for table in rows_at(revision):
        stays = before[table][0].keys() - DEALT
        assert only(stays, after[table]) == only(stays, before[table])
    assert "spend_log" not in rows_at(revision) or run(database_url, COUNTED) == counted


def contents(url: str) -> dict[str, list[Row]]:
    """All rows as JSON, which has all digits of a number and all of a moment."""
    held = {}
    names = sorted(tables(url))
    with one_transaction(url) as cursor:
        for table in names:
            cursor.execute(f"SELECT to_jsonb(t) FROM {table} t ORDER BY t::text")  # noqa: S608
            held[table] = [row for (row,) in cursor]
    return held


def only(names: Set[str], rows: list[Row]) -> list[Row]:
    return [{name: row[name] for name in sorted(names)} for row in rows]
