"""How long nothing is decided when a worker of two is killed, stopped or comes back; nothing is lost or doubled.

The short form has one kill and the return of the worker. `make gaps TIMES=20` repeats each fault and prints median and
longest; docs/reliability.md has the figures.
"""

import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Final

import pytest

from local.kafka import LocalKafka
from streams.kafka.provision import create_topics
from streams.settings import Settings
from tests.faults.runs import SEED
from tests.faults.traffic import Traffic
from tests.lengths import length
from tests.streams.worker_process import WorkerProcess

TIMES: Final = int(os.environ.get("SPENDGATE_FAULTS_TIMES") or 1)
PARTITIONS: Final = length(2, 4)
#: Each partition has one, so that no kill goes unnoticed.
BRANDS: Final = length(3, 8)

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(300 + 120 * TIMES),
]


@pytest.fixture
async def settings(kafka: LocalKafka, topic_prefix: str) -> Settings:
    settings = Settings(
        brokers=kafka.brokers, topic_prefix=topic_prefix, partitions=PARTITIONS, flush_interval_seconds=0.05
    )
    await create_topics(settings)
    return settings


@pytest.fixture
async def workers(settings: Settings, tmp_path: Path) -> AsyncIterator[list[WorkerProcess]]:
    both = [WorkerProcess(settings, tmp_path / f"worker-{number}.log") for number in (1, 2)]
    try:
        yield [await worker.started() for worker in both]
    finally:
        for worker in both:
            worker.kill()


async def test_a_worker_that_goes_or_comes_costs_no_record(settings: Settings, workers: list[WorkerProcess]) -> None:
    leaving, _ = workers
    silences: dict[str, list[float]] = {}
    traffic = Traffic(settings.brokers, settings.topic_prefix, PARTITIONS, seed=SEED, brands=BRANDS)

    async def kill() -> None:
        leaving.kill()

    async def kill_and_start() -> None:
        leaving.kill()
        await leaving.started()

    async def stop() -> None:
        assert await leaving.stop() == 0

    async def join() -> None:
        await leaving.started()

    faults: list[tuple[str, Callable[[], Awaitable[None]]]] = [
        ("kill -9, the other worker takes over", kill),
        ("a worker joins", join),
        ("clean stop", stop),
        ("a worker joins", join),
        ("kill -9, started again at once", kill_and_start),
    ]
    try:
        await traffic.start()
        began = time.monotonic()
        for name, fault in faults[: length(2, len(faults))] * TIMES:
            silences.setdefault(name, []).append(await traffic.during(fault()))
        seconds = time.monotonic() - began
        counted = await traffic.finish()
    finally:
        traffic.close()
    print(f"\n{sum(map(len, silences.values()))} faults in {seconds:.0f} s, seed {SEED}: {counted}")
    for name, times in silences.items():
        print(f"| {name} | {len(times)} | {median(times):.1f} s | {max(times):.1f} s |")
