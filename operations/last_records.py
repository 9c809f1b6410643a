"""Reads the last records of a topic."""

from aiokafka import ConsumerRecord

from streams.kafka.reader import topic_reader
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["last_records"]


async def last_records(settings: Settings, topic: Topic, *, at_most: int) -> list[ConsumerRecord]:
    """The records of the last `at_most` offsets of each partition; some offsets are transaction markers."""
    async with topic_reader(settings, topic) as reader:
        ends = await reader.ends()
        reader.seek({number: max(0, end - at_most) for number, end in ends.items()})
        return [record async for record in reader.to_end()]
