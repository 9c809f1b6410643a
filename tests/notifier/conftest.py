"""A notifier on topics and a database of its own, and receivers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from core.errors import SpendgateError
from local.kafka import LocalKafka
from models.privileges import DatabaseRole
from models.session import engine_of
from notifier.run import Notifier
from streams.settings import Settings
from tests.database_roles import as_role
from tests.ledger.conftest import LedgerTables
from tests.ledger.ledger_process import LedgerProcess
from tests.notifier.receiver import Receiver, open_receiver
from tests.streams.broker import Broker, open_broker


class NotifierProcess(LedgerProcess):
    command = "notifier"


class RunningNotifier:
    """In this process, in the notifier's own role; `stop` is what SIGTERM does."""

    def __init__(self, settings: Settings) -> None:
        self._settings = as_role(settings, DatabaseRole.NOTIFIER)
        self.notifier = Notifier(self._settings)
        self.task = asyncio.create_task(self.notifier.run())

    async def stop(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError, SpendgateError):
            await self.task
        engine_of(self._settings.database).dispose()


NewProcess = Callable[[Settings], NotifierProcess]
NewNotifier = Callable[[Settings], RunningNotifier]


@pytest.fixture
def database_url(migrated_url: str) -> str:
    """With today's tables."""
    return migrated_url


@pytest.fixture
def settings(kafka: LocalKafka, topic_prefix: str, database_url: str) -> Iterator[Settings]:
    yield Settings(
        brokers=kafka.brokers,
        database_url=database_url,
        topic_prefix=topic_prefix,
        partitions=2,
        notify_private_addresses=True,
    )
    engine_of(database_url).dispose()


@pytest.fixture
def tables(database_url: str) -> LedgerTables:
    return LedgerTables(database_url)


@pytest.fixture
async def broker(settings: Settings) -> AsyncIterator[Broker]:
    async with open_broker(settings) as opened:
        yield opened


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with open_receiver() as opened:
        yield opened


@pytest.fixture
def new_process(tmp_path: Path) -> Iterator[NewProcess]:
    made: list[NotifierProcess] = []

    def make(settings: Settings) -> NotifierProcess:
        made.append(NotifierProcess(settings, tmp_path / "notifier.log"))
        return made[-1]

    yield make
    for process in made:
        process.kill()


@pytest.fixture
async def new_notifier() -> AsyncIterator[NewNotifier]:
    """Makes notifiers that are stopped after the test, whatever happens."""
    made: list[RunningNotifier] = []

    def make(settings: Settings) -> RunningNotifier:
        made.append(RunningNotifier(settings))
        return made[-1]

    yield make
    for one in made:
        await one.stop()
