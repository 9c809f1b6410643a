"""Every spend once and every command, in PostgreSQL, whatever stops in between."""

import json
from collections.abc import Callable
from decimal import Decimal

import psycopg2
import pytest

from core.moment import parse_moment
from core.refusal import Refusal, RefusalReason
from ledger.ingest import database
from ledger.ingest.batch import original_of
from ledger.ingest.rows import UnbookedRow
from streams.dead_letters.outbox import ARRIVAL_HEADER, REROUTED_HEADER, Outbox
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.ledger.conftest import LedgerTables, RunningLedger
from tests.streams.broker import Broker, spend_event

NewLedger = Callable[[], RunningLedger]

NOON = "2025-09-08T12:00:00Z"
SUM = "SELECT count(*), sum(amount) FROM spend_counted"
LOG = "SELECT event_id FROM spend_log ORDER BY event_id"


async def test_a_spend_is_booked_to_the_local_day_of_its_brand(
    broker: Broker, ledger: RunningLedger, ledger_tables: LedgerTables
) -> None:
    await broker.brand("nike", zone="Asia/Karachi", at=NOON)
    event = spend_event("nike", "summer", "0.012500", "e\\1", "2025-08-31T19:30:00Z")
    event |= {"attributes": {"placement": "to\\p\n", "n": [1]}}  # type: ignore[dict-item]
    offset = await broker.publish(Topic.SPEND_EVENTS, event, partition=broker.home("nike"), key="nike", at=NOON)

    await ledger_tables.until("SELECT count(*) FROM spend_log", [(1,)])
    [row] = ledger_tables.rows(
        "SELECT event_id, campaign_id, amount, currency, booked_day::text, booked_month::text, occurred_at::text, "
        "arrived_at::text, topic, partition, record_offset, attributes FROM spend_counted"
    )
    assert row == (
        "e\\1",
        "summer",
        Decimal("0.0125"),
        "USD",
        "2025-09-01",
        "2025-09-01",
        row[6],
        row[7],
        broker.settings.topic(Topic.SPEND_EVENTS),
        broker.home("nike"),
        offset,
        {"placement": "to\\p\n", "n": [1]},
    )
    assert (row[6][:16], row[7][:16]) == ("2025-08-31 19:30", "2025-09-08 12:00")


async def test_a_new_currency_is_taken_until_the_first_spend_and_kept_over_a_restart(
    broker: Broker, new_ledger: NewLedger, ledger_tables: LedgerTables
) -> None:
    async def spend(event_id: str, currency: str, at: str) -> None:
        event = spend_event("nike", "c", "1.00", event_id, at) | {"currency": currency}
        await broker.publish(Topic.SPEND_EVENTS, event, partition=broker.home("nike"), key="nike", at=at)

    await broker.brand("nike", at=NOON, currency="EUR")
    await broker.brand("nike", at="2025-09-08T12:01:00Z", currency="USD", version=2)
    first = new_ledger()
    await spend("refused", "EUR", "2025-09-08T12:02:00Z")
    await spend("counted", "USD", "2025-09-08T12:03:00Z")
    rows = "SELECT event_id, currency FROM spend_log ORDER BY event_id"
    await ledger_tables.until(rows, [("counted", "USD")])
    await first.stop()

    await broker.brand("nike", at="2025-09-08T12:04:00Z", currency="EUR", version=3)
    new_ledger()
    await spend("refused again", "EUR", "2025-09-08T12:05:00Z")
    await spend("last", "USD", "2025-09-08T12:06:00Z")
    await ledger_tables.until(rows, [("counted", "USD"), ("last", "USD")])


async def test_an_event_sent_several_times_counts_once(
    broker: Broker, ledger: RunningLedger, ledger_tables: LedgerTables
) -> None:
    for brand_id in ("nike", "puma"):
        await broker.brand(brand_id, at=NOON)
    for round_number in range(3):
        for number in range(20):
            amount = "1.00" if round_number == 0 else "7.00"
            for brand_id in ("nike", "puma"):
                await broker.spend(brand_id, "c", amount, at=NOON, event_id=f"e{number}")

    await ledger_tables.until("SELECT count(*) FROM spend_repeat", [(80,)])
    assert ledger_tables.rows(SUM) == [(40, Decimal(40))]


