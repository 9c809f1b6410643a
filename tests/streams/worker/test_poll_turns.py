"""A backlog of one partition does not keep the records of others from being fetched and polled, and no spend comes
without the edits before it."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import FetchError
from aiokafka.errors import KafkaError
from aiokafka.protocol.fetch import FetchRequest
from faust.types import TP

from streams.kafka.options import consumer_options
from streams.kafka.topics import Topic
from streams.settings import Settings
from streams.worker.consumer import BatchConsumer
from streams.worker.timed_fetcher import make_timed
from tests.streams.broker import Broker

RECORDS_A_POLL = 5


class Fetch(NamedTuple):
    #: In the order in which a broker reads them.
    partitions: list[TopicPartition]
    wait_ms: int


#: More than the polls of a test take.
BACKLOG = 20 * RECORDS_A_POLL


@pytest.fixture
def backlog(settings: Settings) -> TopicPartition:
    return TopicPartition(settings.topic(Topic.SPEND_EVENTS), 0)


@pytest.fixture
def other(settings: Settings) -> TopicPartition:
    return TopicPartition(settings.topic(Topic.SPEND_EVENTS), 1)


@pytest.fixture
def edits(settings: Settings) -> TopicPartition:
    """Of the brands whose spend is in `backlog`."""
    return TopicPartition(settings.topic(Topic.CATALOG), 0)


@pytest.fixture
async def consumer(
    settings: Settings, broker: Broker, backlog: TopicPartition, other: TopicPartition, edits: TopicPartition
) -> AsyncIterator[AIOKafkaConsumer]:
    """Assigned to all three; one poll has taken a part of the backlog, and the client holds the rest."""
    await asyncio.gather(*[await broker.producer.send(backlog.topic, b"backlog", partition=0) for _ in range(BACKLOG)])
    options = {**consumer_options(settings), "auto_offset_reset": "earliest", "max_poll_records": RECORDS_A_POLL}
    async with AIOKafkaConsumer(**options) as consumer:
        make_timed(consumer._fetcher, edits.topic)
        consumer.assign([backlog, other, edits])
        assert {*await consumer.getmany(timeout_ms=60_000)} == {backlog}
        yield consumer


@pytest.fixture
def fetches(consumer: AIOKafkaConsumer, monkeypatch: pytest.MonkeyPatch) -> list[Fetch]:
    """Those that were sent since the first poll."""
    sent: list[Fetch] = []
    send = consumer._client.send

    async def note_and_send(node_id: int, request: Any, **options: Any) -> Any:
        if isinstance(request, FetchRequest):
            tps = [TopicPartition(topic, number) for topic, of in request.topics for number, *_ in of]
            sent.append(Fetch(tps, request._max_wait_ms))
        return await send(node_id, request, **options)

    monkeypatch.setattr(consumer._client, "send", note_and_send)
    return sent


async def test_what_a_poll_leaves_of_a_partition_comes_last_in_the_next_one(
    consumer: AIOKafkaConsumer, broker: Broker, backlog: TopicPartition, other: TopicPartition
) -> None:
    await broker.producer.send_and_wait(other.topic, b"other", partition=other.partition)
    async with asyncio.timeout(60):
        while other not in consumer._fetcher._records:
            await asyncio.sleep(0.001)
    assert backlog in consumer._fetcher._records
    assert other in {*await consumer.getmany(), *await consumer.getmany()}


async def test_a_fetch_beside_records_that_are_not_polled_is_answered_at_once_and_of_other_numbers(
    consumer: AIOKafkaConsumer, other: TopicPartition, fetches: list[Fetch]
) -> None:
    """Meanwhile nothing comes, and the partition with the backlog may need the next fetch."""
    async with asyncio.timeout(60):
        while not fetches:
            await asyncio.sleep(0.001)
        assert fetches == [Fetch([other], 0)]
        while len(fetches[-1].partitions) < 3:
            await consumer.getmany(timeout_ms=10)
    assert fetches[-1].wait_ms == consumer._fetch_max_wait_ms
    assert {len(it.partitions) for it in fetches} == {1, 3}


async def test_an_error_of_a_partition_that_is_not_polled_shortens_no_fetch(
    consumer: AIOKafkaConsumer, other: TopicPartition, fetches: list[Fetch]
) -> None:
    """One that is not restored: until it is, a worker would send hundreds of fetches a second."""
    async with asyncio.timeout(60):
        while consumer._fetcher._records:
            await consumer.getmany(timeout_ms=10)
        consumer._fetcher._records[other] = FetchError(error=KafkaError("no such offset"), backoff=0)
        fetches.clear()
        while not fetches:
            await asyncio.sleep(0.001)
    assert other not in fetches[0].partitions
    assert fetches[0].wait_ms == consumer._fetch_max_wait_ms


async def test_a_number_is_not_held_back_longer_by_records_that_are_not_polled(
    consumer: AIOKafkaConsumer, other: TopicPartition, edits: TopicPartition, fetches: list[Fetch]
) -> None:
    async with asyncio.timeout(60):
        while not fetches or edits not in fetches[-1].partitions:
            await asyncio.sleep(0.001)
    assert {*fetches[-1].partitions} == {other, edits}


@pytest.mark.parametrize("polled", [0, 5_000])
async def test_a_broker_reads_the_edits_last_but_in_a_backlog_of_spend_first(
    consumer: AIOKafkaConsumer, edits: TopicPartition, fetches: list[Fetch], polled: int
) -> None:
    """Spend that it has read has the edits before it in the same answer; but a backlog may fill the answer."""
    async with asyncio.timeout(60):
        while not fetches or len(fetches[-1].partitions) < 3:
            await consumer.getmany(timeout_ms=10)
            consumer._fetcher.note_polled(polled)
    assert fetches[-1].partitions.index(edits) == (0 if polled else 2)


async def test_edits_are_polled_before_the_spend_that_was_fetched_with_them(
    consumer: AIOKafkaConsumer, broker: Broker, backlog: TopicPartition, edits: TopicPartition
) -> None:
    """A poll may be full before it has taken all."""
    while backlog in consumer._fetcher._records:
        await consumer.getmany()
    for tp in (edits, backlog):
        await asyncio.gather(*[await broker.producer.send(tp.topic, b"1", b"key", 0) for _ in range(RECORDS_A_POLL)])
    consumer.seek(edits, 0)
    consumer.seek(backlog, 0)
    async with asyncio.timeout(60):
        while not {edits, backlog} <= consumer._fetcher._records.keys():
            await asyncio.sleep(0.001)
    assert {*await consumer.getmany()} == {edits}


def test_a_full_buffer_of_an_agent_leaves_no_partition_out_of_a_poll(edits: TopicPartition) -> None:
    """The next poll waits for the buffer anyway; spend would be polled without the edits before it."""
    consumer = BatchConsumer.__new__(BatchConsumer)
    consumer.app, consumer._active_partitions = SimpleNamespace(in_recovery=False), {TP(*edits)}
    consumer._buffered_partitions = set()
    consumer.on_buffer_full(TP(*edits))
    assert consumer._get_active_partitions() == {TP(*edits)}
