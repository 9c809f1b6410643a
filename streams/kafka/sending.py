"""Publishes records so that each has a result of its own.

A broker refuses a batch that is larger than the topic's `max.message.bytes` with all its records, also where each of
them alone would be accepted. After a refused batch an idempotent producer of aiokafka sends nothing more to that
partition (measured: OutOfOrderSequenceNumber until it is closed). So records that may be published twice without harm,
because they have an id or a version, are sent by a producer without idempotence.
"""

import asyncio
from asyncio import Future
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from aiokafka.structs import RecordMetadata

from core.errors import TooLarge
from streams.kafka.clients import OpenedClient, close_within_seconds
from streams.kafka.options import client_options
from streams.settings import Settings

__all__ = ["NewRecord", "RecordSender", "retrieved", "too_large"]

#: A larger record is sent in a batch of its own.
_SHARED_BYTES: Final = 2 * 1024 * 1024
_ANSWER_SECONDS: Final = 40.0


class NewRecord(NamedTuple):
    """A record to be published; `topic` is the name on the cluster."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    timestamp_ms: int | None = None  # None is now


class RecordSender(OpenedClient):
    """A producer. A record that is not acknowledged within about twice `answer_seconds` has failed."""

    def __init__(self, settings: Settings, *, answer_seconds: float = _ANSWER_SECONDS) -> None:
        self._producer = AIOKafkaProducer(
            **client_options(settings),
            acks="all",
            request_timeout_ms=int(answer_seconds * 1000),
            max_request_size=_SHARED_BYTES,
        )
        #: One prepared batch at a time: several would delay each other until they time out.
        self._alone = asyncio.Lock()

    async def open(self) -> None:
        """Raises an error of aiokafka when no broker answers."""
        await self._producer.start()

    async def close(self) -> None:
        """Close the producer within about two seconds, also when the broker is away; nothing is sent afterwards."""
        await close_within_seconds(self._producer)

    @property
    def client(self) -> Any:
        """aiokafka's client, to ask the broker about topics."""
        return self._producer.client

    @property
    def task(self) -> "asyncio.Task[None]":
        """The producer's sending task, which ends when nothing can be sent any more."""
        task: asyncio.Task[None] = self._producer._sender.sender_task
        return task

    async def one(self, record: NewRecord) -> RecordMetadata:
        """Publish a record; returns its position when all in-sync replicas have it. Raises TooLarge when the topic does
        not take it even alone, and errors of aiokafka."""
        [outcome] = await self.outcomes([record])
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    async def outcomes(self, records: Sequence[NewRecord]) -> list[RecordMetadata | BaseException]:
        """Publish records; returns the position of each, or the error that `one` would raise. Records of a partition
        stay in order, except those that had to be sent alone."""
        sent = [await self._sent(record) for record in records]
        outcomes: list[RecordMetadata | BaseException] = await asyncio.gather(*sent, return_exceptions=True)
        for index, outcome in enumerate(outcomes):
            if isinstance(outcome, MessageSizeTooLargeError):
                outcomes[index] = await self._sent_alone(records[index])
        return outcomes

    async def _sent(self, it: NewRecord) -> "Future[RecordMetadata]":
        try:
            future: Future[RecordMetadata] = await self._producer.send(
                it.topic,
                it.value,
                key=it.key,
                partition=it.partition,
                headers=list(it.headers),
                timestamp_ms=it.timestamp_ms,
            )
        except KafkaError as error:
            future = asyncio.get_running_loop().create_future()
            future.set_exception(error)
        future.add_done_callback(retrieved)
        return future

    async def _sent_alone(self, it: NewRecord) -> RecordMetadata | BaseException:
        batch = self._producer.create_batch()
        batch.append(timestamp=it.timestamp_ms, key=it.key, value=it.value, headers=list(it.headers))  # one always fits
        batch.close()
        try:
            async with self._alone:
                return await (await self._producer.send_batch(batch, it.topic, partition=it.partition))
        except MessageSizeTooLargeError:
            return too_large(it.topic, f"a record of {batch.size()} bytes")
        except KafkaError as error:
            return error


def retrieved(future: "Future[Any]") -> BaseException | None:
    """The exception of a finished future, or None. As a callback it keeps asyncio from logging an exception that nobody
    retrieves: the sender was cancelled before, or has another failure already."""
    return None if future.cancelled() else future.exception()


def too_large(topic: str, what: str) -> TooLarge:
    """The error for a record or batch that the topic has refused."""
    return TooLarge(
        f"The topic {topic} does not take {what}: give it a larger max.message.bytes "
        f"(`spendgate topics check` shows how)."
    )
