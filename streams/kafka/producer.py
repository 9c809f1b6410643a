"""Publishes spend events as a producer should: keyed by brand, in the brand's partition, acknowledged.

Not idempotent, see `streams.kafka.sending`: an event that is published twice counts once, by its id.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from core.partitioner import partition_of
from streams.kafka.clients import OpenedClient, unreachable_after
from streams.kafka.headers import Headers
from streams.kafka.metadata import existing_topic
from streams.kafka.sending import NewRecord, RecordSender
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["Acked", "SpendProducer", "spend_producer"]

#: A broker that has not acknowledged for so long is away.
_SILENCE_SECONDS: Final = 6.0


class Acked(NamedTuple):
    """The position of an event on the broker."""

    topic: str
    partition: int
    offset: int


@asynccontextmanager
async def spend_producer(settings: Settings, topic: Topic = Topic.SPEND_EVENTS) -> AsyncIterator["SpendProducer"]:
    """A producer that is closed at the end. Raises Unreachable or ConfigurationError."""
    async with SpendProducer(settings, topic) as producer:
        yield producer


class SpendProducer(OpenedClient):
    """Publishes events of concurrent callers in shared batches, to `topic` unless `send` names another one with the
    same partition count."""

    def __init__(self, settings: Settings, topic: Topic = Topic.SPEND_EVENTS) -> None:
        self._settings = settings
        self._topic = topic
        self._partitions = 0
        self._sender = RecordSender(settings, answer_seconds=_SILENCE_SECONDS)

    def is_fresh(self) -> bool:
        """Whether the sending task runs; lost connections are opened again."""
        return not self._sender.task.done()

    async def failed(self) -> None:
        """Return or raise when nothing can be sent any more."""
        await asyncio.wait([self._sender.task])

    async def open(self) -> None:
        async with unreachable_after(self._settings, _SILENCE_SECONDS):
            await self._sender.open()
            self._partitions = (await existing_topic(self._sender.client, self._settings.topic(self._topic))).partitions

    async def send(self, brand_id: str, value: bytes, *, headers: Headers = (), topic: Topic | None = None) -> Acked:
        """Publish an event; returns its position when all in-sync replicas have it. Raises TooLarge, or Unreachable,
        after which it may have arrived nevertheless: send it again with the same event_id."""
        partition = partition_of(brand_id, self._partitions)
        async with unreachable_after(self._settings, _SILENCE_SECONDS, operation="Write"):
            sent = await self._sender.one(
                NewRecord(self._settings.topic(topic or self._topic), partition, brand_id.encode(), value, headers)
            )
        return Acked(sent.topic, sent.partition, sent.offset)

    async def close(self) -> None:
        await self._sender.close()
