"""Finds the partitions of our topics that have no leader."""

from typing import Final

from aiokafka.client import AIOKafkaClient

from streams.kafka.clients import unreachable_after
from streams.kafka.metadata import without_leader
from streams.kafka.options import client_options
from streams.kafka.topics import ALL_TOPICS
from streams.settings import Settings

__all__ = ["read_missing_leaders"]

_ANSWER_SECONDS: Final = 8.0


async def read_missing_leaders(settings: Settings) -> list[str]:
    """A sentence for each partition without a leader: what is seen, then what to do. Raises Unreachable."""
    client = AIOKafkaClient(**client_options(settings))
    try:
        async with unreachable_after(settings, _ANSWER_SECONDS):
            await client.bootstrap()
            leaderless = await without_leader(client, [settings.topic(topic) for topic in ALL_TOPICS])
    finally:
        await client.close()
    return [
        f"{topic}, partition {number}, has no leader: start or mend the brokers that have its replicas; partition "
        f"{number} of every topic waits for it, and goes on by itself."
        for topic, number in leaderless
    ]
