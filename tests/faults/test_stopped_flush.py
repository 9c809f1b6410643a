"""A worker of two stops at each step of a flush: killed, or frozen until the other has its partitions. Nothing is lost
or doubled; and where fencing is taken out, the count finds what the frozen one wrote too late.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import pytest

from local.kafka import LocalKafka
from streams.kafka.provision import create_topics
from streams.settings import Settings
from streams.worker.fatal import EXIT_CODE
from tests.faults.runs import SEED
from tests.faults.traffic import Traffic
from tests.streams.worker_process import WorkerProcess

PARTITIONS: Final = 4
PATIENCE_SECONDS: Final = 120
STEPS: Final = ("decided", "begun", "sent", "committed")

pytestmark = [
    pytest.mark.long_only,
    pytest.mark.timeout(600),
]


class Pair:
    """Two workers, of which the first stops where it is told to."""

    def __init__(self, settings: Settings, folder: Path, *how: str) -> None:
        self._wanted = folder / "stop"
        program = [sys.executable, str(Path(__file__).with_name("stopping_worker.py")), *how]
        path = str(Path(__file__).parents[2])
        self.stopping = WorkerProcess(settings, folder / "stopping.log", program, PYTHONPATH=path)
        self.other = WorkerProcess(settings, folder / "other.log")

    async def start(self) -> None:
        await self.stopping.started()
        await self.other.started()

    def kill(self) -> None:
        self.stopping.kill()
        self.other.kill()

    async def stop_and_go_on(self) -> None:
        """Returns when the first is back, woken or started again."""
        owned = _times_owned(self.other)
        self._wanted.touch()
        await _until(lambda: not self._wanted.exists())
        await _until(lambda: _times_owned(self.other) > owned)
        owned = _times_owned(self.stopping)
        self.stopping.wake()
        await _until(lambda: self.stopping.exit_code is not None or _times_owned(self.stopping) > owned)
        if self.stopping.exit_code is not None:
            await self.stopping.started()


@pytest.fixture
async def settings(kafka: LocalKafka, topic_prefix: str) -> Settings:
    settings = Settings(
        brokers=kafka.brokers, topic_prefix=topic_prefix, partitions=PARTITIONS, flush_interval_seconds=0.05
    )
    await create_topics(settings)
    return settings


@pytest.fixture
async def traffic(settings: Settings) -> AsyncIterator[Traffic]:
    traffic = Traffic(settings.brokers, settings.topic_prefix, PARTITIONS, seed=SEED, brands=8)
    yield traffic
    traffic.close()


@pytest.fixture
async def pair(settings: Settings, tmp_path: Path, how: tuple[str, ...]) -> AsyncIterator[Pair]:
    pair = Pair(settings, tmp_path, *how)
    try:
        await pair.start()
        yield pair
    finally:
        pair.kill()


@pytest.mark.parametrize("how", [(step, signal) for step in STEPS for signal in ("SIGSTOP", "SIGKILL")], ids=" ".join)
async def test_a_worker_that_stops_at_any_step_of_a_flush_costs_no_record(
    pair: Pair, traffic: Traffic, how: tuple[str, ...]
) -> None:
    await traffic.start()
    silence = await traffic.during(pair.stop_and_go_on())
    print(f"\n{' '.join(how)}: nothing decided for {silence:.1f} s; {await traffic.finish()} (seed {SEED})")
    if how[1] == "SIGSTOP" and how[0] != "committed":
        log = pair.stopping.log.read_text()
        assert "Another worker has taken the partition over" in log and f"exit_code={EXIT_CODE}" in log


@pytest.mark.parametrize("how", [("decided", "SIGSTOP", "unfenced")], ids=" ".join)
async def test_without_fencing_the_count_finds_what_a_frozen_worker_wrote_too_late(
    pair: Pair, traffic: Traffic
) -> None:
    await traffic.start()
    with pytest.raises(AssertionError, match=r"Repeat\(.*differing=\[\]"):
        await traffic.during(pair.stop_and_go_on())


def _times_owned(worker: WorkerProcess) -> int:
    return worker.log.read_text().count("partitions_owned")


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.05)
