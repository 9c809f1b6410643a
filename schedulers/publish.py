"""Telling every partition of a topic something, and knowing that the broker has it."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schedulers.messages import Outgoing
from streams.errors import ConfigurationError, Unreachable
from streams.kafka_clients import client_options
from streams.settings import Settings
from streams.topic_ids import topic_facts
from streams.topics import Topic

__all__ = ["Publisher", "publish"]

#: A broker that has not acknowledged for so long is away.
_PATIENCE_SECONDS: Final = 6
_CLOSING_SECONDS: Final = 1


async def publish(settings: Settings, messages: Sequence[Outgoing]) -> None:
    """For a command line: once, in at most ten seconds."""
    publisher = Publisher(settings)
    try:
        await publisher.send(messages)
    finally:
        await publisher.close()


class Publisher:
    """An idempotent producer that is given up at the first error: what it may still send later does no harm, because
    everything here may be repeated and come in any order."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None

    async def send(self, messages: Sequence[Outgoing]) -> None:
        """Returns when all in-sync replicas of every partition have all messages; else raises and has closed."""
        try:
            with self._answering():
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    await self._send(await self._opened(), messages)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Never waits long for a broker that is away."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        with suppress(TimeoutError, KafkaError, OSError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await producer.stop()
        # A stop that was cut short leaves these behind, requests first.
        await producer.client.close()
        await producer._sender.close()

    async def _opened(self) -> AIOKafkaProducer:
        if self._producer is None:
            options = client_options(self._settings) | {"request_timeout_ms": _PATIENCE_SECONDS * 1_000}
            self._producer = AIOKafkaProducer(**options, enable_idempotence=True, acks="all")
            await self._producer.start()
        return self._producer

    async def _send(self, producer: AIOKafkaProducer, messages: Sequence[Outgoing]) -> None:
        partitions = await self._partitions(producer, {topic for topic, _ in messages})
        acks = [
            await producer.send(self._settings.topic(topic), value=value, partition=partition)
            for topic, value in messages
            for partition in range(partitions[topic])
        ]
        for outcome in await asyncio.gather(*acks, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _partitions(self, producer: AIOKafkaProducer, topics: set[Topic]) -> dict[Topic, int]:
        """As the broker has them now: a partition that is left out would never be woken."""
        names = {topic: self._settings.topic(topic) for topic in topics}
        facts = await topic_facts(producer.client, list(names.values()))
        for name in names.values():
            if name not in facts:
                raise ConfigurationError(f"The topic {name} is not there: run `spendgate topics create`.")
        return {topic: facts[name].partitions for topic, name in names.items()}

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except (KafkaError, OSError) as error:  # TimeoutError is an OSError
            told = str(error) or type(error).__name__
            raise Unreachable(f"The broker at {self._settings.brokers} does not answer ({told}).") from error
