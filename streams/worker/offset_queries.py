"""Asks the broker for beginnings and ends of our topics, beside the consumer that Faust polls.

Faust's consumer answers only between its polls, which would hold every resume back by up to a second.
"""

from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.kafka.options import client_options
from streams.kafka.topics import INPUTS, Topic
from streams.settings import Settings

__all__ = ["OffsetQueries"]


class OffsetQueries:
    """Two consumers that read nothing, one for each isolation level: last stable offsets and high watermarks."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._committed = AIOKafkaConsumer(**client_options(settings), isolation_level="read_committed")
        self._uncommitted = AIOKafkaConsumer(**client_options(settings), isolation_level="read_uncommitted")

    async def start(self) -> None:
        """Raises an error of aiokafka when no broker answers."""
        await self._committed.start()
        await self._uncommitted.start()

    async def stop(self) -> None:
        await self._committed.stop()
        await self._uncommitted.stop()

    @property
    def client(self) -> Any:
        """An aiokafka client, to ask for other metadata."""
        return self._committed._client

    async def beginnings(self, partitions: Iterable[int], topics: Iterable[Topic]) -> dict[int, dict[Topic, int]]:
        """The first offset of each topic that is still there, by partition."""
        tps = self._tps(partitions, topics)
        offsets = await self._committed.beginning_offsets([tp for of in tps.values() for tp in of.values()])
        return {number: {topic: offsets[tp] for topic, tp in of.items()} for number, of in tps.items()}

    async def ends(self, partitions: Iterable[int]) -> dict[int, dict[Topic, int]]:
        """The last stable offset of each input topic, by partition."""
        tps = self._tps(partitions, INPUTS)
        offsets = await self._committed.end_offsets([tp for of in tps.values() for tp in of.values()])
        return {number: {topic: offsets[tp] for topic, tp in of.items()} for number, of in tps.items()}

    async def end(self, topic: Topic, partition: int, stable: bool) -> int:
        """The last stable offset, or the high watermark, which counts records of open transactions too."""
        tp = TopicPartition(self._settings.topic(topic), partition)
        consumer = self._committed if stable else self._uncommitted
        return int((await consumer.end_offsets([tp]))[tp])

    async def control_ends(self, partitions: Iterable[int]) -> dict[int, int]:
        """The high watermark of each of these partitions of `campaign-control`."""
        name = self._settings.topic(Topic.CAMPAIGN_CONTROL)
        offsets = await self._uncommitted.end_offsets([TopicPartition(name, number) for number in partitions])
        return {tp.partition: offset for tp, offset in offsets.items()}

    def _tps(self, partitions: Iterable[int], topics: Iterable[Topic]) -> dict[int, dict[Topic, TopicPartition]]:
        names = {topic: self._settings.topic(topic) for topic in topics}
        return {number: {topic: TopicPartition(name, number) for topic, name in names.items()} for number in partitions}
