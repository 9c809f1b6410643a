"""Workers of one group that start at the same moment: each partition has one owner, and no worker ends."""

import asyncio
from pathlib import Path

import pytest

from streams.kafka.identities import WORKER_GROUP
from streams.kafka.topics import Topic
from streams.settings import Settings, Timestamps
from streams.worker.startup_checks import committed_offsets
from tests.streams.broker import PATIENCE_SECONDS, Broker, brand_in
from tests.streams.conftest import StartWorker
from tests.streams.worker_process import WorkerProcess

pytestmark = pytest.mark.parametrize("timestamps", [Timestamps.APPEND])


@pytest.mark.parametrize("step", ["open", "read"])
async def test_a_take_over_that_a_rebalance_supersedes_ends_no_worker(
    broker: Broker, settings: Settings, new_worker: StartWorker, tmp_path: Path, step: str
) -> None:
    """The first worker goes on with its take-over when the second one decides in partitions that were the first one's:
    it must fence no producer, and not call what it reads of them a loss."""
    go = tmp_path / "go"
    command = [str(Path(__file__).with_name("slow_worker.py")), step, str(go)]
    first = WorkerProcess(settings, tmp_path / "first.log", command)
    brands = [brand_in(number, settings.partitions, "brand") for number in range(settings.partitions)]
    try:
        first.start()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while first.output.count("stands still") < (settings.partitions if step == "open" else 1):
                first.check_alive()
                await asyncio.sleep(0.02)
        second = await new_worker(settings).started()
        for brand in brands:
            await broker.brand(brand)
            await broker.campaign(brand, f"{brand}-1")
        await _until_offsets_are_committed(settings)
        go.touch()
        await first.ready()
        await broker.until_settled()
        assert sorted(it.brand_id for it in broker.commands) == sorted(brands)
        assert "take_over_superseded" in first.output
        assert await second.stop() == 0
        assert await first.stop() == 0
    finally:
        first.kill()


async def _until_offsets_are_committed(settings: Settings) -> None:
    group = settings.topic(WORKER_GROUP)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            committed = await committed_offsets(settings, group, range(settings.partitions))
            if any(of_partition[Topic.CATALOG].offset > 0 for of_partition in committed.values()):
                break
            await asyncio.sleep(0.1)
