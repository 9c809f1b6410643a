"""Rows at the edges of what PostgreSQL and the calendar can hold: no money is lost and no partition waits."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from core.spend import Spend, read_spend
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.ledger.conftest import LedgerTables, RunningLedger
from tests.streams.broker import Broker, spend_event

NOON = "2025-09-08T12:00:00Z"
#: Attributes that the controller takes; whether jsonb does.
ATTRIBUTES: list[tuple[bytes, bool]] = [
    (b'{"n":"nul \\u0000"}', False),
    (b'{"nul \\u0000":1}', False),
    (b'{"n":1e-20000}', False),
    (b'{"n":1e308}', True),
    (b'{"n":-0.0}', True),
    (b'{"n":' + b"9" * 1900 + b"}", True),
    (b'{"n":0.' + b"1" * 1900 + b"}", True),
    (b'{"n":1,"n":2}', True),
    (b'{"a":' * 200 + b"1" + b"}" * 200, True),
    ('{"ü":"\N{PILE OF POO}\\ud83d\\ude00\\\\N\\t"}'.encode(), True),
    (b'{"n":"\\\\.","m":"\\\\N"}', True),
    # What is no text or no number at all: half a pair of surrogates, bytes that are no UTF-8, more than a float.
    (b'{"n":"\\ud800"}', False),
    (b'{"n":"\\udc00\\ud800"}', False),
    (b'{"\\udfff":1}', False),
    (b'{"n":"\\\\\\ud83d"}', False),
    (b'{"n":"\xed\xa0\xbd"}', False),
    (b'{"n":"\xff"}', False),
    (b'{"n":1e400}', True),
    (b'{"n":1e999999}', False),
    (b'{"n":-1e-999999}', False),
]


async def test_attributes_that_jsonb_cannot_hold_are_left_out_and_nothing_else(
    broker: Broker, ledger: RunningLedger, ledger_tables: LedgerTables
) -> None:
    await broker.brand("nike", at=NOON)
    home = broker.home("nike")
    for number, (attributes, _) in enumerate(ATTRIBUTES):
        value = _event(f"e{number:02}", attributes)
        assert isinstance(read_spend(value), Spend)
        await broker.publish(Topic.SPEND_EVENTS, value, partition=home, key="nike", at=NOON)
    await broker.spend("nike", "c", "1.00", at=NOON, event_id="z")

    await ledger_tables.until(
        "SELECT event_id, attributes IS NOT NULL FROM spend_counted ORDER BY 1",
        [*((f"e{number:02}", held) for number, (_, held) in enumerate(ATTRIBUTES)), ("z", False)],
    )
    refused = sum(not held for _, held in ATTRIBUTES)
    await broker.until(lambda: len(broker.dead_letters) == refused)
    assert {dict(letter.headers)["spendgate-reason"] for letter in broker.dead_letters} == {b"not_storable"}


async def test_amounts_ids_and_days_at_their_ends_are_booked(
    broker: Broker, ledger: RunningLedger, ledger_tables: LedgerTables
) -> None:
    """The last day of 9999 ends in a year that no date can be, and is a day all the same."""
    await broker.brand("west", at=NOON, zone="America/Los_Angeles")
    await broker.brand("east", at=NOON, zone="Asia/Karachi")
    first, last, never = "1970-01-01T00:00:00Z", "9999-12-31T06:00:00Z", "9999-12-31T23:59:59.999Z"
    await broker.spend("west", "c" * 64, "999999999999.999999", at=NOON, event_id="\\" * 128, occurred_at=first)
    await broker.spend("west", "c", "-999999999999.999999", at=NOON, event_id="ü\N{PILE OF POO}", occurred_at=last)
    await broker.spend("east", "c", "1.00", at=NOON, event_id="never", occurred_at=never)
    await broker.spend("east", "c", "0.000001", at=NOON, event_id="after", occurred_at=NOON)

    await ledger_tables.until(
        "SELECT event_id, amount, booked_day::text FROM spend_log ORDER BY booked_day",
        [
            ("\\" * 128, Decimal("999999999999.999999"), "1969-12-31"),
            ("after", Decimal("0.000001"), "2025-09-08"),
            ("ü\N{PILE OF POO}", Decimal("-999999999999.999999"), "9999-12-30"),
            ("never", Decimal(1), "9999-12-31"),
        ],
    )
    assert broker.dead_letters == []


async def test_two_ledgers_on_one_partition_keep_every_row_once(
    broker: Broker,
    settings: Settings,
    new_ledger: Callable[[], RunningLedger],
    ledger_tables: LedgerTables,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As after a pause so long that the group has given its partitions away, and it goes on all the same."""
    await broker.brand("nike", at=NOON)
    for number in range(500):
        event = spend_event("nike", "c", "0.01", f"e{number % 400}", NOON)
        await broker.publish(Topic.SPEND_EVENTS, event, partition=broker.home("nike"), key="nike", at=NOON)
    new_ledger()
    monkeypatch.setattr("ledger.ingest.run.LEDGER_GROUP", "another-ledger")
    new_ledger()
    for number in range(500):
        event = spend_event("nike", "c", "0.01", f"f{number % 400}", NOON)
        await broker.publish(Topic.SPEND_EVENTS, event, partition=broker.home("nike"), key="nike", at=NOON)

    await ledger_tables.until(
        "SELECT (SELECT count(*) FROM spend_log), (SELECT count(*) FROM spend_repeat), sum(amount) FROM spend_counted",
        [(800, 200, Decimal(8))],
    )
    await broker.spend("nike", "c", "0.01", at=NOON, event_id="last")
    await ledger_tables.until("SELECT count(*), sum(amount) FROM spend_counted", [(801, Decimal("8.01"))])
    assert ledger_tables.rows("SELECT count(*) FROM spend_repeat") == [(200,)]


def _event(event_id: str, attributes: bytes) -> bytes:
    head = f'{{"event_id":"{event_id}","brand_id":"nike","campaign_id":"c","amount":"1.00","occurred_at":"{NOON}",'
    return head.encode() + b'"attributes":' + attributes + b"}"
