"""Putting spend events on their topic the way a producer should: keyed by brand, in the brand's partition, acked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NamedTuple, Self

from aiokafka import AIOKafkaProducer

from streams.core.partitioner import partition_of
from streams.dead_letters import Headers
from streams.errors import ConfigurationError
from streams.kafka_clients import answering, client_options, let_go
from streams.settings import Settings
from streams.topic_ids import topic_facts
from streams.topics import Topic

__all__ = ["Acked", "SpendProducer", "spend_producer"]

#: A broker that has not acknowledged for so long is away.
_SILENCE_SECONDS: Final = 6.0
#: What the broker took once it takes again, with one more header.
_REQUEST_BYTES: Final = 2 * 1024 * 1024


class Acked(NamedTuple):
    """Where the broker has put an event."""

    topic: str
    partition: int
    offset: int


@asynccontextmanager
async def spend_producer(settings: Settings) -> AsyncIterator["SpendProducer"]:
    async with SpendProducer(settings) as producer:
        yield producer


class SpendProducer:
    """Events of many callers at once share batches."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = settings.topic(Topic.SPEND_EVENTS)
        self._partitions = 0
        self._producer = AIOKafkaProducer(
            **client_options(settings),
            acks="all",
            enable_idempotence=True,
            request_timeout_ms=int(_SILENCE_SECONDS * 1000),
            max_request_size=_REQUEST_BYTES,
        )

    async def __aenter__(self) -> Self:
        try:
            await self.open()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def is_fresh(self) -> bool:
        """Connections come and go; what matters is that the loop that sends is still at work."""
        return not self._producer._sender.sender_task.done()

    async def failed(self) -> None:
        """Returns or raises when nothing can be sent any more."""
        await asyncio.wait([self._producer._sender.sender_task])

    async def open(self) -> None:
        async with answering(self._settings, _SILENCE_SECONDS):
            await self._producer.start()
            facts = (await topic_facts(self._producer.client, [self._topic])).get(self._topic)
        if facts is None:
            raise ConfigurationError(f"The topic {self._topic} is not there: run `spendgate topics create`.")
        self._partitions = facts.partitions

    async def send(
        self, brand_id: str, value: bytes, *, headers: Headers = (), topic: Topic = Topic.SPEND_EVENTS
    ) -> Acked:
        """Returns when all in-sync replicas have it. After Unreachable it may have arrived all the same: send it again
        with the same event_id."""
        partition = partition_of(brand_id, self._partitions)
        async with answering(self._settings, _SILENCE_SECONDS):
            record = await self._producer.send_and_wait(
                self._settings.topic(topic),
                value=value,
                key=brand_id.encode(),
                partition=partition,
                headers=list(headers),
            )
        return Acked(record.topic, record.partition, record.offset)

    async def close(self) -> None:
        await let_go(self._producer)
