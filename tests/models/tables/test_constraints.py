"""The database refuses bad rows whoever writes them, and keeps what must be kept."""

from typing import TypeAlias

import psycopg2
import pytest
from sqlalchemy import CheckConstraint, Engine, text
from sqlalchemy.exc import IntegrityError

from core.windows import EVERY_DAY, Window
from models.queries.catalog_edits import add_brand, add_campaign, change_time_zone
from models.session import session_scope
from models.tables.registry import metadata

Row: TypeAlias = dict[str, object]

BRAND: Row = {"brand_id": "b", "currency": "USD"}
CAMPAIGN: Row = {"campaign_id": "c", "brand_id": "nike"}
ZONE: Row = {"brand_id": "nike", "time_zone": "UTC", "starts_at": "2025-09-08T00:00:00Z"}
WINDOW: Row = {"campaign_id": "nike-summer", "weekdays": 1, "from_minute": 0, "to_minute": 1}
CHANGE: Row = {"actor": "ann", "kind": "brand", "brand_id": "nike", "fields": "{}"}
OUTBOX: Row = {"brand_id": "nike"}
POSITION: Row = {"topic": "catalog", "partition": 0, "topic_id": "x", "next_offset": 0}

REFUSED: list[tuple[str, Row]] = [
    *(("brand", BRAND | {"brand_id": bad}) for bad in ("", "a b", "a/b", "ä", "x" * 65, "a\n")),
    *(("brand", BRAND | {"currency": bad}) for bad in ("usd", "US", "USDT", "", None)),
    *(("brand", BRAND | {"daily_budget": bad}) for bad in ("-0.000001", "NaN")),
    *(("brand", BRAND | {"monthly_budget": bad}) for bad in ("-1", "NaN")),
    *(("brand", BRAND | {"name": bad}) for bad in ("x" * 201, "a\nb", None)),
    ("brand", BRAND | {"epoch": 0}),
    *(
        ("brand", BRAND | {"alert_percents": bad})
        for bad in ([0], [1001], [80, 50], [80, 80], [None], list(range(1, 12)))
    ),
    *(("brand", BRAND | {"silent_after_minutes": bad}) for bad in (4, 10_081)),
    *(("brand_zone", ZONE | {"starts_at": bad}) for bad in ("infinity", "-infinity")),
    *(("brand_zone", ZONE | {"time_zone": bad}) for bad in ("", "Asia Karachi", None)),
    ("brand_zone", ZONE | {"brand_id": "nobody"}),
    ("brand_zone", ZONE | {"starts_at": None}),  # a second first one
    ("brand_zone", ZONE | {"starts_at": "2025-01-01T00:00:00Z"}),  # that moment has one
    *(("campaign", CAMPAIGN | {"campaign_id": bad}) for bad in ("", "a b", "a/b", "x" * 65)),
    *(("campaign", CAMPAIGN | {"brand_id": bad}) for bad in ("nobody", None)),
    *(("campaign", CAMPAIGN | {"daily_budget": bad}) for bad in ("-1", "NaN")),
    *(("campaign", CAMPAIGN | {"total_budget": bad}) for bad in ("-1", "NaN")),
    *(("campaign", CAMPAIGN | {"external_id": bad}) for bad in ("x" * 201, "a\tb")),
    ("campaign", CAMPAIGN | {"name": "x" * 201}),
    ("campaign", CAMPAIGN | {"starts_on": "2025-10-06", "ends_on": "2025-10-05"}),
    *(("campaign", CAMPAIGN | {"starts_on": bad}) for bad in ("infinity", "1969-12-31")),
    ("campaign", CAMPAIGN | {"ends_on": "10000-01-01"}),
    *(("daypart_window", WINDOW | {"weekdays": bad}) for bad in (0, 128, -1)),
    *(("daypart_window", WINDOW | {"from_minute": bad}) for bad in (-1, 1440)),
    *(("daypart_window", WINDOW | {"to_minute": bad}) for bad in (-1, 1441)),
    ("daypart_window", WINDOW | {"from_minute": 540, "to_minute": 540}),
    ("daypart_window", WINDOW | {"campaign_id": "nobody"}),
    ("daypart_window", WINDOW | {"weekdays": 127, "from_minute": 540, "to_minute": 1020}),  # twice the same
    ("change", CHANGE | {"kind": "user"}),
    ("change", CHANGE | {"kind": "campaign"}),
    ("change", CHANGE | {"campaign_id": "nike-summer"}),
    *(("change", CHANGE | {"actor": bad}) for bad in ("", "x" * 201)),
    ("catalog_outbox", OUTBOX | {"published_at": "2025-01-01T00:00:00Z"}),
    ("catalog_outbox", OUTBOX | {"brand_id": "nobody"}),
    ("catalog_outbox", OUTBOX | {"campaign_id": "nobody"}),
    ("catalog_position", POSITION | {"next_offset": -1}),
]