async def test_what_was_saved_before_a_kill_is_not_added_again(
    broker: Broker, new_ledger: NewLedger, ledger_tables: LedgerTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first ledger saves and never gets to commit its offsets."""
    with monkeypatch.context() as killed:
        killed.setattr("ledger.ingest.ledger.Ledger._commit", _do_nothing)
        first = new_ledger()
        await broker.brand("nike", at=NOON)
        for number in range(10):
            await broker.spend("nike", "c", "1.00", at=NOON, event_id=f"e{number % 8}")
        await ledger_tables.until("SELECT count(*) FROM spend_repeat", [(2,)])
        await first.stop()
    before = ledger_tables.rows("SELECT * FROM spend_log ORDER BY event_id")

    new_ledger()
    await broker.spend("nike", "c", "1.00", at=NOON, event_id="last")
    await ledger_tables.until(SUM, [(9, Decimal(9))])
    assert ledger_tables.rows("SELECT * FROM spend_log WHERE event_id <> 'last' ORDER BY event_id") == before
    assert ledger_tables.rows("SELECT count(*) FROM spend_repeat") == [(2,)]


async def test_a_misplaced_original_is_left_to_its_copy(
    broker: Broker, ledger: RunningLedger, ledger_tables: LedgerTables
) -> None:
    await broker.brand("nike", at=NOON)
    home = broker.home("nike")
    for partition, key in (((home + 1) % broker.settings.partitions, "nike"), (home, "wrong"), (home, None)):
        event = spend_event("nike", "c", "5.00", f"lost-{partition}-{key}", NOON)
        await broker.publish(Topic.SPEND_EVENTS, event, partition=partition, key=key, at=NOON)
    headers = ((REROUTED_HEADER, b"spend-events/0/1"), (ARRIVAL_HEADER, b"2025-09-08T11:00:00Z"))
    copy = spend_event("nike", "c", "2.00", "copy")
    await broker.publish(Topic.SPEND_EVENTS, copy, partition=home, key="nike", at=NOON, headers=headers)

    await ledger_tables.until(
        "SELECT event_id, occurred_at AT TIME ZONE 'UTC' = '2025-09-08 11:00', amount FROM spend_log",
        [("copy", True, Decimal(2))],
    )


async def test_spend_of_an_unknown_brand_is_booked_when_the_brand_is_there(
    broker: Broker, ledger: RunningLedger, ledger_tables: LedgerTables
) -> None:
    await broker.spend("late", "c", "3.00", at="2025-09-08T20:00:00Z", event_id="e")
    await ledger_tables.until("SELECT brand_id FROM spend_unbooked", [("late",)])
    assert ledger_tables.rows(SUM) == [(0, None)]

    await broker.brand("late", zone="Asia/Karachi", at=NOON)
    await ledger_tables.until("SELECT booked_day::text, amount FROM spend_counted", [("2025-09-09", Decimal(3))])
    assert ledger_tables.rows("SELECT * FROM spend_unbooked") == []


async def test_however_much_waits_for_a_brand_little_of_it_is_in_memory_at_once(
    broker: Broker, ledger: RunningLedger, ledger_tables: LedgerTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_UNBOOKED_AT_ONCE", 2)
    for number in range(5):
        await broker.spend("late", "c", "1.00", at=NOON, event_id=f"e{number}")
    await ledger_tables.until("SELECT count(*) FROM spend_unbooked", [(5,)])
    assert len(database.LedgerDatabase(ledger_tables.url).unbooked(["late"])) == 2
    await broker.brand("late", at=NOON)
    await ledger_tables.until("SELECT count(*), sum(amount)::int FROM spend_counted", [(5, 5)])
    await ledger_tables.until("SELECT count(*) FROM spend_unbooked", [(0,)])


async def test_what_the_controller_refused_is_left_out_until_it_is_replayed(
    broker: Broker, ledger: RunningLedger, ledger_tables: LedgerTables
) -> None:
    await broker.brand("nike", at=NOON)
    await broker.spend("nike", "c", "1.00", at=NOON, event_id="fine")
    await broker.spend("nike", "c", "3.00", at=NOON, event_id="refused")
    await ledger_tables.until(SUM, [(2, Decimal(4))])

    await refuse(broker, ledger_tables, spend_event("nike", "c", "3.00", "refused", NOON))
    await ledger_tables.until(SUM, [(1, Decimal(1))])
    await broker.spend("nike", "c", "3.00", at=NOON, event_id="refused")
    await ledger_tables.until(SUM, [(2, Decimal(4))])
    await broker.spend("nike", "c", "3.00", at=NOON, event_id="refused")
    await ledger_tables.until("SELECT count(*) FROM spend_repeat", [(2,)])
    assert ledger_tables.rows(SUM) == [(2, Decimal(4))]
    assert ledger_tables.rows("SELECT brand_id, event_id, reason FROM spend_refusal") == [
        ("nike", "refused", "occurred_in_future")
    ]


async def test_a_refused_spend_of_an_unknown_brand_counts_once_when_it_is_replayed(
    broker: Broker, ledger: RunningLedger, ledger_tables: LedgerTables
) -> None:
    event = spend_event("late", "c", "3.00", "e", NOON)
    await broker.spend("late", "c", "3.00", at=NOON, event_id="e")
    await ledger_tables.until("SELECT brand_id FROM spend_unbooked", [("late",)])
    await refuse(broker, ledger_tables, event, found_in="spend_unbooked")
    await broker.brand("late", at=NOON)
    await ledger_tables.until(LOG, [("e",)])
    await ledger_tables.until("SELECT count(*) FROM spend_refusal", [(1,)])
    assert ledger_tables.rows(SUM) == [(0, None)]

    await broker.spend("late", "c", "3.00", at=NOON, event_id="e")
    await ledger_tables.until(SUM, [(1, Decimal(3))])


async def test_attributes_that_postgresql_refuses_cost_no_money_and_block_nothing(
    broker: Broker, ledger: RunningLedger, ledger_tables: LedgerTables
) -> None:
    await broker.brand("nike", at=NOON)
    for number, attributes in enumerate(({"a": "b"}, {"a": "nul \0"}, {"a": "c"})):
        event = {**spend_event("nike", "c", "1.00", f"e{number}", NOON), "attributes": attributes}
        await broker.publish(Topic.SPEND_EVENTS, event, partition=broker.home("nike"), key="nike", at=NOON)

    await ledger_tables.until(
        "SELECT event_id, attributes FROM spend_counted ORDER BY event_id",
        [("e0", {"a": "b"}), ("e1", None), ("e2", {"a": "c"})],
    )
    await broker.until(lambda: len(broker.dead_letters) == 1)
    headers = dict(broker.dead_letters[0].headers)
    assert headers["spendgate-reason"] == b"not_storable"
    assert json.loads(broker.dead_letters[0].value)["event_id"] == "e1"


async def test_records_that_are_no_spend_block_nothing(
    broker: Broker, ledger: RunningLedger, ledger_tables: LedgerTables
) -> None:
    await broker.brand("nike", at=NOON)
    home = broker.home("nike")
    for value in (b"no json", None, b'{"brand_id":"nike"}', spend_event("nike", "c", "0", "zero")):
        await broker.publish(Topic.SPEND_EVENTS, value, partition=home, key="nike", at=NOON)
    await broker.publish(Topic.DEAD_LETTERS, b"?", partition=home, key="nike", at=NOON)
    await broker.publish(Topic.CAMPAIGN_CONTROL, b"?", partition=home, key="c", at=NOON)
    await broker.spend("nike", "c", "1.00", at=NOON, event_id="fine")

    await ledger_tables.until(LOG, [("fine",)])


async def test_every_command_is_kept_with_its_exact_bytes(
    broker: Broker, ledger: RunningLedger, ledger_tables: LedgerTables
) -> None:
    value = json.dumps(COMMAND, indent=1).encode()
    for _ in range(2):
        await broker.publish(Topic.CAMPAIGN_CONTROL, value, partition=1, key="summer", at=NOON)
    second = COMMAND | {"command_id": "summer:1:8", "sequence": 8, "external_id": "nul \0"}
    await broker.publish(Topic.CAMPAIGN_CONTROL, second, partition=1, key="summer", at=NOON)

    await ledger_tables.until("SELECT command_id FROM control_log ORDER BY 1", [("summer:1:7",), ("summer:1:8",)])
    [kept] = ledger_tables.rows(
        "SELECT campaign_id, epoch, sequence, reasons, message, value, record_offset FROM control_log "
        "WHERE sequence = 7"
    )
    assert (*kept[:5], bytes(kept[5]), kept[6]) == ("summer", 1, 7, ["daily_budget", "manual"], COMMAND, value, 0)
    [odd] = ledger_tables.rows("SELECT message, value FROM control_log WHERE sequence = 8")
    assert (odd[0], bytes(odd[1])) == (None, json.dumps(second).encode())


def test_the_database_refuses_to_change_what_is_kept(settings: Settings, ledger_tables: LedgerTables) -> None:
    for table in ("spend_log", "spend_log_03", "spend_repeat", "spend_refusal", "control_log"):
        for statement in ("UPDATE {} SET partition = 1", "DELETE FROM {}", "TRUNCATE {}"):
            with pytest.raises(psycopg2.errors.RestrictViolation, match="kept for ever"):
                ledger_tables.rows(statement.format(table))


async def refuse(
    broker: Broker, ledger_tables: LedgerTables, event: dict[str, str], *, found_in: str = "spend_log"
) -> None:
    """Send what the controller writes when it refuses the newest record of the brand."""
    [(incarnation, partition, offset)] = ledger_tables.rows(
        f"SELECT incarnation, partition, record_offset FROM {found_in} WHERE brand_id = %s "  # noqa: S608
        "ORDER BY record_offset DESC LIMIT 1",
        event["brand_id"],
    )
    value = json.dumps(event).encode()
    row = UnbookedRow(incarnation, partition, offset, event["brand_id"], parse_moment(NOON), value)
    record = original_of(row, broker.settings.topic(Topic.SPEND_EVENTS))
    outbox = Outbox()
    outbox.dead_letter(record, Refusal(RefusalReason.OCCURRED_IN_FUTURE, "occurred_at: too late"))
    [letter] = outbox.take()
    await broker.publish(
        Topic.DEAD_LETTERS, letter.value, partition=partition, key=event["brand_id"], at=NOON, headers=letter.headers
    )


async def _do_nothing(*_: object) -> None:
    """Stands where the offsets would be committed."""


COMMAND: dict[str, object] = {
    "schema": 1,
    "command_id": "summer:1:7",
    "action": "pause",
    "campaign_id": "summer",
    "external_id": None,
    "brand_id": "nike",
    "epoch": 1,
    "sequence": 7,
    "reasons": ["daily_budget", "manual"],
    "decided_at": NOON,
    "resumes_at": None,
    "pauses_at": None,
    "cause": {"kind": "spend", "event_id": "e", "amount": "1.00", "topic": "t", "partition": 1, "offset": 5},
    "catalog": {"brand_version": 12, "campaign_version": 3},
    "currency": "USD",
    "time_zone": "UTC",
    "brand": {
        "day": "2025-09-08",
        "daily_spent": "1.00",
        "daily_budget": "1.00",
        "month": "2025-09",
        "monthly_spent": "1.00",
        "monthly_budget": None,
    },
    "campaign": {"daily_spent": "1.00", "daily_budget": None, "total_spent": "1.00", "total_budget": None},
}
