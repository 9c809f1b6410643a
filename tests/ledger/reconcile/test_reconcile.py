"""Controller and ledger agree under traffic, and what does not agree is found, named and repaired once."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random

import psycopg2
import pytest
from aiokafka import AIOKafkaProducer

from core.duplicates import CHUNK_FULL
from core.errors import NotCaughtUp, NotFound
from ledger.reconcile import repair as repair_module
from ledger.reconcile.reconciliation import Reconciliation, reconcile
from ledger.reconcile.repair import Changed, repair
from local.kafka import LocalKafka
from local.postgres import LocalPostgres
from models.session import engine_of
from streams.kafka.identities import REPAIR_TRANSACTIONS
from streams.kafka.provision import create_topics
from streams.kafka.topics import Topic
from streams.settings import Settings, Timestamps
from tests.cheap_services import create_database
from tests.ledger.conftest import LedgerTables
from tests.ledger.ledger_process import LedgerProcess
from tests.streams.broker import Broker, open_broker, spend_event
from tests.streams.worker_process import WorkerProcess
from tests.topics import make_anew

NOON = "2025-09-08T12:00:00Z"
#: So few that an event can fall out of it; whole chunks of ids do.
WINDOW = 40
PARTITIONS = 2

_numbers = count(1)


@dataclass(frozen=True)
class Running:
    settings: Settings
    ledger_tables: LedgerTables


@pytest.fixture(scope="module")
def running(kafka: LocalKafka, postgres: LocalPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A worker and a ledger for all tests here, each of which uses brands of its own."""
    name = f"reconcile_{secrets.token_hex(6)}"
    create_database(postgres, name, migrated=True)
    settings = Settings(
        brokers=kafka.brokers,
        database_url=postgres.url_of(name),
        topic_prefix=f"{name}-",
        partitions=PARTITIONS,
        timestamps=Timestamps.CREATE,
        duplicate_window=WINDOW,
        flush_interval_seconds=0.05,
    )
    asyncio.run(create_topics(settings))
    logs = tmp_path_factory.mktemp("reconcile")
    worker, ledger = WorkerProcess(settings, logs / "worker.log"), LedgerProcess(settings, logs / "ledger.log")
    try:
        asyncio.run(worker.started())
        asyncio.run(ledger.until_ready())
        yield Running(settings, LedgerTables(settings.database))
    finally:
        worker.kill()
        ledger.kill()
        engine_of(settings.database).dispose()


@pytest.fixture
def settings(running: Running) -> Settings:
    return running.settings


@pytest.fixture
def ledger_tables(running: Running) -> LedgerTables:
    return running.ledger_tables


@pytest.fixture
async def broker(settings: Settings) -> AsyncIterator[Broker]:
    async with open_broker(settings) as opened:
        yield opened


@pytest.fixture
async def brand(broker: Broker, settings: Settings) -> str:
    """One with 10.00 of campaign `<brand>.c` today and 5.00 yesterday, which both sides know."""
    brand_id = f"brand-{next(_numbers)}"
    await broker.brand(brand_id, at=NOON)
    await broker.campaign(brand_id, f"{brand_id}.c", at=NOON)
    await broker.spend(brand_id, f"{brand_id}.c", "10.00", at=NOON, event_id="today")
    yesterday = "2025-09-07T12:00:00Z"
    await broker.spend(brand_id, f"{brand_id}.c", "5.00", at=NOON, event_id="yesterday", occurred_at=yesterday)
    await broker.until_settled()
    found = await reconcile(settings, brand_id)
    assert (found.differences, found.brands, found.campaigns) == ([], 1, 1)
    return brand_id


