"""The last records of a topic."""

from aiokafka import ConsumerRecord

from streams.kafka.reader import topic_reader
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["last_records"]


async def last_records(settings: Settings, topic: Topic, *, at_most: int) -> list[ConsumerRecord]:
    """Up to `at_most` of each partition, fewer where marks of transactions stand between them."""
    async with topic_reader(settings, topic) as reader:
        ends = await reader.ends()
        reader.seek({number: max(0, end - at_most) for number, end in ends.items()})
        return [record async for record in reader.to_end()]
