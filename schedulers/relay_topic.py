"""The catalog topic as the relay uses it: what is new on it, and putting documents there."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Annotated, Final, NamedTuple, Self

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from models.catalog_relay import Seen
from streams.core.moment import Moment
from streams.errors import ConfigurationError, Unreachable
from streams.kafka_clients import client_options, let_go
from streams.settings import Settings
from streams.topic_ids import TopicFacts, topic_facts
from streams.topics import Topic

__all__ = ["CatalogTopic", "Outgoing"]

#: The broker is away when it has said nothing for so long.
_SILENCE_SECONDS: Final = 8
_CLOSING_SECONDS: Final = 1
_POLL_MS: Final = 500
_HIGHEST_VERSION: Final = 2**62


class Outgoing(NamedTuple):
    key: str
    value: bytes
    partition: int
    #: None is now.
    arrival: Moment | None = None


class CatalogTopic:
    """A consumer without a group and an idempotent producer, good until the first error."""

    def __init__(self, settings: Settings) -> None:
        options = client_options(settings) | {"request_timeout_ms": _SILENCE_SECONDS * 1000}
        self._settings = settings
        self._name = settings.topic(Topic.CATALOG)
        self._consumer = AIOKafkaConsumer(**options, enable_auto_commit=False, auto_offset_reset="earliest")
        self._producer = AIOKafkaProducer(**options, enable_idempotence=True, acks="all")

    @classmethod
    async def open(cls, settings: Settings) -> Self:
        topic = cls(settings)
        try:
            with topic._answering():
                async with asyncio.timeout(_SILENCE_SECONDS):
                    await topic._consumer.start()
                    await topic._producer.start()
        except BaseException:
            await topic.close()
            raise
        return topic

    async def facts(self) -> TopicFacts:
        with self._answering():
            facts = (await topic_facts(self._producer.client, [self._name])).get(self._name)
        if facts is None:
            raise ConfigurationError(f"The topic {self._name} is not there: run `spendgate topics create`.")
        if facts.partitions != self._settings.partitions:
            raise ConfigurationError(
                f"The topic {self._name} has {facts.partitions} partitions and SPENDGATE_PARTITIONS is "
                f"{self._settings.partitions}: set it to what `spendgate topics check` tells."
            )
        return facts

    async def ends(self) -> dict[int, int]:
        """The offset after the newest record, by partition."""
        with self._answering():
            ends = await self._consumer.end_offsets([self._part(n) for n in range(self._settings.partitions)])
        return {part.partition: offset for part, offset in ends.items()}

    async def read(self, next_offsets: Mapping[int, int], ends: Mapping[int, int]) -> list[Seen]:
        """Every record from the one to the other; a broker that stays silent in between is away."""
        unread = {self._part(n) for n, offset in next_offsets.items() if offset < ends[n]}
        if not unread:
            return []
        self._consumer.assign(unread)
        for part in unread:
            self._consumer.seek(part, next_offsets[part.partition])
        seen: list[Seen] = []
        with self._answering():
            while unread:
                async with asyncio.timeout(_SILENCE_SECONDS):
                    seen += await self._next_records(unread)
                unread = {part for part in unread if await self._consumer.position(part) < ends[part.partition]}
        return seen

    async def publish(self, outgoing: Sequence[Outgoing]) -> list[int]:
        """The offsets, once all in-sync replicas have the records; within a partition the order is kept."""
        with self._answering():
            async with asyncio.timeout(_SILENCE_SECONDS):
                acks = [
                    await self._producer.send(
                        self._name, value=value, key=key.encode(), partition=partition, timestamp_ms=arrival
                    )
                    for key, value, partition, arrival in outgoing
                ]
                return [record.offset for record in await asyncio.gather(*acks)]

    async def close(self) -> None:
        await let_go(self._producer)
        with suppress(TimeoutError, KafkaError, OSError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await self._consumer.stop()

    async def _next_records(self, unread: set[TopicPartition]) -> list[Seen]:
        """Waits until a partition has gone on, also where compaction has left no record to show."""
        before = {part: await self._consumer.position(part) for part in unread}
        while True:
            batches = await self._consumer.getmany(*unread, timeout_ms=_POLL_MS)
            if any([await self._consumer.position(part) != before[part] for part in unread]):
                return [_seen(record) for records in batches.values() for record in records]

    def _part(self, number: int) -> TopicPartition:
        return TopicPartition(self._name, number)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except (KafkaError, OSError) as error:
            told = str(error) or type(error).__name__
            raise Unreachable(f"The broker at {self._settings.brokers} does not answer ({told}).") from error


class _Versioned(msgspec.Struct):
    version: Annotated[int, msgspec.Meta(ge=0, le=_HIGHEST_VERSION)]


_decode = msgspec.json.Decoder(_Versioned).decode


def _seen(record: ConsumerRecord) -> Seen:
    """A tombstone, or what is not a document at all, has version 0: the controller ignores it as well."""
    try:
        version = _decode(record.value or b"").version
    except msgspec.DecodeError:
        version = 0
    return Seen((record.key or b"").decode(errors="replace").replace("\0", "\ufffd"), version, record.offset)
