"""How long nothing is decided when a worker of two is killed, stopped or comes back; nothing is lost or doubled.

`make gaps TIMES=20` repeats each and prints median and longest; docs/reliability.md has the figures.
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
from tests.streams.worker_process import WorkerProcess

TIMES: Final = int(os.environ.get("SPENDGATE_FAULTS_TIMES") or 1)
PARTITIONS: Final = 4

pytestmark = [
    pytest.mark.long_only,
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
    traffic = Traffic(settings.brokers, settings.topic_prefix, PARTITIONS, seed=SEED, brands=8)

    async def measure(name: str, fault: Callable[[], Awaitable[None]]) -> None:
        silences.setdefault(name, []).append(await traffic.during(fault()))

    async def kill() -> None:
        leaving.kill()

    async def kill_and_start() -> None:
        leaving.kill()
        await leaving.started()

    async def stop() -> None:
        assert await leaving.stop() == 0

    async def join() -> None:
        await leaving.started()

    try:
        await traffic.start()
        began = time.monotonic()
        for _ in range(TIMES):
            await measure("kill -9, the other worker takes over", kill)
            await measure("a worker joins", join)
            await measure("clean stop", stop)
            await measure("a worker joins", join)
            await measure("kill -9, started again at once", kill_and_start)
        seconds = time.monotonic() - began
        counted = await traffic.finish()
    finally:
        traffic.close()
    print(f"\n{sum(map(len, silences.values()))} faults in {seconds:.0f} s, seed {SEED}: {counted}")
    for name, times in silences.items():
        print(f"| {name} | {len(times)} | {median(times):.1f} s | {max(times):.1f} s |")
