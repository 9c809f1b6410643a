"""What really lies on the topics is what docs/asyncapi.yaml says."""

import json

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.kafka.options import client_options
from streams.kafka.topics import Topic
from tests.docs.test_asyncapi import check
from tests.streams.broker import Broker
from tests.streams.worker_process import WorkerProcess

PUBLISHED = (
    Topic.CATALOG,
    Topic.SPEND_EVENTS,
    Topic.DAYPARTING_TICKS,
    Topic.BUDGET_RESETS,
    Topic.CAMPAIGN_CONTROL,
)


async def test_every_message_on_the_topics_fits_its_published_schema(broker: Broker, worker: WorkerProcess) -> None:
    at = "2025-09-08T09:00:00Z"
    partition = broker.home("nike")
    await broker.brand("nike", at, daily_budget="1.00")
    await broker.campaign("nike", "nike-summer", at)
    await broker.until_settled()
    await broker.spend("nike", "nike-summer", "1.00", at, event_id="e1")
    await broker.tick(partition, "2025-09-08T09:01:00Z")
    await broker.reset(partition, "daily", "UTC", "2025-09-09T00:00:00Z")
    await broker.until(lambda: len(broker.commands) == 3)

    messages = {topic: await _messages(broker, topic) for topic in PUBLISHED}
    assert [len(messages[topic]) for topic in PUBLISHED] == [2, 1, 1, 1, 3]
    for topic, values in messages.items():
        for value in values:
            check(topic, json.loads(value))


async def _messages(broker: Broker, topic: Topic) -> list[bytes]:
    settings = broker.settings
    consumer = AIOKafkaConsumer(**client_options(settings), isolation_level="read_committed")
    await consumer.start()
    try:
        tps = [TopicPartition(settings.topic(topic), number) for number in range(settings.partitions)]
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        ends = await consumer.end_offsets(tps)
        values: list[bytes] = []
        while any([await consumer.position(tp) < end for tp, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=100)).values():
                values += [record.value for record in records]
        return values
    finally:
        await consumer.stop()
