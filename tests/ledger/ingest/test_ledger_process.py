"""`spendgate ledger` as a process: killed in the middle, and with its database away."""

import asyncio
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from ledger.ingest.holes import holes
from local.ports import choose_port
from local.postgres import LocalPostgres
from models.migrations import migrate
from operations.doctor import examine
from streams.kafka.provision import admin_client
from streams.kafka.rights import Process
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.ledger.conftest import PATIENCE_SECONDS, LedgerTables
from tests.ledger.ledger_process import LedgerProcess
from tests.streams.broker import Broker, spend_event

NOON = "2025-09-08T12:00:00Z"
EVENTS = 4_000


NewProcess = Callable[[Settings], LedgerProcess]


@pytest.fixture
def new_process(tmp_path: Path) -> Iterator[NewProcess]:
    made: list[LedgerProcess] = []

    def make(settings: Settings) -> LedgerProcess:
        made.append(LedgerProcess(settings, tmp_path / "ledger.log"))
        return made[-1]

    yield make
    for process in made:
        process.kill()


async def test_killed_in_the_middle_it_has_every_spend_once(
    broker: Broker, settings: Settings, ledger_tables: LedgerTables, new_process: NewProcess
) -> None:
    first = new_process(settings)
    await _send(broker, 0, EVENTS // 2)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while ledger_tables.rows("SELECT count(*) FROM spend_log") == [(0,)]:
            await asyncio.sleep(0.01)
    first.kill()
    await _send(broker, EVENTS // 2, EVENTS)

    second = new_process(settings)
    await ledger_tables.until("SELECT count(*), sum(amount) FROM spend_counted", [(EVENTS, Decimal(EVENTS) / 100)])
    assert ledger_tables.rows("SELECT count(*) FROM spend_repeat") == [(EVENTS // 100,)]
    assert second.terminate() == 0


async def test_with_its_database_away_it_waits_and_says_so(
    broker: Broker, settings: Settings, new_process: NewProcess, tmp_path: Path
) -> None:
    database = LocalPostgres(tmp_path / "own", choose_port(0, "test"))
    database.start()
    migrate.upgrade(database.url)
    ledger_tables = LedgerTables(database.url)
    process = new_process(settings.replace(database_url=database.url))
    await _send(broker, 0, 100)
    await ledger_tables.until("SELECT count(*) FROM spend_log", [(100,)])
    await process.until_ready()

    database.kill()
    await _send(broker, 100, 200)
    await process.until_ready(False)
    await process.until_it_says("Connection refused")
    assert "database_away" in process.log.read_text()
    database.start()
    await ledger_tables.until("SELECT count(*) FROM spend_log", [(200,)])
    await process.until_ready()
    assert process.terminate() == 0
    database.stop()


async def test_what_retention_removes_under_a_running_ledger_is_a_hole_and_is_told(
    broker: Broker, settings: Settings, ledger_tables: LedgerTables, new_process: NewProcess
) -> None:
    """The records come one by one, so that a fetch that was under way is answered with the first of them alone."""
    await broker.brand("nike", at=NOON)
    process = new_process(settings)
    await _spend(broker, 0, 3)
    await ledger_tables.until("SELECT count(*) FROM spend_log", [(3,)])
    part = TopicPartition(settings.topic(Topic.SPEND_EVENTS), broker.home("nike"))
    process.freeze()
    try:
        await _spend(broker, 3, 9)
        async with admin_client(settings) as admin:
            await admin.delete_records({part: RecordsToDelete(before_offset=8)})
    finally:
        process.thaw()
    await _spend(broker, 9, 10)
    await ledger_tables.until("SELECT count(*) FROM spend_log WHERE record_offset >= 8", [(2,)])
    [hole] = holes(settings)
    assert (hole.topic, hole.partition, hole.ends_at, hole.is_of_sums) == (*part, 8, True)
    assert ledger_tables.rows("SELECT count(*)::int FROM spend_log") == [(hole.begins_at + 2,)]
    assert "records_gone_before_they_were_read" in process.log.read_text()
    [lacking] = [finding for finding in await examine(settings, Process.LEDGER) if finding.check == "ledger rows"]
    assert (lacking.good, f"partition {part.partition}" in lacking.result) == (False, True)
    assert process.terminate() == 0


async def _spend(broker: Broker, first: int, end: int) -> None:
    for number in range(first, end):
        await broker.spend("nike", "c", "1.00", at=NOON, event_id=f"e{number}")


async def _send(broker: Broker, first: int, end: int) -> None:
    """One cent each; each hundredth event is sent twice."""
    await broker.brand("nike", at=NOON)
    home = broker.home("nike")
    for number in range(first, end):
        for _ in range(2 if number % 100 == 0 else 1):
            await _enqueue(broker, spend_event("nike", "c", "0.01", f"e{number}", NOON), home)
    await broker.producer.flush()


async def _enqueue(broker: Broker, event: dict[str, str], partition: int) -> None:
    value = json.dumps(event).encode()
    topic = broker.settings.topic(Topic.SPEND_EVENTS)
    await broker.producer.send(topic, value, key=b"nike", partition=partition)
