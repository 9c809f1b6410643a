"""Dead letters that go back: a real worker refuses them and counts their copies, a real ledger keeps both."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from core.money import parse_money
from models.queries.catalog_edits import add_brand
from models.session import session_scope
from operations.dead_letters import handling as operations
from operations.dead_letters.count import DeadLetterCount
from operations.dead_letters.handling import HandlingOutcome, HandlingResult, drop, replay
from operations.dead_letters.pages import page
from operations.dead_letters.search import DeadLetterEntry, DeadLetterFilter, read_batches, scan
from streams.dead_letters.outbox import ARRIVAL_HEADER, REPLAYED_HEADER, REROUTED_HEADER
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.ledger.conftest import LedgerTables, RunningLedger
from tests.streams.broker import Broker, spend_event
from tests.streams.worker_process import WorkerProcess

ARRIVED = "2025-09-08T20:00:00Z"  # the ninth in Karachi
ADDED = "2025-09-08T21:00:00Z"
SUM = "SELECT booked_day::text, count(*), sum(amount) FROM spend_counted GROUP BY 1"
ANY = DeadLetterFilter()


@pytest.fixture
async def worker(broker: Broker, settings: Settings, tmp_path: Path) -> AsyncIterator[WorkerProcess]:
    process = WorkerProcess(settings, tmp_path / "worker.log")
    yield await process.started()
    process.kill()


async def test_spend_of_an_unknown_brand_counts_on_its_own_day_once_however_often_it_is_replayed(
    broker: Broker,
    worker: WorkerProcess,
    ledger: RunningLedger,
    ledger_tables: LedgerTables,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = broker.settings
    await _send(broker, spend_event("late", "c", "3.00", "e"))
    [letter] = await _letters(broker, 1)
    assert [letter.dead_letter.reason, letter.dead_letter.arrived_at] == ["unknown_brand", 1_757_361_600_000]
    assert _results(await _replay(settings)) == [(HandlingResult.REFUSED, "There is no brand late: add it first.")]

    await _add_brand(broker, "late")
    assert _results(await _replay(settings, dry_run=True)) == [(HandlingResult.REPLAYED, "")]
    assert (await DeadLetterCount(settings).waiting(), len(broker.dead_letters)) == (1, 1)

    with monkeypatch.context() as killed:  # after the broker has the copies, before the note is committed
        killed.setattr(operations, "note", _die)
        with pytest.raises(KeyboardInterrupt):
            await _replay(settings)
    assert await DeadLetterCount(settings).waiting() == 1
    both = await asyncio.gather(_replay(settings), _replay(settings, [letter.dead_letter.position]))
    assert sorted(outcome.result for outcomes in both for outcome in outcomes) in (
        ["already", "replayed"],
        ["replayed"],
    )
    [again] = await _replay(settings, [letter.dead_letter.position])
    assert (again.result, "replayed" in again.why, "ann" in again.why) == (HandlingResult.ALREADY, True, True)
    [forced] = await _replay(settings, [letter.dead_letter.position], force=True)
    assert forced.copy

    await ledger_tables.until("SELECT count(*) FROM spend_repeat", [(3,)])
    assert ledger_tables.rows(SUM) == [("2025-09-09", 1, Decimal(3))]
    _note_sent(broker, forced)
    await broker.until_settled()
    brand = broker.state_of("late")
    assert brand.day and brand.day.date.isoformat() == "2025-09-09"
    assert [brand.daily_micros, brand.monthly_micros, brand.campaigns["c"].total_micros] == [parse_money("3.00")] * 3
    assert (await DeadLetterCount(settings).waiting(), len(broker.dead_letters)) == (0, 1)


async def test_what_was_misplaced_or_dated_ahead_counts_when_it_is_replayed(
    broker: Broker, worker: WorkerProcess, ledger: RunningLedger, ledger_tables: LedgerTables
) -> None:
    await _add_brand(broker, "nike")
    await broker.until_settled()
    elsewhere = (broker.home("nike") + 1) % broker.settings.partitions
    rerouted = ((REROUTED_HEADER, b"spend-events/0/1"), ("trace", b"\xff"), (ARRIVAL_HEADER, b"2025-09-08T19:30:00Z"))
    event = spend_event("nike", "c", "5.00", "misplaced")
    await broker.publish(Topic.SPEND_EVENTS, event, partition=elsewhere, key="x", at=ARRIVED, headers=rerouted)
    await _send(broker, spend_event("nike", "c", "2.00", "ahead", "2025-09-08T20:10:00Z"))
    await _letters(broker, 2)

    outcomes = await _replay(broker.settings)
    assert [outcome.result for outcome in outcomes] == [HandlingResult.REPLAYED] * 2
    await ledger_tables.until(SUM, [("2025-09-09", 2, Decimal(7))])
    for outcome in outcomes:
        _note_sent(broker, outcome)
    await broker.until_settled()
    assert broker.state_of("nike").campaigns["c"].total_micros == parse_money("7.00")
    assert len(broker.dead_letters) == 2
    [kept] = ledger_tables.rows(
        "SELECT arrived_at AT TIME ZONE 'UTC' = '2025-09-08 19:30' FROM spend_counted WHERE event_id = 'misplaced'"
    )
    assert kept == (True,)


async def test_what_can_never_count_stays_until_it_is_dropped_or_forced(
    broker: Broker, worker: WorkerProcess, ledger_tables: LedgerTables
) -> None:
    settings = broker.settings
    await _add_brand(broker, "nike")
    await broker.until_settled()
    home = broker.home("nike")
    for value in (b"no json", spend_event("nike", "c", "0", "zero"), b'{"brand_id":"nike","event_id":"n\\u0000l"}'):
        await broker.publish(Topic.SPEND_EVENTS, value, partition=home, key="nike", at=ARRIVED)
    nothing, zero, incomplete = await _letters(broker, 3)

    assert {result for result, _ in _results(await _replay(settings))} == {HandlingResult.REFUSED}
    [still] = await _replay(settings, [nothing.dead_letter.position], force=True)
    assert (still.result, "names no brand" in still.why) == (HandlingResult.REFUSED, True)
    [forced] = await _replay(settings, [zero.dead_letter.position], force=True)
    assert forced.result is HandlingResult.REPLAYED
    [*_, refused_again] = await _letters(broker, 4)
    assert refused_again.dead_letter.reason == "amount_zero"
    replayed = f"{zero.dead_letter.partition}/{zero.dead_letter.offset}".encode()
    assert dict(refused_again.dead_letter.headers) == {ARRIVAL_HEADER: ARRIVED.encode(), REPLAYED_HEADER: replayed}

    assert len(await _drop(settings, "nothing to read", [nothing.dead_letter.position])) == 1
    assert len(await _drop(settings, "a test")) == 2
    assert await _drop(settings, "a test") == []
    [dropped] = await _drop(settings, "another reason", [incomplete.dead_letter.position])
    assert (dropped.result, "a test" in dropped.why) == (HandlingResult.ALREADY, True)
    assert await DeadLetterCount(settings).waiting() == 0
    assert len((await page(settings, DeadLetterFilter(handled=True))).dead_letters) == 4
    rows = ledger_tables.rows(
        "SELECT action, because, actor, reason, brand_id, event_id FROM dead_letter_action ORDER BY 1, 2, 4"
    )
    assert rows == [
        ("dropped", "a test", "ann", "amount_zero", "nike", "zero"),
        ("dropped", "a test", "ann", "invalid_field", "nike", None),
        ("dropped", "nothing to read", "ann", "not_json", None, None),
        ("replayed", "", "ann", "amount_zero", "nike", "zero"),
    ]


async def _send(broker: Broker, event: dict[str, str]) -> None:
    brand_id = event["brand_id"]
    await broker.publish(Topic.SPEND_EVENTS, event, partition=broker.home(brand_id), key=brand_id, at=ARRIVED)


async def _add_brand(broker: Broker, brand_id: str) -> None:
    """In the database, and in the catalog at a moment of 2025."""
    with session_scope(broker.settings.database) as session:
        add_brand(session, brand_id, time_zone="Asia/Karachi", currency="USD", actor="ann")
    await broker.brand(brand_id, ADDED, zone="Asia/Karachi")


async def _letters(broker: Broker, count: int) -> list[DeadLetterEntry]:
    """As soon as there are so many, oldest first."""
    await broker.until(lambda: len(broker.dead_letters) >= count)
    letters = [one async for batch in scan(broker.settings, DeadLetterFilter(handled=True)) for one in batch]
    assert len(letters) == count
    return sorted(letters, key=lambda entry: (entry.dead_letter.refused_at, *entry.dead_letter.position))


async def _replay(
    settings: Settings,
    positions: Sequence[tuple[int, int]] | None = None,
    *,
    dry_run: bool = False,
    force: bool = False,
) -> list[HandlingOutcome]:
    batches = scan(settings, ANY) if positions is None else read_batches(settings, positions)
    outcomes = replay(settings, batches, actor="ann", dry_run=dry_run, force=force)
    return [outcome async for batch in outcomes for outcome in batch]


async def _drop(
    settings: Settings, because: str, positions: Sequence[tuple[int, int]] | None = None
) -> list[HandlingOutcome]:
    batches = scan(settings, ANY) if positions is None else read_batches(settings, positions)
    return [outcome async for batch in drop(settings, batches, actor="ann", because=because) for outcome in batch]


def _results(outcomes: list[HandlingOutcome]) -> list[tuple[HandlingResult, str]]:
    return [(outcome.result, outcome.why) for outcome in outcomes]


def _note_sent(broker: Broker, outcome: HandlingOutcome) -> None:
    assert outcome.copy
    broker.note_sent(Topic.SPEND_EVENTS, outcome.copy.partition, outcome.copy.offset)


def _die(*_: object) -> None:
    raise KeyboardInterrupt
