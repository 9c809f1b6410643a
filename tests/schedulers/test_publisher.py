"""A message reaches every partition of its topic on real Kafka, or the sender is told why not."""

from collections.abc import AsyncIterator

import pytest

from core.errors import ConfigurationError, Unreachable
from local.kafka import LocalKafka
from schedulers.messages import message_of
from schedulers.publisher import Publisher, publish
from schedulers.schedules import TICK, PeriodicTask, TaskKind
from schedulers.ticks_due import latest_due
from streams.settings import Settings
from tests.core.clock_changes import at
from tests.schedulers.sent_messages import OURS, PARTITIONS, Reader, everywhere
from tests.topics import make_topics

NOW = at("2025-09-08T19:00:30Z")
DAILY = PeriodicTask(TaskKind.DAILY, "Asia/Karachi")
TICK_MESSAGE = message_of(TICK, latest_due(TICK, NOW))
RESET_MESSAGE = message_of(DAILY, latest_due(DAILY, NOW))


@pytest.fixture
def settings(kafka: LocalKafka, topic_prefix: str) -> Settings:
    # The number of partitions is the topic's own, whatever is set.
    return Settings(brokers=kafka.brokers, topic_prefix=topic_prefix, partitions=1)


@pytest.fixture
async def reader(settings: Settings) -> AsyncIterator[Reader]:
    await make_topics(settings, *OURS, partitions=PARTITIONS)
    made = Reader(settings)
    await made.start()
    yield made
    await made.stop()


async def test_every_partition_has_every_message_once(settings: Settings, reader: Reader) -> None:
    await publish(settings, [RESET_MESSAGE, TICK_MESSAGE])
    assert await reader.new() == everywhere("daily:Asia/Karachi:2025-09-09", "2025-09-08T19:00:00Z")


async def test_a_topic_that_is_not_there_is_named_and_what_to_do_told(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="dayparting-ticks is not there: run `spendgate topics create`"):
        await publish(settings, [TICK_MESSAGE])


async def test_a_broker_that_does_not_answer_is_told_within_ten_seconds() -> None:
    with pytest.raises(Unreachable, match=r"No Kafka broker answers at 127\.0\.0\.1:1"):
        await publish(Settings(brokers="127.0.0.1:1"), [TICK_MESSAGE])


async def test_a_publisher_goes_on_after_a_failure(settings: Settings) -> None:
    publisher = Publisher(settings)
    with pytest.raises(ConfigurationError):
        await publisher.send([TICK_MESSAGE])
    await make_topics(settings, *OURS, partitions=PARTITIONS)
    reader = Reader(settings)
    await reader.start()
    try:
        await publisher.send([TICK_MESSAGE])
        assert await reader.new() == everywhere("2025-09-08T19:00:00Z")
    finally:
        await publisher.close()
        await reader.stop()
