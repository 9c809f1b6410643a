"""PostgreSQL stands still while its machine answers for it. Every process that uses it says so, and goes on by itself
when it does."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest

from local.kafka import LocalKafka
from local.postgres import LocalPostgres
from models.migrations import migrate
from models.queries import catalog_edits
from models.session import engine_of, session_scope
from operations.channels import add_channel
from streams.settings import Settings
from tests.ledger.conftest import LedgerTables
from tests.ledger.ledger_process import LedgerProcess
from tests.notifier.alerts import alert, publish_alerts
from tests.notifier.receiver import open_receiver
from tests.postgres_processes import frozen
from tests.streams.broker import Broker, open_broker

PATIENCE_SECONDS: Final = 120
COMMANDS: Final = ("ledger", "scheduler", "notifier", "api")
SPENDS: Final = "SELECT count(*)::int, sum(amount) FROM spend_counted"
REPEATS: Final = "SELECT count(*)::int FROM spend_repeat"
WAITING_EDITS: Final = "SELECT count(*)::int FROM catalog_outbox WHERE published_at IS NULL"
DELIVERIES: Final = "SELECT state, count(*)::int FROM delivery GROUP BY state"


class Process(LedgerProcess):
    def __init__(self, command: str, settings: Settings, folder: Path) -> None:
        self.command = command
        super().__init__(settings, folder / f"{command}.log")

    async def until_reported(self) -> None:
        """That a statement was ended, or that a connection could not be made."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not any(it in self.log.read_text() for it in ("database_stands_still", "timeout expired")):
                self.check_alive()
                await asyncio.sleep(0.1)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalPostgres]:
    service = LocalPostgres(tmp_path / "own")
    service.start()
    migrate.upgrade(service.url)
    yield service
    engine_of(service.url).dispose()
    service.kill()


@pytest.fixture
def settings(kafka: LocalKafka, server: LocalPostgres, topic_prefix: str) -> Settings:
    return Settings(
        brokers=kafka.brokers,
        database_url=server.url,
        topic_prefix=topic_prefix,
        partitions=2,
        notify_private_addresses=True,
    )


@pytest.fixture
async def broker(settings: Settings) -> AsyncIterator[Broker]:
    async with open_broker(settings) as opened:
        yield opened


@pytest.fixture
def processes(broker: Broker, settings: Settings, tmp_path: Path) -> Iterator[list[Process]]:
    started = [Process(command, settings, tmp_path) for command in COMMANDS]
    yield started
    for process in started:
        process.kill()


async def test_each_process_says_so_and_goes_on_by_itself_with_nothing_lost_or_doubled(
    server: LocalPostgres, settings: Settings, broker: Broker, processes: list[Process]
) -> None:
    tables = LedgerTables(server.url)
    async with open_receiver() as receiver:
        add_channel(settings, "ops", receiver.address, actor="ann")
        _add_brand(settings, "nike")
        for process in processes:
            await process.until_ready()
        await _spend(broker, "before")
        await publish_alerts(broker, alert(number=1))
        await tables.until(SPENDS, [(1, Decimal(1))])
        await tables.until(DELIVERIES, [("delivered", 1)])
        await tables.until(WAITING_EDITS, [(0,)])

        with frozen(server):
            await _spend(broker, "meanwhile")
            await publish_alerts(broker, alert(number=2))
            for process in processes:
                await process.until_reported()
                await process.until_ready(process.command == "scheduler")  # ticks need no database
                if process.command != "scheduler":
                    await process.until_it_says("database|PostgreSQL|timeout expired")

        for process in processes:
            await process.until_ready()
        await _spend(broker, "after")
        await publish_alerts(broker, alert(number=3))
        _add_brand(settings, "puma")
        await tables.until(SPENDS, [(3, Decimal(3))])
        await tables.until(DELIVERIES, [("delivered", 3)])
        await tables.until(WAITING_EDITS, [(0,)])
        assert tables.rows(REPEATS) == [(0,)]
        assert len(receiver.received) == 3
        for process in processes:
            process.terminate()
            assert "Traceback" not in process.log.read_text()


def _add_brand(settings: Settings, brand_id: str) -> None:
    with session_scope(settings.database) as session:
        catalog_edits.add_brand(session, brand_id, time_zone="UTC", currency="USD", actor="ann")


async def _spend(broker: Broker, event_id: str) -> None:
    await broker.spend("nike", "summer", "1", event_id=event_id)
