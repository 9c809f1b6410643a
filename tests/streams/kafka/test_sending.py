"""A topic with a small `max.message.bytes`: what fits is taken, whatever it was sent with; what does not is told."""

import asyncio
import json

import pytest

from core.errors import TooLarge
from core.spend import Spend, read_spend
from local.kafka import LocalKafka
from operations.spend_import.publish import NumberedRecord, publish_batch
from streams.kafka.producer import spend_producer
from streams.kafka.reader import topic_reader
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.streams.broker import spend_event
from tests.streams.topic_changes import limit
from tests.topics import make_topics

LIMIT = 3_000
SENTENCE = "does not take a record of .* bytes: give it a larger max.message.bytes"


@pytest.fixture
async def settings(kafka: LocalKafka, topic_prefix: str) -> Settings:
    made = Settings(brokers=kafka.brokers, topic_prefix=topic_prefix, partitions=2)
    await make_topics(made, Topic.SPEND_EVENTS)
    await limit(made, Topic.SPEND_EVENTS, LIMIT)
    return made


async def test_events_that_fit_are_taken_though_their_batch_and_one_of_them_is_not(settings: Settings) -> None:
    async with spend_producer(settings) as producer:
        values = [_event(f"e{number}") for number in range(60)]
        values.insert(30, _event("large", fill=LIMIT))
        outcomes = await asyncio.gather(*(producer.send("nike", it) for it in values), return_exceptions=True)
        [refused] = [it for it in outcomes if isinstance(it, BaseException)]
        assert outcomes[30] is refused
        with pytest.raises(TooLarge, match=SENTENCE):
            raise refused
        await producer.send("nike", _event("after"))
    async with topic_reader(settings, Topic.SPEND_EVENTS) as reader:
        ids = [json.loads(record.value)["event_id"] async for record in reader.to_end()]
    assert sorted(ids) == sorted([*(f"e{number}" for number in range(60)), "after"])


async def test_an_import_tells_the_line_that_the_topic_does_not_take_and_sends_the_others(settings: Settings) -> None:
    lines = [(1, _event("a")), (2, _event("b", fill=LIMIT)), (3, _event("c"))]
    accepted = []
    for number, value in lines:
        spend = read_spend(value)
        assert isinstance(spend, Spend)
        accepted.append(NumberedRecord(number, spend.brand_id, value))
    async with spend_producer(settings) as producer:
        refused = await publish_batch(producer, accepted)
    assert [number for number, _ in refused] == [2]
    async with topic_reader(settings, Topic.SPEND_EVENTS) as reader:
        assert {json.loads(it.value)["event_id"] async for it in reader.to_end()} == {"a", "c"}


def _event(event_id: str, *, fill: int = 0) -> bytes:
    return json.dumps({**spend_event("nike", "c", "0.01", event_id), "note": "x" * (fill or 100)}).encode()
