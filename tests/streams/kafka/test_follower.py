"""A follower on a real broker: what was there, what comes, what stops it and what must not."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord
from aiokafka.admin import NewPartitions

from core.errors import ConfigurationError, Unreachable
from local.kafka import LocalKafka
from local.ports import choose_port
from streams.kafka.follower import TopicFollower
from streams.kafka.options import client_options
from streams.kafka.provision import admin_client
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.streams.raw_batches import SNAPPY, Raw, batch, raw_producer
from tests.topics import delete_topics, make_anew, make_topics

TOPIC = Topic.CAMPAIGN_CONTROL
PATIENCE_SECONDS = 60


class Received:
    """The values of the records that were handed over."""

    def __init__(self) -> None:
        self.values: list[bytes] = []
        self.event = asyncio.Event()

    def __call__(self, record: ConsumerRecord) -> None:
        if record.value == b"raises":
            raise ValueError("no record of ours")
        self.values.append(record.value)
        self.event.set()


@asynccontextmanager
async def producing(settings: Settings) -> AsyncIterator[Callable[..., Awaitable[None]]]:
    producer = AIOKafkaProducer(**client_options(settings), acks="all")
    await producer.start()

    async def send(*values: bytes, partition: int = 0) -> None:
        for value in values:
            await producer.send_and_wait(settings.topic(TOPIC), value, key=b"key", partition=partition)

    try:
        yield send
    finally:
        await producer.stop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.fixture
async def topics(settings: Settings) -> Settings:
    await make_topics(settings, TOPIC)
    return settings


async def test_what_was_there_is_handed_over_first_and_then_each_record_as_it_comes(topics: Settings) -> None:
    received = Received()
    async with producing(topics) as send:
        await send(b"1", b"2")
        await send(b"a", partition=1)
        async with TopicFollower(topics, TOPIC, received) as follower, asyncio.timeout(PATIENCE_SECONDS):
            assert sorted(received.values) == [b"1", b"2", b"a"]
            assert follower.partition_count == topics.partitions
            assert follower.is_fresh()
            received.event.clear()
            await send(b"3")
            await follower.wait(received.event)
            assert received.values[-1] == b"3"


async def test_only_the_newest_of_each_partition_are_read_at_the_start_if_so_wanted(topics: Settings) -> None:
    received = Received()
    async with producing(topics) as send:
        await send(b"1", b"2", b"3")
        await send(b"a", partition=1)
        async with TopicFollower(topics, TOPIC, received, newest=2):
            assert sorted(received.values) == [b"2", b"3", b"a"]
            await send(b"4", b"5", b"6")
            await until(lambda: b"6" in received.values)
    assert sorted(received.values) == [b"2", b"3", b"4", b"5", b"6", b"a"]


async def test_records_that_cannot_be_read_or_that_the_handler_raises_for_stop_no_other(topics: Settings) -> None:
    received = Received()
    # A block of snappy of more than 16 MiB, which the broker takes and no reader of ours unpacks.
    undecodable = batch([Raw(b"k", b" " * 17 * 2**20)], SNAPPY, xerial=False)
    async with raw_producer(topics) as producer, producing(topics) as send:
        await send(b"raises")
        await producer.send(TOPIC, 0, undecodable)
        await send(b"1")
        async with TopicFollower(topics, TOPIC, received) as follower:
            assert received.values == [b"1"]
            await producer.send(TOPIC, 0, undecodable)
            await send(b"raises", b"2")
            await until(lambda: b"2" in received.values)
            assert received.values == [b"1", b"2"]
            assert follower.is_fresh()


async def test_a_topic_made_anew_ends_it_and_the_next_one_knows_only_the_new_topic(topics: Settings) -> None:
    received = Received()
    async with producing(topics) as send:
        await send(b"old")
        async with TopicFollower(topics, TOPIC, received) as follower:
            await make_anew(topics, TOPIC)
            await send(b"new")
            # Between the two the topic is not there; whether the follower sees that depends on when it asks.
            with pytest.raises(ConfigurationError, match=r"anew|was deleted"):
                await asyncio.wait_for(follower.failed(), PATIENCE_SECONDS)
        again = Received()
        async with TopicFollower(topics, TOPIC, again):
            assert again.values == [b"new"]


async def test_a_deleted_topic_ends_it_and_says_what_to_do(topics: Settings) -> None:
    async with TopicFollower(topics, TOPIC, Received()) as follower:
        await delete_topics(topics, TOPIC)
        with pytest.raises(ConfigurationError, match="spendgate topics create"):
            await asyncio.wait_for(follower.failed(), PATIENCE_SECONDS)


async def test_a_topic_with_more_partitions_ends_it(topics: Settings) -> None:
    more = topics.partitions + 1
    async with TopicFollower(topics, TOPIC, Received()) as follower:
        async with admin_client(topics) as admin:
            await admin.create_partitions({topics.topic(TOPIC): NewPartitions(total_count=more)})
        with pytest.raises(ConfigurationError, match=f"{more} partitions"):
            await asyncio.wait_for(follower.wait(asyncio.Event()), PATIENCE_SECONDS)


async def test_whoever_waits_is_told_when_it_is_closed(topics: Settings) -> None:
    async with TopicFollower(topics, TOPIC, Received()) as follower:
        waiting = asyncio.create_task(follower.wait(asyncio.Event()))
        await asyncio.sleep(0)
    with pytest.raises(Unreachable, match="no longer"):
        await asyncio.wait_for(waiting, PATIENCE_SECONDS)


@pytest.mark.parametrize("turns", [1, 2, 3, 5, 8])
async def test_whoever_is_cancelled_while_it_closes_leaves_no_connection_open(topics: Settings, turns: int) -> None:
    follower = TopicFollower(topics, TOPIC, Received())
    await follower.__aenter__()
    closing = asyncio.create_task(follower.__aexit__())
    for _ in range(turns):
        await asyncio.sleep(0)
    closing.cancel()
    await asyncio.wait([closing])
    consumer = follower._reader._consumer
    assert consumer._closed
    assert not [it for it in consumer._client._conns.values() if it.connected()]
    assert not follower.is_fresh()


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    """One that a test may stop and start again; it comes back at the same port."""
    broker = LocalKafka(tmp_path_factory.mktemp("own"), choose_port(0, "Kafka"))
    broker.start()
    yield broker
    broker.stop()


async def test_it_goes_on_where_it_was_when_the_broker_is_back(own_broker: LocalKafka, topic_prefix: str) -> None:
    settings = Settings(brokers=own_broker.brokers, topic_prefix=topic_prefix, partitions=2)
    await make_topics(settings, TOPIC)
    received = Received()
    async with producing(settings) as send, TopicFollower(settings, TOPIC, received) as follower:
        await send(b"1", b"2")
        await until(lambda: received.values == [b"1", b"2"])
        await asyncio.to_thread(own_broker.kill)
        await until(lambda: not follower.is_fresh())
        await asyncio.to_thread(own_broker.start)
        await send(b"3", b"4")
        await until(lambda: received.values == [b"1", b"2", b"3", b"4"])
        await until(follower.is_fresh)


async def test_a_broker_that_stands_still_makes_it_stale_until_it_answers_again(
    own_broker: LocalKafka, topic_prefix: str
) -> None:
    settings = Settings(brokers=own_broker.brokers, topic_prefix=topic_prefix, partitions=2)
    await make_topics(settings, TOPIC)
    received = Received()
    async with producing(settings) as send, TopicFollower(settings, TOPIC, received) as follower:
        assert own_broker.process
        own_broker.process.send_signal(signal.SIGSTOP)
        try:
            await until(lambda: not follower.is_fresh())
        finally:
            own_broker.process.send_signal(signal.SIGCONT)
        await until(follower.is_fresh)
        await send(b"1")
        await until(lambda: received.values == [b"1"])


async def test_it_is_fresh_only_when_the_end_was_asked_for_again_after_a_long_first_reading(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came while it read was not handed over yet."""
    monkeypatch.setattr("streams.kafka.follower._FRESH_SECONDS", 0.5)
    await make_topics(settings, TOPIC)
    async with producing(settings) as send:
        await send(b"first")
    async with TopicFollower(settings, TOPIC, lambda _: time.sleep(0.6)) as follower:
        assert not follower.is_fresh()
        await until(follower.is_fresh)
