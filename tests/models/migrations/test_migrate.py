"""The schema goes up, down and up again, and is what the models say."""

from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest
from sqlalchemy import inspect, text

from models.connection import connect
from models.errors import DatabaseAway, NotMigrated
from models.migrations import migrate
from models.migrations.migrate import SchemaDiffers
from models.queries.catalog import list_brands
from models.session import engine_of, session_scope


def test_up_down_and_up_again(database_url: str) -> None:
    assert migrate.current(database_url) is None
    assert not migrate.is_current(database_url)
    migrate.upgrade(database_url)
    assert migrate.current(database_url) == migrate.head()
    migrate.check(database_url)

    migrate.downgrade(database_url, "base")
    assert tables(database_url) == ["alembic_version"]
    assert functions(database_url) == []

    migrate.upgrade(database_url)
    migrate.check(database_url)
    assert migrate.is_current(database_url)


def test_going_up_twice_changes_nothing(url: str) -> None:
    migrate.upgrade(url)

    assert migrate.is_current(url)


def test_several_processes_may_migrate_at_once(database_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate.upgrade, [database_url] * 4))

    migrate.check(database_url)


def test_a_table_that_differs_from_its_model_is_named(url: str) -> None:
    with engine_of(url).begin() as connection:
        connection.execute(text("ALTER TABLE brand ADD COLUMN colour text"))

    with pytest.raises(SchemaDiffers, match="colour"):
        migrate.check(url)


def test_nothing_is_printed(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    migrate.upgrade(database_url)
    migrate.check(database_url)

    assert capsys.readouterr().out == ""


def test_a_database_without_tables_is_told(database_url: str) -> None:
    with pytest.raises(NotMigrated, match="spendgate migrate"), session_scope(database_url) as session:
        list_brands(session)


@pytest.mark.parametrize(
    "bad", ["postgresql://nobody@127.0.0.1:1/none", "postgresql://nobody@no-such-host.invalid/none"]
)
def test_a_database_that_is_away_is_told(bad: str) -> None:
    with pytest.raises(DatabaseAway, match="cannot be used"), session_scope(bad) as session:
        list_brands(session)
    with pytest.raises(DatabaseAway):
        migrate.current(bad)


def test_a_url_that_is_none_is_told() -> None:
    with pytest.raises(DatabaseAway, match="postgresql://"):
        connect("mysql://root@127.0.0.1/none")


def test_libpq_reads_the_url_itself(database_url: str) -> None:
    url = f"{database_url}?application_name=ours&options=-c%20search_path%3Dpg_catalog"
    connection = connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('search_path'), current_setting('TimeZone')")
            assert cursor.fetchone() == ("pg_catalog", "UTC")
    finally:
        connection.close()


def tables(url: str) -> list[str]:
    return inspect(engine_of(url)).get_table_names()


def functions(url: str) -> list[tuple[str]]:
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace")
        return cursor.fetchall()
