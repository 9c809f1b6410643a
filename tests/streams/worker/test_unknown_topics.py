"""A worker that assigned the partitions before it knew the topics owns them soon after."""

import asyncio
from pathlib import Path

from streams.settings import Settings
from tests.streams.broker import Broker
from tests.streams.worker_process import WorkerProcess

#: Far less than the five minutes after which aiokafka by itself asks for its topics again.
PATIENCE_SECONDS = 60


async def test_a_worker_that_knew_no_topic_when_it_assigned_them_asks_again(
    broker: Broker, settings: Settings, tmp_path: Path
) -> None:
    command = [str(Path(__file__).with_name("forgetful_worker.py"))]
    worker = WorkerProcess(settings, tmp_path / "worker.log", command)
    try:
        await worker.started()
        assert "Ignoring missing topic" in worker.output and "partitions=[]" in worker.output
        async with asyncio.timeout(PATIENCE_SECONDS):
            while "gained=[0, " not in worker.output:
                worker.check_alive()
                await asyncio.sleep(0.05)
        await broker.brand("nike")
        await broker.campaign("nike", "summer")
        await broker.until_settled()
    finally:
        worker.kill()
