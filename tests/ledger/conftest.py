"""A ledger on topics and a database of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import psycopg2
import pytest

from core.errors import SpendgateError
from ledger.ingest import run as ledger_run
from local.kafka import LocalKafka
from models.privileges import DatabaseRole
from streams.settings import Settings, Timestamps
from tests.database_roles import as_role
from tests.streams.broker import Broker, open_broker

PATIENCE_SECONDS = 30

Rows = list[tuple[Any, ...]]


class LedgerTables:
    """Looks into the ledger's database."""

    def __init__(self, url: str) -> None:
        self.url = url

    def rows(self, query: str, *values: object) -> Rows:
        connection = psycopg2.connect(self.url)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(query, values)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    async def until(self, query: str, wanted: Rows) -> None:
        """Look again until the answer is the wanted one."""
        found: Rows = []
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while (found := await asyncio.to_thread(self.rows, query)) != wanted:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            assert found == wanted


class RunningLedger:
    """`run` in this process, in the ledger's own role; `stop` is what SIGTERM does."""

    def __init__(self, settings: Settings) -> None:
        self._task = asyncio.create_task(ledger_run._run(as_role(settings, DatabaseRole.LEDGER)))

    async def ended(self) -> None:
        """Raises what it ended with."""
        await asyncio.wait_for(self._task, PATIENCE_SECONDS)

    async def stop(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError, SpendgateError):
            await self._task


@pytest.fixture
def database_url(migrated_url: str) -> str:
    """With today's tables."""
    return migrated_url


@pytest.fixture
def settings(kafka: LocalKafka, topic_prefix: str, database_url: str) -> Settings:
    return Settings(
        brokers=kafka.brokers,
        database_url=database_url,
        topic_prefix=topic_prefix,
        partitions=2,
        timestamps=Timestamps.CREATE,
        metrics_port=0,
    )


@pytest.fixture
def ledger_tables(database_url: str) -> LedgerTables:
    return LedgerTables(database_url)


@pytest.fixture
async def broker(settings: Settings) -> AsyncIterator[Broker]:
    async with open_broker(settings) as opened:
        yield opened


@pytest.fixture
async def new_ledger(settings: Settings) -> AsyncIterator[Callable[[], RunningLedger]]:
    """Makes ledgers that are stopped after the test, whatever happens."""
    made: list[RunningLedger] = []

    def make() -> RunningLedger:
        made.append(RunningLedger(settings))
        return made[-1]

    yield make
    for ledger in made:
        await ledger.stop()


@pytest.fixture
async def ledger(broker: Broker, new_ledger: Callable[[], RunningLedger]) -> RunningLedger:
    return new_ledger()
