"""Reads a topic without a consumer group: up to its end, between offsets, or for ever."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from heapq import merge
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from core.partitioner import partition_of
from streams.kafka.clients import unreachable_after
from streams.kafka.failures import explained
from streams.kafka.metadata import TopicFacts, existing_topic, topic_facts
from streams.kafka.options import consumer_options
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["TopicReader", "merged", "topic_reader"]

#: A broker that has said nothing for so long is away.
_SILENCE_SECONDS: Final = 6.0
_CLOSING_SECONDS: Final = 1.0
_CHECK_SECONDS: Final = 0.1
_POLL_MS: Final = 500
_POLL_RECORDS: Final = 50_000
_FETCH_BYTES: Final = 8 * 1024 * 1024
#: Of a reader beside which its process answers others: a poll of so many records holds up its event loop for some tens
#: of milliseconds.
_SMALL_POLL_RECORDS: Final = 500
_SMALL_FETCH_BYTES: Final = 512 * 1024

ReaderPositions = dict[int, int]


@asynccontextmanager
async def topic_reader(
    settings: Settings,
    topic: Topic,
    *,
    key: str | None = None,
    isolation_level: str = "read_committed",
    in_small_steps: bool = False,
) -> AsyncIterator["TopicReader"]:
    """Open a reader at the beginning of all partitions, or of the partition of `key` alone; `in_small_steps` where its
    process answers others meanwhile."""
    reader = TopicReader(settings, topic, isolation_level, in_small_steps=in_small_steps)
    try:
        await reader.open(key)
        yield reader
    finally:
        await reader.close()


class TopicReader:
    """Reads committed records. A log may end in offsets without records, so progress is measured by positions."""

    def __init__(
        self,
        settings: Settings,
        topic: Topic,
        isolation_level: str = "read_committed",
        *,
        in_small_steps: bool = False,
    ) -> None:
        self._settings = settings
        self._poll_records = _SMALL_POLL_RECORDS if in_small_steps else _POLL_RECORDS
        self._name = settings.topic(topic)
        self._consumer = AIOKafkaConsumer(
            **consumer_options(settings),
            isolation_level=isolation_level,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=_SMALL_FETCH_BYTES if in_small_steps else _FETCH_BYTES,
            request_timeout_ms=int(_SILENCE_SECONDS * 1000),
        )
        #: The topic's partition count and id, which changes when the topic is created again.
        self.partition_count = 0
        self.topic_id = ""
        self._parts: list[TopicPartition] = []

    async def open(self, key: str | None = None) -> None:
        """Assign all partitions, or that of `key` alone, from their beginnings. Raises Unreachable or
        ConfigurationError."""
        async with unreachable_after(self._settings, _SILENCE_SECONDS):
            await self._consumer.start()
            facts = await existing_topic(self._consumer._client, self._name)
            self.partition_count, self.topic_id = facts.partitions, facts.topic_id
            numbers = range(facts.partitions) if key is None else [partition_of(key, facts.partitions)]
            self._parts = [TopicPartition(self._name, number) for number in numbers]
            self._consumer.assign(self._parts)
            await self._consumer.seek_to_beginning(*self._parts)

    async def close(self) -> None:
        """Never waits long for a broker that is away, and leaves no connection open, also when it is cancelled."""
        try:
            with suppress(TimeoutError, KafkaError, OSError):
                async with asyncio.timeout(_CLOSING_SECONDS):
                    await self._consumer.stop()
        finally:
            await self._consumer._client.close()  # as `stop` does at its end, which it may not have reached

    async def facts(self) -> TopicFacts | None:
        """The topic's id and its number of partitions, now; None when it is not there."""
        async with unreachable_after(self._settings, _SILENCE_SECONDS):
            return (await topic_facts(self._consumer._client, [self._name])).get(self._name)

    async def starts(self) -> ReaderPositions:
        """The offset of the oldest record that each partition may still have, now."""
        async with unreachable_after(self._settings, _SILENCE_SECONDS):
            return {part.partition: at for part, at in (await self._consumer.beginning_offsets(self._parts)).items()}

    async def ends(self) -> ReaderPositions:
        """The offset after the newest committed record of each partition, now."""
        async with unreachable_after(self._settings, _SILENCE_SECONDS):
            return {part.partition: end for part, end in (await self._consumer.end_offsets(self._parts)).items()}

    async def ends_with(self, topics: Iterable[Topic]) -> dict[Topic, ReaderPositions]:
        """The ends of other topics, in the same partitions as this reader's."""
        also = {
            topic: [TopicPartition(self._settings.topic(topic), part.partition) for part in self._parts]
            for topic in topics
        }
        async with unreachable_after(self._settings, _SILENCE_SECONDS):
            # All in one request: one by one, as the consumer does, each would wait behind a fetch for new records.
            await asyncio.gather(*[self._consumer._client.add_topic(self._settings.topic(topic)) for topic in also])
            ends = await self._consumer.end_offsets([part for parts in also.values() for part in parts])
        return {topic: {part.partition: ends[part] for part in parts} for topic, parts in also.items()}

    async def returned_positions(self) -> None:
        """Return when everything up to the end as of the call was returned by `batch`, which another task must call
        meanwhile. Raises Unreachable when the broker does not give the end."""
        ends = await self.ends()
        while not await self._has_reached(ends):
            await asyncio.sleep(_CHECK_SECONDS)

    def seek(self, positions: ReaderPositions) -> None:
        """Read these partitions from these offsets on."""
        for number, offset in positions.items():
            self._consumer.seek(TopicPartition(self._name, number), offset)

    async def to_end(self) -> AsyncGenerator[ConsumerRecord, None]:
        """The records up to the end as of the call. Raises Unreachable when the broker does not answer."""
        ends = await self.ends()
        before = await self.positions()
        while any(before[number] < end for number, end in ends.items()):
            async with unreachable_after(self._settings, _SILENCE_SECONDS):
                records = await self._progress(before)
            for record in records:
                yield record
            before = await self.positions()

    async def between(self, starts: ReaderPositions, ends: ReaderPositions) -> AsyncGenerator[ConsumerRecord, None]:
        """The records in `[starts, ends)` of the partitions of `starts`. Raises Unreachable as `to_end` does."""
        open_parts = {TopicPartition(self._name, number) for number in starts if starts[number] < ends[number]}
        self._consumer.pause(*self._parts)
        self.seek(starts)
        self._consumer.resume(*open_parts)
        while open_parts:
            before = await self.positions()
            async with unreachable_after(self._settings, _SILENCE_SECONDS):
                records = await self._progress(before)
            for record in records:
                if record.offset < ends[record.partition]:
                    yield record
            reached = {part for part in open_parts if await self._consumer.position(part) >= ends[part.partition]}
            self._consumer.pause(*reached)
            open_parts -= reached
        self._consumer.resume(*self._parts)

    async def batch(self, timeout_ms: int = _POLL_MS) -> list[ConsumerRecord]:
        """The next records, `merged`, as soon as there are any; empty after the timeout. A broker that is away for a
        while raises nothing."""
        fetched: Mapping[TopicPartition, list[ConsumerRecord]]
        try:
            fetched = await self._consumer.getmany(timeout_ms=timeout_ms, max_records=self._poll_records)
        except KafkaError as error:
            if not error.retriable:
                raise await explained(error, self._settings, "Read") from error
            await asyncio.sleep(timeout_ms / 1000)
            return []
        return merged(list(fetched.values()))

    async def _progress(self, before: ReaderPositions) -> list[ConsumerRecord]:
        """Wait until a position advances, also where there is no record."""
        while True:
            await asyncio.sleep(0)  # a poll that finds records at hand lets nobody else run
            records = await self.batch()
            if records or await self.positions() != before:
                return records

    async def _has_reached(self, ends: ReaderPositions) -> bool:
        positions = await self.positions()
        return all(positions[number] >= end for number, end in ends.items())

    async def positions(self) -> ReaderPositions:
        """The offset that is read next of each partition; beyond transaction markers, which are no records."""
        return {part.partition: await self._consumer.position(part) for part in self._parts}


def merged(partitions: Sequence[Sequence[ConsumerRecord]]) -> list[ConsumerRecord]:
    """The records of all partitions, oldest first, each partition in its own order even where its timestamps go back:
    of two records of a key the higher offset is the newer one, whatever the producer's clock."""
    if len(partitions) == 1:
        return list(partitions[0])
    return list(merge(*partitions, key=lambda record: record.timestamp))
