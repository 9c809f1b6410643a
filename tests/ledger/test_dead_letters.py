"""Dead letters that go back: a real worker refuses them and counts their copies, a real ledger keeps both."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from console.dead_letters import Filed, Wanted, count_waiting, page, picked, scan
from console.operations import letters as operations
from console.operations.letters import Outcome, Result, drop, replay
from models.catalog import add_brand
from models.session import session_scope
from streams.core.money import parse_money
from streams.dead_letters import ARRIVAL_HEADER, REROUTED_HEADER
from streams.settings import Settings
from streams.topics import Topic
from tests.ledger.conftest import Books, RunningLedger
from tests.streams.broker import Broker, spend_event
from tests.streams.worker_process import WorkerProcess

ARRIVED = "2025-09-08T20:00:00Z"  # the ninth in Karachi
ADDED = "2025-09-08T21:00:00Z"
SUM = "SELECT booked_day::text, count(*), sum(amount) FROM spend_counted GROUP BY 1"
ANY = Wanted()


@pytest.fixture
async def worker(broker: Broker, settings: Settings, tmp_path: Path) -> AsyncIterator[WorkerProcess]:
    process = WorkerProcess(settings, tmp_path / "worker.log")
    yield await process.started()
    process.kill()


async def test_spend_of_an_unknown_brand_counts_on_its_own_day_once_however_often_it_is_replayed(
    broker: Broker, worker: WorkerProcess, ledger: RunningLedger, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = broker.settings
    await _send(broker, spend_event("late", "c", "3.00", "e"))
    [letter] = await _letters(broker, 1)
    assert [letter.letter.reason, letter.letter.arrived_at] == ["unknown_brand", 1_757_361_600_000]
    assert _results(await _replay(settings)) == [(Result.REFUSED, "There is no brand late: add it first.")]

    await _add_brand(broker, "late")
    assert _results(await _replay(settings, dry_run=True)) == [(Result.REPLAYED, "")]
    assert (await count_waiting(settings), len(broker.dead_letters)) == (1, 1)

    with monkeypatch.context() as killed:  # after the broker has the copies, before the note is committed
        killed.setattr(operations, "note", _die)
        with pytest.raises(KeyboardInterrupt):
            await _replay(settings)
    assert await count_waiting(settings) == 1
    both = await asyncio.gather(_replay(settings), _replay(settings, [letter.letter.position]))
    assert sorted(outcome.result for outcomes in both for outcome in outcomes) in (
        ["already", "replayed"],
        ["replayed"],
    )
    [again] = await _replay(settings, [letter.letter.position])
    assert (again.result, "replayed" in again.why, "ann" in again.why) == (Result.ALREADY, True, True)
    [forced] = await _replay(settings, [letter.letter.position], force=True)
    assert forced.copy

    await books.until("SELECT count(*) FROM spend_repeat", [(3,)])
    assert books.rows(SUM) == [("2025-09-09", 1, Decimal(3))]
    _note_sent(broker, forced)
    await broker.settled()
    brand = broker.state_of("late")
    assert brand.day and brand.day.date.isoformat() == "2025-09-09"
    assert [brand.daily_micros, brand.monthly_micros, brand.campaigns["c"].total_micros] == [parse_money("3.00")] * 3
    assert (await count_waiting(settings), len(broker.dead_letters)) == (0, 1)


async def test_what_was_misplaced_or_dated_ahead_counts_when_it_is_replayed(
    broker: Broker, worker: WorkerProcess, ledger: RunningLedger, books: Books
) -> None:
    await _add_brand(broker, "nike")
    await broker.settled()
    elsewhere = (broker.home("nike") + 1) % 4
    rerouted = ((REROUTED_HEADER, b"spend-events/0/1"), ("trace", b"\xff"), (ARRIVAL_HEADER, b"2025-09-08T19:30:00Z"))
    event = spend_event("nike", "c", "5.00", "misplaced")
    await broker.publish(Topic.SPEND_EVENTS, event, partition=elsewhere, key="x", at=ARRIVED, headers=rerouted)
    await _send(broker, spend_event("nike", "c", "2.00", "ahead", "2025-09-08T20:10:00Z"))
    await _letters(broker, 2)

    outcomes = await _replay(broker.settings)
    assert [outcome.result for outcome in outcomes] == [Result.REPLAYED] * 2
    await books.until(SUM, [("2025-09-09", 2, Decimal(7))])
    for outcome in outcomes:
        _note_sent(broker, outcome)
    await broker.settled()
    assert broker.state_of("nike").campaigns["c"].total_micros == parse_money("7.00")
    assert len(broker.dead_letters) == 2
    [kept] = books.rows(
        "SELECT arrived_at AT TIME ZONE 'UTC' = '2025-09-08 19:30' FROM spend_counted WHERE event_id = 'misplaced'"
    )
    assert kept == (True,)


async def test_what_can_never_count_stays_until_it_is_dropped_or_forced(
    broker: Broker, worker: WorkerProcess, books: Books
) -> None:
    settings = broker.settings
    await _add_brand(broker, "nike")
    await broker.settled()
    home = broker.home("nike")
    for value in (b"no json", spend_event("nike", "c", "0", "zero"), b'{"brand_id":"nike","event_id":"n\\u0000l"}'):
        await broker.publish(Topic.SPEND_EVENTS, value, partition=home, key="nike", at=ARRIVED)
    nothing, zero, incomplete = await _letters(broker, 3)

    assert {result for result, _ in _results(await _replay(settings))} == {Result.REFUSED}
    [still] = await _replay(settings, [nothing.letter.position], force=True)
    assert (still.result, "names no brand" in still.why) == (Result.REFUSED, True)
    [forced] = await _replay(settings, [zero.letter.position], force=True)
    assert forced.result is Result.REPLAYED
    [*_, refused_again] = await _letters(broker, 4)
    assert refused_again.letter.reason == "amount_zero"
    assert dict(refused_again.letter.headers) == {ARRIVAL_HEADER: ARRIVED.encode()}

    assert len(await _drop(settings, "nothing to read", [nothing.letter.position])) == 1
    assert len(await _drop(settings, "a test")) == 2
    assert await _drop(settings, "a test") == []
    [dropped] = await _drop(settings, "another reason", [incomplete.letter.position])
    assert (dropped.result, "a test" in dropped.why) == (Result.ALREADY, True)
    assert await count_waiting(settings) == 0
    assert len((await page(settings, Wanted(handled=True))).letters) == 4
    rows = books.rows(
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


async def _letters(broker: Broker, count: int) -> list[Filed]:
    """As soon as there are so many, oldest first."""
    await broker.until(lambda: len(broker.dead_letters) >= count)
    letters = (await page(broker.settings, Wanted(handled=True))).letters
    assert len(letters) == count
    return list(reversed(letters))


async def _replay(
    settings: Settings,
    positions: Sequence[tuple[int, int]] | None = None,
    *,
    dry_run: bool = False,
    force: bool = False,
) -> list[Outcome]:
    batches = scan(settings, ANY) if positions is None else picked(settings, positions)
    outcomes = replay(settings, batches, actor="ann", dry_run=dry_run, force=force)
    return [outcome async for batch in outcomes for outcome in batch]


async def _drop(settings: Settings, because: str, positions: Sequence[tuple[int, int]] | None = None) -> list[Outcome]:
    batches = scan(settings, ANY) if positions is None else picked(settings, positions)
    return [outcome async for batch in drop(settings, batches, actor="ann", because=because) for outcome in batch]


def _results(outcomes: list[Outcome]) -> list[tuple[Result, str]]:
    return [(outcome.result, outcome.why) for outcome in outcomes]


def _note_sent(broker: Broker, outcome: Outcome) -> None:
    assert outcome.copy
    broker.note_sent(Topic.SPEND_EVENTS, outcome.copy.partition, outcome.copy.offset)


def _die(*_: object) -> None:
    raise KeyboardInterrupt
