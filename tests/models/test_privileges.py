"""On a real server: each role may do with each table what is granted, and nothing else; and what is granted is used."""

import secrets
from collections.abc import Iterator
from contextlib import closing
from typing import Final

import psycopg2
import pytest
from psycopg2 import errors
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import parse_dsn

from local.postgres import LocalPostgres
from models.migrations import migrate
from models.privileges import DatabaseRole, missing_privileges, privileges_of
from models.session import engine_of
from models.tables.registry import metadata
from tests.cheap_services import create_database, drop_database
from tests.database_roles import made_role

CONNECTING: Final = [role for role in DatabaseRole if role is not DatabaseRole.MIGRATOR]
TABLES: Final = (*sorted(metadata.tables), "alembic_version")
VIEWS: Final = ("spend_counted",)  # of which PostgreSQL says that nobody can change them before it looks at permission
#: Permission is looked at before anything else, so it does not matter that most of these would fail for other reasons.
STATEMENTS: Final = {
    "SELECT": "SELECT FROM {table} LIMIT 0",
    "INSERT": "INSERT INTO {table} DEFAULT VALUES",
    "UPDATE": "UPDATE {table} SET {column} = DEFAULT WHERE false",
    "DELETE": "DELETE FROM {table} WHERE false",
    "TRUNCATE": "TRUNCATE {table}",
    "DROP": "DROP TABLE {table}",
}


@pytest.fixture(scope="module")
def owner_url(postgres: LocalPostgres) -> Iterator[str]:
    name = f"test_{secrets.token_hex(6)}"
    create_database(postgres, name, migrated=True)
    yield postgres.url_of(name)
    engine_of(postgres.url_of(name)).dispose()
    drop_database(postgres, name)


@pytest.fixture(scope="module")
def urls(owner_url: str) -> Iterator[dict[DatabaseRole, str]]:
    prefix = f"{parse_dsn(owner_url)['dbname']}_"
    made = {role: made_role(owner_url, role, f"{prefix}{role}") for role in DatabaseRole}
    yield made
    for url in made.values():
        engine_of(url).dispose()


@pytest.fixture(scope="module")
def columns(owner_url: str) -> dict[str, str]:
    """A column of each table."""
    with closing(psycopg2.connect(owner_url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, min(column_name) FROM information_schema.columns "
            "WHERE table_schema = 'public' GROUP BY table_name"
        )
        return dict(cursor.fetchall())


def is_allowed(connection: Connection, statement: str) -> bool:
    """Whether permission is what the statement lacks; whatever it does is rolled back."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    except errors.InsufficientPrivilege:
        return False
    except psycopg2.Error:
        return True
    finally:
        connection.rollback()
    return True


@pytest.mark.parametrize("verb", STATEMENTS)
@pytest.mark.parametrize("role", CONNECTING)
def test_a_role_may_do_with_each_table_what_is_granted_and_no_more(
    role: DatabaseRole, verb: str, urls: dict[DatabaseRole, str], columns: dict[str, str]
) -> None:
    granted = {table for table, verbs in privileges_of(role).items() if verb in verbs}
    with closing(psycopg2.connect(urls[role])) as connection:
        allowed = {
            table
            for table in (*TABLES, *(VIEWS if verb == "SELECT" else ()))
            if is_allowed(connection, STATEMENTS[verb].format(table=table, column=columns[table]))
        }
    assert allowed == granted


@pytest.mark.parametrize("role", CONNECTING)
def test_no_role_makes_tables_roles_or_databases(role: DatabaseRole, urls: dict[DatabaseRole, str]) -> None:
    with closing(psycopg2.connect(urls[role])) as connection:
        for statement in ("CREATE TABLE mine (id int)", "CREATE ROLE other", "SET ROLE spendgate"):
            assert not is_allowed(connection, statement), statement
        assert is_allowed(connection, "CREATE TEMP TABLE mine (id int)") is (role is DatabaseRole.LEDGER)


def test_no_role_changes_what_is_kept() -> None:
    """Rows of these tables are kept by a trigger, which refuses their change to the owner too."""
    kept = {"account_change", "change", "control_ack", "control_log", "dead_letter_action", "spend_correction"}
    kept |= {"spend_log", "spend_refusal", "spend_repeat"}
    assert kept <= set(metadata.tables)
    for role in CONNECTING:
        assert not [table for table in kept if {"UPDATE", "DELETE"} & privileges_of(role).get(table, frozenset())]


@pytest.mark.parametrize("role", CONNECTING)
def test_what_a_role_lacks_is_named(role: DatabaseRole, urls: dict[DatabaseRole, str], owner_url: str) -> None:
    assert missing_privileges(urls[role], [role]) == []
    others = [other for other in CONNECTING if other is not role]
    assert missing_privileges(urls[role], others)
    assert missing_privileges(owner_url, CONNECTING) == []


def test_the_migrator_makes_the_schema_and_owns_it(postgres: LocalPostgres) -> None:
    name = f"test_{secrets.token_hex(6)}"
    create_database(postgres, name, migrated=False)
    try:
        migrator = made_role(postgres.url_of(name), DatabaseRole.MIGRATOR, f"{name}_migrator")
        migrate.upgrade(migrator)
        assert migrate.is_current(migrator)
        migrate.check(migrator)
        # The owner of the tables grants the rest.
        ledger = made_role(postgres.url_of(name), DatabaseRole.LEDGER, f"{name}_ledger")
        assert missing_privileges(ledger, [DatabaseRole.LEDGER]) == []
        for url in (migrator, ledger):
            engine_of(url).dispose()
    finally:
        drop_database(postgres, name)


def test_what_an_earlier_release_granted_is_taken_back(owner_url: str) -> None:
    name = f"{parse_dsn(owner_url)['dbname']}_again"
    url = made_role(owner_url, DatabaseRole.NOTIFIER, name)
    with closing(psycopg2.connect(owner_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"GRANT DELETE ON spend_log TO {name}")
    with closing(psycopg2.connect(url)) as connection:
        assert is_allowed(connection, STATEMENTS["DELETE"].format(table="spend_log"))
    made_role(owner_url, DatabaseRole.NOTIFIER, name)
    with closing(psycopg2.connect(url)) as connection:
        assert not is_allowed(connection, STATEMENTS["DELETE"].format(table="spend_log"))
