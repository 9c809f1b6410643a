"""A backlog of one partition does not keep the records of others from being fetched and polled."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.protocol.fetch import FetchRequest

from streams.kafka.options import consumer_options
from streams.kafka.topics import Topic
from streams.settings import Settings
from streams.worker.timed_fetcher import make_timed
from tests.streams.broker import Broker

RECORDS_A_POLL = 5
#: More than the polls of a test take.
BACKLOG = 20 * RECORDS_A_POLL


@pytest.fixture
def backlog(settings: Settings) -> TopicPartition:
    return TopicPartition(settings.topic(Topic.SPEND_EVENTS), 0)


@pytest.fixture
def other(settings: Settings) -> TopicPartition:
    return TopicPartition(settings.topic(Topic.SPEND_EVENTS), 1)


@pytest.fixture
async def consumer(
    settings: Settings, broker: Broker, backlog: TopicPartition, other: TopicPartition
) -> AsyncIterator[AIOKafkaConsumer]:
    """Assigned to both partitions; one poll has taken a part of the backlog, and the client holds the rest."""
    await asyncio.gather(*[await broker.producer.send(backlog.topic, b"backlog", partition=0) for _ in range(BACKLOG)])
    options = {**consumer_options(settings), "auto_offset_reset": "earliest", "max_poll_records": RECORDS_A_POLL}
    async with AIOKafkaConsumer(**options) as consumer:
        make_timed(consumer._fetcher)
        consumer.assign([backlog, other])
        assert {*await consumer.getmany(timeout_ms=60_000)} == {backlog}
        yield consumer


async def test_what_a_poll_leaves_of_a_partition_comes_last_in_the_next_one(
    consumer: AIOKafkaConsumer, broker: Broker, backlog: TopicPartition, other: TopicPartition
) -> None:
    await broker.producer.send_and_wait(other.topic, b"other", partition=other.partition)
    async with asyncio.timeout(60):
        while other not in consumer._fetcher._records:
            await asyncio.sleep(0.001)
    assert backlog in consumer._fetcher._records
    assert other in {*await consumer.getmany(), *await consumer.getmany()}


async def test_a_fetch_beside_records_that_are_not_polled_is_answered_at_once(
    consumer: AIOKafkaConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile nothing comes, and the partition with the backlog may need the next fetch."""
    waits: dict[int, int] = {}  # milliseconds, by how many partitions a fetch is of
    send = consumer._client.send

    async def note_and_send(node_id: int, request: Any, **options: Any) -> Any:
        if isinstance(request, FetchRequest):
            waits[sum(len(partitions) for _, partitions in request.topics)] = request._max_wait_ms
        return await send(node_id, request, **options)

    monkeypatch.setattr(consumer._client, "send", note_and_send)
    async with asyncio.timeout(60):
        while 1 not in waits:
            await asyncio.sleep(0.001)
        while 2 not in waits:
            await consumer.getmany(timeout_ms=10)
    assert waits == {1: 0, 2: consumer._fetch_max_wait_ms}
