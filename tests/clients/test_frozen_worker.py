"""The Python library beside a real worker that is frozen and wakes: its brands become stale, and fresh again."""

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from spendgate_control import ControlReader, Doubt, Policy

from local.kafka import LocalKafka
from streams.kafka.reader import topic_reader
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.streams.broker import Broker, open_broker
from tests.streams.worker_process import WorkerProcess

PATIENCE_SECONDS = 90
STALE_WITHIN_SECONDS = 6
FRESH_WITHIN_SECONDS = 2
BRAND, CAMPAIGN = "nike", "nike-summer"


@pytest.fixture
def settings(kafka: LocalKafka, topic_prefix: str) -> Settings:
    return Settings(brokers=kafka.brokers, topic_prefix=topic_prefix, partitions=1)


@pytest.fixture
async def broker(settings: Settings) -> AsyncIterator[Broker]:
    async with open_broker(settings) as opened:
        yield opened


async def test_brands_of_a_frozen_worker_are_stale_within_6_seconds_and_fresh_within_2_of_its_return(
    broker: Broker, settings: Settings, tmp_path: Path
) -> None:
    """By the moments of the heartbeats on their topic: a machine that is slow writes them late, and the library that it
    keeps waiting asks late."""
    await broker.brand(BRAND)
    await broker.campaign(BRAND, CAMPAIGN)
    worker = WorkerProcess(settings, tmp_path / "worker.log")
    try:
        await worker.started()
        await broker.until(lambda: bool(broker.commands))
        with ControlReader(
            settings.brokers, consumer="eu", policy=Policy.CLOSED, topic_prefix=settings.topic_prefix
        ) as library:
            library.catch_up(PATIENCE_SECONDS)
            _ask(library, lambda stale: not stale)
            worker.freeze()
            fresh_until = _ask(library, lambda stale: stale)
            assert Doubt.SILENT in library.may_run(CAMPAIGN).doubts
            assert not library.may_run(CAMPAIGN).may_run
            frozen = await _heartbeats(settings)
            worker.wake()
            stale_until = _ask(library, lambda stale: not stale)
        woken = [at for at in await _heartbeats(settings) if at > frozen[-1]]
    finally:
        worker.kill()
    assert fresh_until - frozen[-1] < STALE_WITHIN_SECONDS
    assert stale_until - woken[0] < FRESH_WITHIN_SECONDS


def _ask(library: ControlReader, holds: Callable[[bool], bool]) -> float:
    """Ask until the answer is the awaited one; when the last other answer was given, as the clock of the topics."""
    deadline, other_at = time.monotonic() + PATIENCE_SECONDS, 0.0
    while True:
        asked_at = time.time()
        if holds(bool(library.may_run(CAMPAIGN).doubts)):
            return other_at
        other_at = asked_at
        assert time.monotonic() < deadline, library.may_run(CAMPAIGN)
        library.poll(0.05)


async def _heartbeats(settings: Settings) -> list[float]:
    """The moments of all of them, in seconds."""
    async with topic_reader(settings, Topic.CONTROL_HEARTBEAT) as reader:
        return [record.timestamp / 1000 async for record in reader.to_end()]
