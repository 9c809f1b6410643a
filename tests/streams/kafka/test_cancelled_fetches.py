"""Who closes a consumer whose fetch has failed is not cancelled by that."""

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.fetch import FetchRequest

from local.kafka import LocalKafka
from streams.kafka.options import consumer_options
from streams.kafka.provision import create_topics
from streams.settings import Settings


async def test_a_consumer_is_closed_while_its_failed_fetch_waits_to_be_tried_again(
    kafka: LocalKafka, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(brokers=kafka.brokers, topic_prefix=topic_prefix, partitions=1)
    await create_topics(settings)
    consumer = AIOKafkaConsumer(**consumer_options(settings), retry_backoff_ms=600_000)
    await consumer.start()
    failed, send = asyncio.Event(), consumer._client.send

    async def fail_fetches(node_id: int, request: Any, **options: Any) -> Any:
        if isinstance(request, FetchRequest):
            failed.set()
            raise KafkaConnectionError("the broker is gone")
        return await send(node_id, request, **options)

    monkeypatch.setattr(consumer._client, "send", fail_fetches)
    partition = TopicPartition(settings.topic("spend-events"), 0)
    consumer.assign([partition])
    consumer.seek(partition, 0)
    async with asyncio.timeout(60):
        await failed.wait()
        await consumer.stop()