async def test_controller_and_ledger_agree_under_live_traffic(broker: Broker, settings: Settings) -> None:
    """Repeats, refunds, late and early spend, refused, misplaced, of unknown campaigns and brands: all the while."""
    brands = [f"live-{number}" for number in range(12)]
    for brand_id in brands[:-2]:
        await broker.brand(brand_id, at=NOON, zone=Random(brand_id).choice(["UTC", "Asia/Karachi", "America/New_York"]))
        await broker.campaign(brand_id, f"{brand_id}.c", at=NOON)
    looked_enough = asyncio.Event()
    traffic = asyncio.create_task(_traffic(broker, brands, looked_enough))
    for _ in range(3):
        found = await reconcile(settings)
        assert found.differences == []
    assert not traffic.done()
    looked_enough.set()
    await traffic
    for brand_id in brands[-2:]:
        await broker.brand(brand_id, at=NOON)
    await broker.until_settled()
    found = await reconcile(settings)
    assert found.differences == []
    assert found.brands >= len(brands)
    assert {dict(it.headers)["spendgate-reason"] for it in broker.dead_letters} >= {
        b"unknown_brand",
        b"occurred_in_future",
    }


@pytest.mark.parametrize(
    ("day", "totals"),
    [
        ("2025-09-08", ["daily 2025-09-08", "monthly 2025-09", "c daily 2025-09-08", "c total "]),
        ("2025-09-09", ["monthly 2025-09", "ahead 2025-09-09", "c ahead 2025-09-09", "c total "]),
        ("2025-09-03", ["monthly 2025-09", "c total "]),
        ("2025-03-03", ["c total "]),
    ],
)
async def test_a_row_that_the_controller_does_not_know_is_found_and_repaired_once(
    brand: str, settings: Settings, ledger_tables: LedgerTables, day: str, totals: list[str]
) -> None:
    _add_row(ledger_tables, brand, day, "2.50")
    found = await reconcile(settings, brand)
    assert _observed(found) == totals
    assert {it.ledger_micros - it.controller_micros for it in found.differences} == {2_500_000}

    repaired = await repair(settings, found)
    assert repaired.differences == []
    assert (await reconcile(settings, brand)).differences == []
    await ledger_tables.until(*_journaled(brand, [("2.500000",)]))


async def test_more_than_a_record_may_carry_is_repaired_by_several_corrections(
    brand: str, settings: Settings, ledger_tables: LedgerTables
) -> None:
    for event_id, amount in (("a", "999999999999.999999"), ("b", "999999999999.999999"), ("c", "0.50")):
        _add_row(ledger_tables, brand, "2025-09-08", amount, event_id)
    found = await reconcile(settings, brand)
    assert [it.amount for _, it in found.corrections] == ["999999999999.999999", "999999999999.999999", "0.50"]
    assert len({it.correction_id for _, it in found.corrections}) == 3
    assert (await repair(settings, found)).differences == []


async def test_a_row_that_is_gone_is_found_and_repaired(
    brand: str, settings: Settings, ledger_tables: LedgerTables
) -> None:
    ledger_tables.rows("SET session_replication_role = replica; DELETE FROM spend_log WHERE brand_id = %s", brand)
    found = await reconcile(settings, brand)
    assert _observed(found) == ["daily 2025-09-08", "monthly 2025-09", "c daily 2025-09-08", "c total "]
    assert [(it.booked_on, it.amount) for _, it in found.corrections] == [
        ("2025-09-08", "-10.00"),
        ("2025-09-07", "-5.00"),
    ]
    assert (await repair(settings, found)).differences == []


async def test_an_event_that_comes_again_outside_the_window_is_found_as_counted_twice(
    broker: Broker, brand: str, settings: Settings
) -> None:
    for part in range(3):
        await asyncio.gather(
            *(broker.spend(brand, f"{brand}.c", "0.01", at=NOON, event_id=f"{part}.{n}") for n in range(CHUNK_FULL))
        )
        await broker.until_settled()
    await broker.spend(brand, f"{brand}.c", "10.00", at=NOON, event_id="today")
    await broker.until_settled()
    found = await reconcile(settings, brand)
    assert [it.ledger_micros - it.controller_micros for it in found.differences] == [-10_000_000] * 4
    assert (await repair(settings, found)).differences == []