ACCEPTED: list[tuple[str, Row]] = [
    ("brand", BRAND | {"brand_id": "A-z.0_9:" * 8, "daily_budget": "0", "monthly_budget": "999999999999.999999"}),
    ("brand", BRAND | {"daily_budget": None, "name": "x" * 200}),
    *(("brand", BRAND | {"alert_percents": good}) for good in (None, [], [80], list(range(991, 1001)))),
    *(("brand", BRAND | {"silent_after_minutes": good}) for good in (None, 5, 10_080)),
    ("brand_zone", ZONE),
    ("campaign", CAMPAIGN | {"starts_on": "2025-10-05", "ends_on": "2025-10-05", "external_id": "4711"}),
    ("daypart_window", WINDOW | {"weekdays": 127, "from_minute": 1439, "to_minute": 1440}),
    ("daypart_window", WINDOW | {"from_minute": 1320, "to_minute": 0}),
    ("change", CHANGE),
    ("catalog_outbox", OUTBOX),
    ("catalog_position", POSITION),
]


@pytest.fixture(autouse=True)
def _nike(url: str) -> None:
    with session_scope(url) as session:
        add_brand(session, "nike", time_zone="Asia/Karachi", currency="USD", actor="ann")
        add_campaign(session, "nike-summer", brand_id="nike", actor="ann", windows=[Window(EVERY_DAY, 540, 1020)])
        change_time_zone(session, "nike", "UTC", starts_at=1_735_689_600_000, actor="ann")


def test_each_bad_row_is_refused(engine: Engine) -> None:
    accepted = [row for row in REFUSED if not refused(engine, *row)]

    assert accepted == []


def test_rows_at_the_edges_of_what_is_allowed_are_accepted(engine: Engine) -> None:
    assert [row for row in ACCEPTED if refused(engine, *row)] == []


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM brand",
        "DELETE FROM campaign",
        "TRUNCATE brand CASCADE",
        "UPDATE change SET actor = 'somebody else'",
        "DELETE FROM change",
        "DELETE FROM change WHERE false",
        "TRUNCATE change",
        "UPDATE brand_zone SET time_zone = 'UTC'",
        "DELETE FROM brand_zone",
        "UPDATE brand SET brand_id = 'adidas'",
        "UPDATE brand SET currency = 'EUR'",
        "UPDATE campaign SET campaign_id = 'other'",
        "UPDATE campaign SET brand_id = 'other'",
    ],
)
def test_what_must_stay_cannot_be_changed_or_deleted(engine: Engine, statement: str) -> None:
    with engine.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(text(statement))


def test_no_foreign_key_takes_rows_along(engine: Engine) -> None:
    with engine.connect() as connection:
        kinds = connection.scalars(text("SELECT DISTINCT confdeltype FROM pg_constraint WHERE contype = 'f'")).all()

    assert kinds == ["r"]


def test_the_migrations_make_the_checks_that_the_models_name(engine: Engine) -> None:
    named = {c.name for table in metadata.tables.values() for c in table.constraints if isinstance(c, CheckConstraint)}
    with engine.connect() as connection:
        made = connection.scalars(text("SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid <> 0")).all()

    assert set(made) == {str(name) for name in named}


def refused(engine: Engine, table: str, row: Row) -> bool:
    columns, values = ", ".join(row), ", ".join(f":{column}" for column in row)
    with engine.connect() as connection:
        try:
            connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({values})"), row)  # noqa: S608
        except IntegrityError as error:
            return isinstance(error.orig, psycopg2.IntegrityError)
        finally:
            connection.rollback()
    return False
