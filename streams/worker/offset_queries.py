"""Asks the broker for beginnings and ends of our topics, beside the consumer that Faust polls.

Faust's consumer answers only between its polls, which would hold every resume back by up to a second.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaTimeoutError

from streams.kafka.options import consumer_options
from streams.kafka.topics import INPUTS, Topic
from streams.settings import Settings

__all__ = ["NO_LEADER", "OffsetQueries", "TopicAndPartition"]

#: A question that a silent broker does not answer is asked again, of whoever leads by then, for 40 s in all. The first
#: one is still waited for: a broker that is only slow answers it first.
_ANSWER_SECONDS: Final = 1.0
_ATTEMPTS: Final = 40

#: In place of the number of a broker.
NO_LEADER: Final = -1

#: A topic and the number of one of its partitions.
TopicAndPartition = tuple[Topic, int]

_Question = Callable[[list[TopicPartition]], Awaitable[Mapping[TopicPartition, int]]]


class OffsetQueries:
    """Two consumers that read nothing, one for each isolation level: last stable offsets and high watermarks."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        options = consumer_options(settings)
        self._committed = AIOKafkaConsumer(**options, isolation_level="read_committed")
        self._uncommitted = AIOKafkaConsumer(**options, isolation_level="read_uncommitted")

    async def start(self) -> None:
        """Raises an error of aiokafka when no broker answers."""
        topics = [self._settings.topic(topic) for topic in (*INPUTS, Topic.CONTROLLER_STATE)]
        await _start(self._committed, topics)
        await _start(self._uncommitted, topics)

    async def stop(self) -> None:
        await self._committed.stop()
        await self._uncommitted.stop()

    @property
    def client(self) -> Any:
        """An aiokafka client, to ask for other metadata."""
        return self._committed._client

    async def beginnings(self, partitions: Iterable[int], topics: Iterable[Topic]) -> dict[int, dict[Topic, int]]:
        """The first offset of each topic that is still there, by partition."""
        return await self._of_each(self._committed.beginning_offsets, partitions, topics)

    async def ends(self, partitions: Iterable[int]) -> dict[int, dict[Topic, int]]:
        """The last stable offset of each input topic, by partition."""
        return await self._of_each(self._committed.end_offsets, partitions, INPUTS)

    async def high_watermarks(self, topic_partitions: Iterable[TopicAndPartition]) -> dict[TopicAndPartition, int]:
        tps = {
            (topic, number): TopicPartition(self._settings.topic(topic), number) for topic, number in topic_partitions
        }
        offsets = await _asked(self._uncommitted.end_offsets, list(tps.values()))
        return {topic_partition: offsets[tp] for topic_partition, tp in tps.items()}

    def leader(self, topic_partition: TopicAndPartition) -> int | None:
        """The number of the broker that leads it, as the brokers said when they were asked last: NO_LEADER where none
        does, None where they have not said it."""
        topic, number = topic_partition
        client: AIOKafkaClient = self._uncommitted._client
        leader: int | None = client.cluster.leader_for_partition(TopicPartition(self._settings.topic(topic), number))
        return leader

    async def end(self, topic: Topic, partition: int, stable: bool) -> int:
        """The last stable offset, or the high watermark, which counts records of open transactions too."""
        tp = TopicPartition(self._settings.topic(topic), partition)
        consumer = self._committed if stable else self._uncommitted
        return (await _asked(consumer.end_offsets, [tp]))[tp]

    async def state_ends(self, partitions: Iterable[int], stable: bool) -> dict[int, int]:
        """The last stable offset of each of these partitions of `controller-state`, or without `stable` the high
        watermark."""
        name = self._settings.topic(Topic.CONTROLLER_STATE)
        consumer = self._committed if stable else self._uncommitted
        offsets = await _asked(consumer.end_offsets, [TopicPartition(name, it) for it in partitions])
        return {tp.partition: offset for tp, offset in offsets.items()}

    async def control_ends(self, partitions: Iterable[int]) -> dict[int, int]:
        """The high watermark of each of these partitions of `campaign-control`."""
        name = self._settings.topic(Topic.CAMPAIGN_CONTROL)
        offsets = await _asked(self._uncommitted.end_offsets, [TopicPartition(name, it) for it in partitions])
        return {tp.partition: offset for tp, offset in offsets.items()}

    async def _of_each(
        self, question: _Question, partitions: Iterable[int], topics: Iterable[Topic]
    ) -> dict[int, dict[Topic, int]]:
        names = {topic: self._settings.topic(topic) for topic in topics}
        tps = {number: {it: TopicPartition(name, number) for it, name in names.items()} for number in partitions}
        offsets = await _asked(question, [tp for of in tps.values() for tp in of.values()])
        return {number: {topic: offsets[tp] for topic, tp in of.items()} for number, of in tps.items()}


async def _start(consumer: AIOKafkaConsumer, topics: list[str]) -> None:
    await consumer.start()
    # All at once: at its first question a consumer asks for each topic by itself, 0.1 s each.
    await consumer._client.set_topics(topics)


async def _asked(question: _Question, tps: list[TopicPartition]) -> Mapping[TopicPartition, int]:
    """The first answer. Raises KafkaTimeoutError where none comes, and any other error of aiokafka at once."""
    first = latest = asyncio.ensure_future(question(tps))
    try:
        for _ in range(_ATTEMPTS):
            answered, _ = await asyncio.wait(
                {first, latest}, timeout=_ANSWER_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if answered:
                return answered.pop().result()
            if latest is not first:
                latest.cancel()
            latest = asyncio.ensure_future(question(tps))
    finally:
        first.cancel()
        latest.cancel()
    raise KafkaTimeoutError
