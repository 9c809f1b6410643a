"""Commits of offsets that a broker refuses: the worker decides on, and commits them with the next ones."""

import asyncio
from pathlib import Path

from aiokafka import TopicPartition

from streams.kafka.identities import WORKER_GROUP
from streams.kafka.provision import admin_client
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.streams.broker import Broker
from tests.streams.worker_process import WorkerProcess

PATIENCE_SECONDS = 60


async def test_a_refused_commit_ends_no_worker_and_is_made_up_for(
    broker: Broker, settings: Settings, tmp_path: Path
) -> None:
    worker = WorkerProcess(settings, tmp_path / "worker.log", [str(Path(__file__).with_name("uncommitted_worker.py"))])
    try:
        await worker.started()
        await broker.brand("nike")
        await broker.campaign("nike", "summer")
        await broker.until_settled()
        home = TopicPartition(settings.topic(Topic.CATALOG), broker.home("nike"))
        sent = broker.sent[Topic.CATALOG, home.partition]
        async with asyncio.timeout(PATIENCE_SECONDS), admin_client(settings) as admin:
            while True:  # nothing more is sent: what was refused is committed all the same
                worker.check_alive()
                found = await admin.list_consumer_group_offsets(settings.topic(WORKER_GROUP))
                if home in found and found[home].offset == sent:
                    break
                await asyncio.sleep(0.1)
        assert worker.output.count("offsets_not_committed") == 3
        assert await worker.stop() == 0
    finally:
        worker.kill()
