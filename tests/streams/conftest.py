"""One worker on topics of its own, for the tests that share it or start their own."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from local.kafka import LocalKafka
from streams.settings import Settings, Timestamps
from tests.streams.broker import Broker, open_broker
from tests.streams.worker_process import WorkerProcess

StartWorker = Callable[[Settings], WorkerProcess]


@pytest.fixture
def timestamps() -> Timestamps:
    """Overridden by parametrization where the broker's own time is meant."""
    return Timestamps.CREATE


@pytest.fixture
def partitions() -> int:
    """Overridden where a test needs more: the broker makes a folder, and the worker a producer, for each."""
    return 2


@pytest.fixture
def settings(kafka: LocalKafka, topic_prefix: str, timestamps: Timestamps, partitions: int) -> Settings:
    return Settings(
        brokers=kafka.brokers,
        topic_prefix=topic_prefix,
        partitions=partitions,
        timestamps=timestamps,
        flush_interval_seconds=0.05,
    )


@pytest.fixture
async def broker(settings: Settings) -> AsyncIterator[Broker]:
    async with open_broker(settings, max_request_size=2 * 1024 * 1024) as opened:
        yield opened


@pytest.fixture
def new_worker(tmp_path: Path) -> Iterator[StartWorker]:
    """Makes workers that are gone after the test, whatever happens."""
    made: list[WorkerProcess] = []

    def make(settings: Settings) -> WorkerProcess:
        made.append(WorkerProcess(settings, tmp_path / f"worker-{len(made)}.log"))
        return made[-1]

    yield make
    for worker in made:
        worker.kill()


@pytest.fixture
async def worker(broker: Broker, settings: Settings, new_worker: StartWorker) -> WorkerProcess:
    """One that owns all partitions."""
    return await new_worker(settings).started()
