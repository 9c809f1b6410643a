"""`spendgate ledger` as a process: killed in the middle, and with its database away."""

import asyncio
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from console.local.ports import choose_port
from console.local.postgres import LocalPostgres
from models import migrate
from streams.settings import Settings
from streams.topics import Topic
from tests.ledger.conftest import PATIENCE_SECONDS, Books
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
    broker: Broker, settings: Settings, books: Books, new_process: NewProcess
) -> None:
    first = new_process(settings)
    await _send(broker, 0, EVENTS // 2)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while books.rows("SELECT count(*) FROM spend_log") == [(0,)]:
            await asyncio.sleep(0.01)
    first.kill()
    await _send(broker, EVENTS // 2, EVENTS)

    second = new_process(settings)
    await books.until("SELECT count(*), sum(amount) FROM spend_counted", [(EVENTS, Decimal(EVENTS) / 100)])
    assert books.rows("SELECT count(*) FROM spend_repeat") == [(EVENTS // 100,)]
    assert second.terminate() == 0


async def test_with_its_database_away_it_waits_and_says_so(
    broker: Broker, settings: Settings, new_process: NewProcess, tmp_path: Path
) -> None:
    database = LocalPostgres(tmp_path / "own", choose_port(0, "test"))
    database.start()
    migrate.upgrade(database.url)
    books = Books(database.url)
    process = new_process(settings.model_copy(update={"database_url": SecretStr(database.url)}))
    await _send(broker, 0, 100)
    await books.until("SELECT count(*) FROM spend_log", [(100,)])
    await process.until_ready()

    database.kill()
    await _send(broker, 100, 200)
    await process.until_ready(False)
    assert "database_away" in process.log.read_text()
    database.start()
    await books.until("SELECT count(*) FROM spend_log", [(200,)])
    await process.until_ready()
    assert process.terminate() == 0
    database.stop()


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
