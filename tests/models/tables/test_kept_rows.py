"""What is written for ever is refused to be changed or deleted: in the whole table, in its parts, through others."""

import psycopg2
import pytest
from sqlalchemy import Engine

from models.tables.spend_log import PARTITION_COUNT
from tests.models.rows import insert_rows, revisions, run, tables

#: Rows are added, and that is all.
KEPT = {
    "account_change",
    "brand_zone",
    "change",
    "control_ack",
    "control_log",
    "dead_letter_action",
    "reconcile_run",
    "spend_correction",
    "spend_log",
    "spend_refusal",
    "spend_repeat",
}
#: Rows are added and completed, but stay.
COMPLETED = {"topic_incarnation"}
#: Rows tell how something is now.
CHANGED = {
    "access_token",
    "account",
    "brand",
    "campaign",
    "catalog_outbox",
    "catalog_position",
    "catalog_record",
    "channel",
    "daypart_window",
    "delivery",
    "ledger_hole",
    "ledger_position",
    "notifier_position",
    "replay_run",
    "saved_view",
    "sign_in_allowance",
    "spend_unbooked",
    "web_session",
}


@pytest.fixture(autouse=True)
def _rows(url: str, engine: Engine) -> None:
    insert_rows(url, revisions()[-1])


def test_of_every_table_it_is_said_whether_its_rows_stay(url: str) -> None:
    assert tables(url) == KEPT | COMPLETED | CHANGED


def test_rows_that_are_kept_cannot_be_changed_deleted_or_truncated(url: str) -> None:
    assert len(parts(url)) == PARTITION_COUNT  # a trigger of the whole does not see a statement that names a part
    own = [*KEPT, *parts(url)]
    statements = [f"UPDATE {table} SET {name} = {name}" for table in own for name in [column(url, table)]]  # noqa: S608
    for table in [*own, *COMPLETED]:
        statements += [f"DELETE FROM {table}", f"TRUNCATE {table}", f"TRUNCATE {table} CASCADE"]  # noqa: S608
    assert [statement for statement in statements if not refused(url, statement)] == []


def test_nothing_that_others_refer_to_takes_kept_rows_along(url: str) -> None:
    referred = run(url, "SELECT DISTINCT confrelid::regclass::text FROM pg_constraint WHERE contype = 'f'")
    kinds = run(url, "SELECT DISTINCT confdeltype, confupdtype FROM pg_constraint WHERE contype = 'f'")
    assert set(referred) == {("account",), ("brand",), ("campaign",), ("channel",)}
    assert kinds == [("r", "a")]  # neither deleting nor renaming goes on to another table
    for (table,) in referred:
        with pytest.raises(psycopg2.IntegrityError):
            run(url, f"DELETE FROM {table}")  # noqa: S608
        assert table in ("account", "channel") or refused(url, f"TRUNCATE {table} CASCADE")


def test_the_spend_of_a_brand_stays_when_the_brand_could_be_deleted(url: str) -> None:
    """The ledger refers to no brand, so there is no way from one to the other, not even for who clears the rest."""
    run(url, "ALTER TABLE brand_zone DISABLE TRIGGER ALL")
    run(url, "ALTER TABLE change DISABLE TRIGGER ALL")
    for table in ("change", "catalog_outbox", "daypart_window", "campaign", "brand_zone", "brand"):
        run(url, f"DELETE FROM {table}")  # noqa: S608
    assert run(url, "SELECT (SELECT count(*) FROM spend_log), (SELECT count(*) FROM control_log)") == [(1, 1)]


def parts(url: str) -> list[str]:
    return [
        name
        for (name,) in run(
            url,
            "SELECT inhrelid::regclass::text FROM pg_inherits i JOIN pg_class c "
            "ON c.oid = inhrelid WHERE c.relkind = 'r' ORDER BY 1",
        )
    ]


def column(url: str, table: str) -> str:
    """One that may be set to itself: identities may not."""
    [(name,)] = run(
        url,
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND is_identity = 'NO' LIMIT 1",
        table,
    )
    return str(name)


def refused(url: str, statement: str) -> bool:
    try:
        run(url, statement)
    except psycopg2.errors.RestrictViolation as error:
        return "kept for ever" in str(error)
    return False