async def test_a_correction_that_nobody_needed_is_a_difference_and_is_journaled(
    broker: Broker, brand: str, settings: Settings, ledger_tables: LedgerTables
) -> None:
    await _correct(broker, brand, "by-hand", "1.00")
    found = await reconcile(settings, brand)
    assert [it.ledger_micros - it.controller_micros for it in found.differences] == [-1_000_000] * 4
    assert (await repair(settings, found)).differences == []
    await ledger_tables.until(*_journaled(brand, [("-1.000000",), ("1.000000",)]))
    with pytest.raises(psycopg2.errors.RestrictViolation, match="kept for ever"):
        ledger_tables.rows("DELETE FROM spend_correction")


async def test_corrections_on_the_topic_are_waited_for_before_anything_is_compared(
    broker: Broker, brand: str, settings: Settings, ledger_tables: LedgerTables
) -> None:
    _add_row(ledger_tables, brand, "2025-09-08", "1.00")
    for number in range(20):
        await _correct(broker, brand, f"half-{number}", "0.05")
    assert (await reconcile(settings, brand)).differences == []


async def test_a_repair_that_is_killed_after_it_published_is_not_made_again(
    brand: str, settings: Settings, ledger_tables: LedgerTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    _add_row(ledger_tables, brand, "2025-09-08", "1.00")
    found = await reconcile(settings, brand)
    with monkeypatch.context() as killed:
        killed.setattr(repair_module, "_publish", _then_die(repair_module._publish))
        with pytest.raises(KeyboardInterrupt):
            await repair(settings, found)

    assert (await reconcile(settings, brand)).differences == []
    with pytest.raises(Changed, match="nothing was corrected"):
        await repair(settings, found)
    await ledger_tables.until(*_journaled(brand, [("1.000000",)]))


async def test_a_repair_that_is_killed_before_it_committed_is_made_by_the_next_one(
    brand: str, settings: Settings, ledger_tables: LedgerTables
) -> None:
    _add_row(ledger_tables, brand, "2025-09-08", "1.00")
    found = await reconcile(settings, brand)
    frozen = AIOKafkaProducer(bootstrap_servers=settings.brokers, transactional_id=settings.topic(REPAIR_TRANSACTIONS))
    await frozen.start()
    await frozen.begin_transaction()
    [(partition, correction)] = found.corrections
    topic = settings.topic(Topic.SPEND_CORRECTIONS)
    await frozen.send_and_wait(topic, repair_module.encode(correction), key=brand.encode(), partition=partition)

    assert (await repair(settings, found)).differences == []
    with pytest.raises(Exception, match=r"(?i)fenced"):
        await frozen.commit_transaction()
    await frozen.stop()
    assert (await reconcile(settings, brand)).differences == []
    await ledger_tables.until(*_journaled(brand, [("1.000000",)]))


async def test_of_two_repairs_at_once_one_corrects(brand: str, settings: Settings, ledger_tables: LedgerTables) -> None:
    _add_row(ledger_tables, brand, "2025-09-08", "1.00")
    found = await reconcile(settings, brand)
    results = await asyncio.gather(repair(settings, found), repair(settings, found), return_exceptions=True)
    assert any(isinstance(result, Reconciliation) for result in results)
    assert all(isinstance(result, Reconciliation | Changed) for result in results), results
    assert (await reconcile(settings, brand)).differences == []
    await ledger_tables.until(*_journaled(brand, [("1.000000",)]))


async def test_another_brand_is_not_looked_at(
    broker: Broker, brand: str, settings: Settings, ledger_tables: LedgerTables
) -> None:
    other = f"brand-{next(_numbers)}"
    await broker.brand(other, at=NOON)
    await broker.until_settled()
    _add_row(ledger_tables, brand, "2025-09-08", "1.00")
    assert (await reconcile(settings, other)).differences == []
    assert {it.brand_id for it in (await reconcile(settings)).differences} == {brand}
    await repair(settings, await reconcile(settings, brand))
    with pytest.raises(NotFound, match="knows a brand nobody"):
        await reconcile(settings, "nobody")


async def test_a_ledger_that_does_not_come_is_told(brand: str, settings: Settings, database_url: str) -> None:
    elsewhere = settings.replace(database_url=database_url)
    with pytest.raises(NotCaughtUp, match=r"saved .*spend-events.* up to offset 0 and not up to .*spendgate ledger"):
        await reconcile(elsewhere, patience_seconds=0.3)
    engine_of(database_url).dispose()


async def test_rows_of_topics_that_are_gone_are_compared_beside_those_of_the_new_ones(
    kafka: LocalKafka, topic_prefix: str, database_url: str, tmp_path: Path
) -> None:
    """The new topics have the old names and offsets, and a controller that knows nothing of before."""
    settings = Settings(
        brokers=kafka.brokers,
        database_url=database_url,
        topic_prefix=topic_prefix,
        partitions=1,
        timestamps=Timestamps.CREATE,
    )
    for life in ("old", "new"):
        await create_topics(settings)
        worker, ledger = WorkerProcess(settings, tmp_path / "worker.log"), LedgerProcess(settings, tmp_path / "l.log")
        try:
            await worker.started()
            async with open_broker(settings) as broker:
                await broker.brand("nike", at=NOON)
                for number in range(5):
                    await broker.spend("nike", "c", "1.00", at=NOON, event_id=f"{life}-{number}")
                await broker.until_settled()
            found = await reconcile(settings)
            if life == "old":
                assert found.differences == []
                worker.kill()
                ledger.kill()
                await make_anew(settings)
            else:
                assert {(it.controller_micros, it.ledger_micros) for it in found.differences} == {
                    (5_000_000, 10_000_000)
                }
                assert (await repair(settings, found)).differences == []
        finally:
            worker.kill()
            ledger.kill()
    engine_of(database_url).dispose()


async def _traffic(broker: Broker, brands: list[str], enough: asyncio.Event) -> None:
    """As many as hold one of each kind, and then until it is enough."""
    rng = Random(7)
    for number in count():
        if number >= 500 and enough.is_set():
            return
        brand_id = rng.choice(brands)
        event = spend_event(brand_id, f"{brand_id}.{rng.choice('cccu')}", f"{rng.randint(-20, 99)}.25", f"t{number}")
        event["occurred_at"] = rng.choice([NOON] * 6 + ["2025-09-07T03:00:00Z", "2025-08-30T12:00:00Z"])
        if rng.random() < 0.02:
            event["occurred_at"] = "2026-01-01T00:00:00Z"
        if rng.random() < 0.02:
            event["amount"] = "much"
        partition = broker.home(brand_id) if rng.random() < 0.95 else rng.randrange(PARTITIONS)
        key = brand_id if rng.random() < 0.95 else "wrong"
        for _ in range(2 if rng.random() < 0.03 else 1):
            await broker.publish(Topic.SPEND_EVENTS, event, partition=partition, key=key, at=NOON)
        if number % 100 == 0:
            await broker.tick(rng.randrange(PARTITIONS), NOON)


def _add_row(ledger_tables: LedgerTables, brand: str, day: str, amount: str, event_id: str = "planted") -> None:
    ledger_tables.rows(
        "INSERT INTO spend_log SELECT brand_id, %s, campaign_id, %s, currency, occurred_at, %s, "
        "date_trunc('month', %s::date), arrived_at, incarnation, partition, record_offset FROM spend_log "
        "WHERE brand_id = %s AND event_id = 'today'",
        event_id,
        amount,
        day,
        day,
        brand,
    )


def _observed(found: Reconciliation) -> list[str]:
    return [f"{'c ' if it.campaign_id else ''}{it.total} {it.period}" for it in found.differences]


def _journaled(brand: str, amounts: list[tuple[str]]) -> tuple[str, list[tuple[str]]]:
    return f"SELECT amount::text FROM spend_correction WHERE brand_id = '{brand}' ORDER BY amount", amounts  # noqa: S608


async def _correct(broker: Broker, brand: str, correction_id: str, amount: str) -> None:
    correction = {"correction_id": correction_id, "brand_id": brand, "campaign_id": f"{brand}.c", "amount": amount}
    correction["booked_on"] = "2025-09-08"
    await broker.publish(Topic.SPEND_CORRECTIONS, correction, partition=broker.home(brand), key=brand, at=NOON)


def _then_die(publish):  # type: ignore[no-untyped-def]
    async def published(*arguments: object) -> None:
        await publish(*arguments)
        raise KeyboardInterrupt

    return published
