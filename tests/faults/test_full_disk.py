"""The disk of a broker fills up under way: the broker ends and the supervisor names the disk, the worker waits, and
both go on when there is room."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from local.embedded import Embedded
from local.kafka import LocalKafka
from local.supervisor import Supervisor
from streams.kafka.provision import create_topics
from streams.settings import Settings
from tests.faults.runs import SEED
from tests.faults.small_disk import fill, small_disk
from tests.faults.traffic import Traffic
from tests.streams.worker_process import WorkerProcess

pytestmark = [
    pytest.mark.long_only,
    pytest.mark.timeout(600),
]

PARTITIONS: Final = 2
PATIENCE_SECONDS: Final = 120


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    with small_disk(folder):
        if not folder.is_mount():
            pytest.skip("no small file system could be mounted: that needs root, and a kernel that lets it")
        yield folder


async def test_a_disk_that_fills_up_under_way_is_named_and_waited_for(
    disk: Path, topic_prefix: str, tmp_path: Path
) -> None:
    messages: list[str] = []
    supervisor = Supervisor(messages.append)
    kafka = Embedded("Kafka", lambda port: LocalKafka(disk, port), 0)
    supervisor.start(kafka, longest_pause_seconds=2)
    settings = Settings(brokers=kafka.server.brokers, topic_prefix=topic_prefix, partitions=PARTITIONS)
    worker = WorkerProcess(settings, tmp_path / "worker.log")
    supervising = asyncio.create_task(_supervise(supervisor))
    try:
        await create_topics(settings)
        await worker.started()
        traffic = Traffic(settings.brokers, topic_prefix, PARTITIONS, seed=SEED)
        try:
            await traffic.start()

            async def fill_and_make_room() -> None:
                filler = disk / "filler"
                await asyncio.to_thread(fill, filler)
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while len(messages) < 2:  # it cannot be started either
                        await asyncio.sleep(0.05)
                worker.check_alive()
                filler.unlink()
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while "Kafka is ready again" not in messages:
                        await asyncio.sleep(0.05)

            silence = await traffic.during(fill_and_make_room())
            counted = await traffic.finish()
            worker.check_alive()
            print(f"\nfull disk: nothing decided for {silence:.1f} s; {counted} (seed {SEED})\n" + "\n".join(messages))
            assert f"the disk of {kafka.server.folder} is full: free some space" in messages[0]
            assert "Traceback" not in worker.output
        finally:
            traffic.close()
    finally:
        supervising.cancel()
        worker.kill()
        supervisor.stop()


async def _supervise(supervisor: Supervisor) -> None:
    while True:
        supervisor.check()
        await asyncio.sleep(0.1)
