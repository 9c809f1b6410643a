"""Reading what the scheduler has sent to a real broker."""

import asyncio
import json
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.kafka.topics import Topic
from streams.settings import Settings

PARTITIONS = 3
OURS = (Topic.DAYPARTING_TICKS, Topic.BUDGET_RESETS)


class Seen(NamedTuple):
    topic: Topic
    partition: int
    name: str


class Reader:
    """Reads ticks and resets on from where it was."""

    def __init__(self, settings: Settings) -> None:
        self._topics = {settings.topic(topic): topic for topic in OURS}
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.brokers, enable_auto_commit=False, auto_offset_reset="earliest"
        )

    async def start(self) -> None:
        await self._consumer.start()
        self._consumer.assign([TopicPartition(name, n) for name in self._topics for n in range(PARTITIONS)])

    async def stop(self) -> None:
        await self._consumer.stop()

    async def new(self) -> list[Seen]:
        """What has come since, up to the ends of now."""
        parts = list(self._consumer.assignment())
        ends = await self._consumer.end_offsets(parts)
        seen: list[Seen] = []
        while [part for part in parts if await self._consumer.position(part) < ends[part]]:
            for records in (await self._consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    assert record.key is None
                    message = json.loads(record.value)
                    name = message.get("tick_id") or message["reset_id"]
                    seen.append(Seen(self._topics[record.topic], record.partition, name))
        return sorted(seen)

    async def until(self, name: str) -> list[Seen]:
        """What comes until every partition has this message."""
        seen: list[Seen] = []
        async with asyncio.timeout(60):
            while len({partition for _, partition, observed in seen if observed == name}) < PARTITIONS:
                seen += await self.new()
                await asyncio.sleep(0.05)
        return seen


def everywhere(*names: str) -> list[Seen]:
    """These messages in every partition of their topics, each once."""
    return sorted(
        Seen(Topic.BUDGET_RESETS if "ly:" in name else Topic.DAYPARTING_TICKS, partition, name)
        for name in names
        for partition in range(PARTITIONS)
    )
