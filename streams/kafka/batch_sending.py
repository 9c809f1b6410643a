"""Publishes very many records in order, in batches that are filled here: a fifth of the cost of sending single records.

The producer is idempotent, so that a batch which is sent again keeps its target. After a refused batch it sends nothing
more to that partition, so the first failure is that of everything after it, and all of it has to be sent again.
"""

import asyncio
from asyncio import Future
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from aiokafka.producer.message_accumulator import BatchBuilder

from streams.kafka.clients import close_within_seconds, explaining, unreachable_after
from streams.kafka.options import client_options
from streams.kafka.sending import NewRecord, retrieved, too_large
from streams.settings import Settings

__all__ = ["BATCH_BYTES", "BatchSender", "batch_sender"]

BATCH_BYTES: Final = 256 * 1024
#: A broker that has acknowledged nothing for so long is away.
SILENCE_SECONDS: Final = 20.0


@asynccontextmanager
async def batch_sender(settings: Settings) -> AsyncIterator["BatchSender"]:
    """A sender that is closed at the end. Without `finish` the caller does not know what the broker has."""
    producer = AIOKafkaProducer(
        **client_options(settings),
        acks="all",
        enable_idempotence=True,
        compression_type="lz4",
        max_batch_size=BATCH_BYTES,
    )
    try:
        async with unreachable_after(settings, SILENCE_SECONDS, operation="Write"):
            await producer.start()
        yield BatchSender(settings, producer)
    finally:
        await close_within_seconds(producer)


class BatchSender:
    """Each method raises TooLarge or Unreachable for any record that was added before and could not be sent; after that
    all methods raise it."""

    def __init__(self, settings: Settings, producer: AIOKafkaProducer) -> None:
        self._settings = settings
        self._producer = producer
        self._open: dict[tuple[str, int], BatchBuilder] = {}
        self._unanswered: dict[Future[Any], str] = {}  # with the topic
        self._failure: tuple[str, BaseException] | None = None

    async def add(self, record: NewRecord) -> None:
        """Add a record; waits while the previous batch of its partition has not been sent, which bounds the memory."""
        await self._raise_failure()
        target = record.topic, record.partition
        while not self._append(target, record):
            await self._submit(target)

    async def submit(self) -> None:
        """Send everything that was added so far before anything that is added later."""
        for target in list(self._open):
            await self._submit(target)
        await self._raise_failure()

    async def finish(self) -> None:
        """Return when all in-sync replicas have everything that was added."""
        await self.submit()
        while self._unanswered and self._failure is None:
            async with unreachable_after(self._settings, SILENCE_SECONDS, operation="Write"):
                await asyncio.wait(self._unanswered, return_when=asyncio.FIRST_COMPLETED)
        await self._raise_failure()

    def _append(self, target: tuple[str, int], record: NewRecord) -> bool:
        batch = self._open.get(target)
        if batch is None:
            batch = self._open[target] = self._producer.create_batch()
        timestamp, headers = record.timestamp_ms, list(record.headers)
        return batch.append(timestamp=timestamp, key=record.key, value=record.value, headers=headers) is not None

    async def _submit(self, target: tuple[str, int]) -> None:
        topic, partition = target
        batch = self._open.pop(target)
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                sent = await self._producer.send_batch(batch, topic, partition=partition)
        except (KafkaError, OSError) as error:
            self._failure = self._failure or (topic, error)  # its records are nowhere any more
            await self._raise_failure()
        else:
            self._unanswered[sent] = topic
            sent.add_done_callback(self._note_answer)

    def _note_answer(self, sent: "Future[Any]") -> None:
        topic, error = self._unanswered.pop(sent), retrieved(sent)
        if error is not None and self._failure is None:
            self._failure = topic, error

    async def _raise_failure(self) -> None:
        if self._failure is None:
            return
        topic, error = self._failure
        if isinstance(error, MessageSizeTooLargeError):
            raise too_large(topic, f"a batch of up to {BATCH_BYTES // 1024} KiB") from error
        async with explaining(self._settings, "Write"):
            raise error
