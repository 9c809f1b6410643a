"""One row for every table, as it is at each revision. A revision that adds or changes a table adds its row here."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Final

from alembic.script import ScriptDirectory
from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import Json

from models.connection import connect
from models.migrations import migrate
from models.tables.spend_log import partition_names

Row = dict[str, Any]

_NOW: Final = "2025-09-08T12:00:00.125Z"
_SPEND: Final[Row] = {
    "brand_id": "nike",
    "event_id": "e1",
    "campaign_id": "nike-summer",
    "amount": "0.012500",
    "currency": "USD",
    "occurred_at": _NOW,
    "booked_day": "2025-09-08",
    "booked_month": "2025-09-01",
    "arrived_at": _NOW,
    "partition": 1,
    "record_offset": 7,
    "attributes": Json({"placement": "top"}),
}
_REPEAT: Final = _SPEND | {"amount": "2.000000", "record_offset": 9}
_REFUSAL: Final[Row] = {
    "partition": 1,
    "record_offset": 7,
    "brand_id": "nike",
    "event_id": "e1",
    "reason": "unknown_brand",
    "message": "brand_id: no brand nike",
    "refused_at": _NOW,
    "letter_partition": 1,
    "letter_offset": 3,
}
_UNBOOKED: Final[Row] = {"partition": 1, "record_offset": 8, "brand_id": "puma", "arrived_at": _NOW, "value": b"\xff{}"}

#: Revision -> table -> its row from there on; what refers to another stands behind it.
ROWS: Final[dict[str, dict[str, Row]]] = {
    "0001": {
        "brand": {"brand_id": "nike", "name": "Nike", "currency": "USD", "daily_budget": "100.5", "revision": 3},
        "brand_zone": {"brand_id": "nike", "time_zone": "Asia/Karachi", "starts_at": None},
        "campaign": {"campaign_id": "nike-summer", "brand_id": "nike", "name": "Summer", "starts_on": "2025-09-01"},
        "daypart_window": {"campaign_id": "nike-summer", "weekdays": 31, "from_minute": 540, "to_minute": 1020},
        "change": {"actor": "ann", "kind": "brand", "brand_id": "nike", "fields": Json({"name": {"to": "Nike"}})},
        "catalog_outbox": {"brand_id": "nike", "campaign_id": "nike-summer"},
        "catalog_position": {"topic": "catalog", "partition": 0, "topic_id": "x", "next_offset": 12},
        "catalog_record": {"topic": "catalog", "record_key": "nike", "version": 12, "record_offset": 11},
    },
    "0002": {
        "spend_log": _SPEND | {"topic": "spend-events"},
        "spend_repeat": _REPEAT | {"topic": "spend-events"},
        "spend_refusal": _REFUSAL | {"topic": "spend-events"},
        "spend_unbooked": _UNBOOKED | {"topic": "spend-events"},
        "control_log": {
            "command_id": "nike-summer:1:7",
            "campaign_id": "nike-summer",
            "brand_id": "nike",
            "epoch": 1,
            "sequence": 7,
            "action": "pause",
            "reasons": ["daily_budget", "manual"],
            "decided_at": _NOW,
            "message": Json({"schema": 1}),
            "value": b'{"schema":1}',
            "topic": "campaign-control",
            "partition": 1,
            "record_offset": 7,
        },
    },
    "0003": {
        "topic_incarnation": {"topic": "spend-events", "topic_id": "00000000-0000-0000-0000-00000000000a"},
        "ledger_position": {"incarnation": 1, "partition": 1, "position": 10},
        "spend_log": _SPEND | {"incarnation": 1},
        "spend_repeat": _REPEAT | {"incarnation": 1},
        "spend_refusal": _REFUSAL | {"incarnation": 1},
        "spend_unbooked": _UNBOOKED | {"incarnation": 1},
        "spend_correction": {
            "incarnation": 1,
            "partition": 1,
            "record_offset": 4,
            "correction_id": "k1",
            "brand_id": "nike",
            "campaign_id": "nike-summer",
            "amount": "-1.500000",
            "booked_on": "2025-09-08",
            "opening": False,
            "reason": "reconcile",
            "arrived_at": _NOW,
            "value": b"{}",
        },
        "reconcile_run": {
            "started_at": _NOW,
            "finished_at": _NOW,
            "started_by": "ann",
            "outcome": "agrees",
            "brands": 1,
            "campaigns": 1,
            "positions": Json({}),
            "differences": Json([]),
        },
    },
    "0004": {
        "dead_letter_action": {
            "topic_id": "00000000-0000-0000-0000-00000000000b",
            "partition": 1,
            "record_offset": 3,
            "reason": "unknown_brand",
            "brand_id": "nike",
            "event_id": "e1",
            "action": "dropped",
            "actor": "ann",
            "because": "sent by mistake",
        },
    },
    "0005": {
        "account": {"name": "ann", "password_hash": "$argon2id$…", "role": "admin"},
        "web_session": {"session_hash": b"\x00\xff", "name": "ann"},
        "access_token": {
            "name": "export",
            "token_hash": b"\x00\xff",
            "role": "viewer",
            "created_by": "ann",
            "expires_at": _NOW,
        },
        "account_change": {"actor": "ann", "kind": "user", "name": "ann", "fields": Json({"role": {"to": "admin"}})},
        "sign_in_allowance": {"key": "ann", "attempts": 1.5},
    },
    "0006": {},  # indexes alone
    "0007": {
        "replay_run": {
            "actor": "ann",
            "topic_ids": Json({"spend-events": "x"}),
            "catalog_topic_id": "x",
            "left_out": Json([]),
            "spend_before": 2,
            "spend_count": 3,
        },
    },
    "0008": {"ledger_hole": {"incarnation": 1, "partition": 0, "from_offset": 3, "to_offset": 9}},
    "0009": {},  # constraints alone
    "0010": {},  # columns alone
    "0011": {},  # columns alone
    "0012": {
        "control_ack": {
            "command_id": "nike-summer:1:1",
            "consumer": "adserver-eu",
            "outcome": "applied",
            "campaign_id": "nike-summer",
            "applied_at": "2025-09-08T12:00:05Z",
            "detail": None,
            "arrived_at": "2025-09-08T12:00:06Z",
            "incarnation": 1,
            "partition": 0,
            "record_offset": 1,
        }
    },
    "0013": {
        "channel": {
            "name": "ops",
            "kind": "webhook",
            "address": "https://hooks.example.org/ops",
            "shown_address": "https://hooks.example.org/…",
            "secret": "whsec_x",
            "alert_kinds": ["silent"],
            "severities": [],
            "brand_ids": ["nike"],
            "created_by": "ann",
        },
        "delivery": {
            "channel": "ops",
            "message_id": "msg_1",
            "source": "alert",
            "subject": "nike:silent:2025-09-08:1",
            "brand_id": "nike",
            "body": "{}",
        },
        "notifier_position": {"topic": "budget-alerts", "topic_id": "x", "partition": 0, "next_offset": 3},
    },
    "0014": {},  # columns alone
    "0015": {"saved_view": {"name": "ann", "title": "Over", "query": "need=over"}},
}

#: Columns that a revision takes away, because what they said is said elsewhere.
GONE: Final = {"0003": {(table, "topic") for table in ("spend_log", "spend_repeat", "spend_refusal", "spend_unbooked")}}


def revisions() -> list[str]:
    """From the first to the newest."""
    script = ScriptDirectory.from_config(migrate._config())
    return [it.revision for it in script.walk_revisions()][::-1]


def rows_at(revision: str) -> dict[str, Row]:
    """The row of each table that there is at this revision."""
    upto = revisions()[: revisions().index(revision) + 1]
    return {table: row for one in upto for table, row in ROWS[one].items()}


def insert_rows(url: str, revision: str) -> None:
    with one_transaction(url) as cursor:
        for table, row in rows_at(revision).items():
            columns, places = ", ".join(row), ", ".join(["%s"] * len(row))
            cursor.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", list(row.values()))  # noqa: S608


def tables(url: str) -> set[str]:
    """All but Alembic's own and the parts of others."""
    found = run(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {str(name) for (name,) in found} - {"alembic_version", *partition_names()}


def run(url: str, statement: str, *values: object) -> list[tuple[Any, ...]]:
    with one_transaction(url) as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def one_transaction(url: str) -> Iterator[Cursor]:
    """Its cursor, on a connection of its own, which costs more than most statements."""
    with closing(connect(url)) as connection, connection, connection.cursor() as cursor:
        yield cursor
