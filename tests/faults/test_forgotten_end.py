"""A broker that has forgotten the end of a transaction, as one that was killed right after a commit may: a worker says
so, and the steps of docs/disaster-recovery.md, "A transaction that does not end", let it go on."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from local.kafka import LocalKafka
from local.ports import choose_port
from streams.kafka.options import librdkafka_options
from streams.kafka.topics import Topic
from streams.settings import Settings, Timestamps
from streams.worker.fatal import EXIT_CODE
from streams.worker.startup_checks import commit_note, known_topic_ids
from tests.faults.forgotten_end import Operator
from tests.faults.hanging import LONG_AGO_MS
from tests.streams.broker import open_broker
from tests.streams.worker_process import WorkerProcess

pytestmark = [
    pytest.mark.long_only,
    pytest.mark.timeout(600),
]


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[LocalKafka]:
    service = LocalKafka(tmp_path / "own", choose_port(0, "test"))
    service.start()
    yield service
    service.kill()


async def test_the_steps_of_the_page_end_it_and_the_worker_decides_again(
    kafka: LocalKafka, topic_prefix: str, tmp_path: Path
) -> None:
    settings = Settings(
        brokers=kafka.brokers,
        topic_prefix=topic_prefix,
        partitions=2,
        timestamps=Timestamps.CREATE,
        flush_interval_seconds=0.05,
    )
    worker = WorkerProcess(settings, tmp_path / "worker.log")
    operator = Operator(settings, [worker])
    try:
        async with open_broker(settings) as broker:
            await worker.started()
            await broker.brand("nike", daily_budget="10")
            await broker.campaign("nike", "nike-1")
            await broker.until_settled()
            assert await worker.stop() == 0
            await broker.spend("nike", "nike-1", "10", event_id="1")
            home = broker.home("nike")
            await _commit_ahead(settings, home, broker.sent[Topic.SPEND_EVENTS, home])
            await asyncio.to_thread(_leave_without_end, kafka, settings, home)

            await worker.started()
            async with asyncio.timeout(60):
                while "neither committed nor aborted" not in worker.output:
                    worker.check_alive()
                    await asyncio.sleep(0.1)
            while not operator.ended:
                worker.check_alive()
                await operator.attend_to(worker)
            assert operator.ended == [f"{settings.topic(Topic.CONTROLLER_STATE)}-{home}"]
            assert operator.decided_again == {home}
            assert await worker.ended(60) == EXIT_CODE
            assert "and the state knows it only up to" in worker.output
            await operator.attend_to(worker)
            await worker.ready()
            await broker.until(lambda: len(broker.commands) == 2)
        assert [command.action for command in broker.commands] == ["resume", "pause"]
    finally:
        worker.kill()


async def _commit_ahead(settings: Settings, number: int, offset: int) -> None:
    """The group has what a transaction has decided, as its worker has committed it."""
    group, note = settings.topic("spendgate-worker"), commit_note(await known_topic_ids(settings))
    ahead = TopicPartition(settings.topic(Topic.SPEND_EVENTS), number, offset, metadata=note)
    admin = AdminClient(librdkafka_options(settings))
    altered = admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, [ahead])])
    await asyncio.to_thread(altered[group].result, 20)


def _leave_without_end(kafka: LocalKafka, settings: Settings, number: int) -> None:
    """A transaction of which the coordinator knows nothing any more, with the newest record of the state."""
    forgotten = Producer({**librdkafka_options(settings), "transactional.id": f"{settings.topic_prefix}forgotten"})
    forgotten.init_transactions(20)
    forgotten.begin_transaction()
    forgotten.produce(settings.topic(Topic.CONTROLLER_STATE), b"{}", b"a key", number, timestamp=LONG_AGO_MS)
    assert forgotten.flush(20) == 0
    kafka.stop()
    for log in (kafka.folder / "log").glob("__transaction_state-*"):
        shutil.rmtree(log)
    kafka.start()
