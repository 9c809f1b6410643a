"""Planned records onto their topics, in order and as fast as the broker takes them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from console.simulation.spend import Planned
from streams.kafka_clients import answering, client_options
from streams.settings import Settings
from streams.topics import Topic

__all__ = ["PlanPublisher", "plan_publisher"]

BATCH_BYTES: Final = 256 * 1024
#: A broker that has not acknowledged for so long is away.
SILENCE_SECONDS: Final = 20.0
CLOSING_SECONDS: Final = 2.0

Place = tuple[Topic, int]


@asynccontextmanager
async def plan_publisher(settings: Settings) -> AsyncIterator["PlanPublisher"]:
    producer = AIOKafkaProducer(
        **client_options(settings), acks="all", enable_idempotence=True, max_batch_size=BATCH_BYTES
    )
    try:
        async with answering(settings, SILENCE_SECONDS):
            await producer.start()
        yield PlanPublisher(settings, producer)
    finally:
        await _close(producer)


async def _close(producer: AIOKafkaProducer) -> None:
    """Never waits long for a broker that is away: all that matters was waited for before."""
    with suppress(TimeoutError, KafkaError, OSError):
        async with asyncio.timeout(CLOSING_SECONDS):
            await producer.stop()
    await producer._sender.close()
    await producer.client.close()


class PlanPublisher:
    """Fills batches itself, which costs a fifth of sending record by record."""

    def __init__(self, settings: Settings, producer: AIOKafkaProducer) -> None:
        self._settings = settings
        self._producer = producer
        self._open: dict[Place, BatchBuilder] = {}
        self._sent: set[asyncio.Future[object]] = set()

    async def add(self, record: Planned) -> None:
        place = (record.topic, record.partition)
        batch = self._open.get(place)
        if batch is None:
            batch = self._open[place] = self._producer.create_batch()
        if batch.append(timestamp=record.at, key=record.key, value=record.value) is None:
            await self._send(place)
            await self.add(record)

    async def flush(self) -> None:
        """Everything added so far is on its way before anything that is added later."""
        for place in list(self._open):
            await self._send(place)

    async def settle(self) -> None:
        """Returns when the broker has all of it."""
        await self.flush()
        async with answering(self._settings, SILENCE_SECONDS):
            await asyncio.gather(*self._sent)

    async def _send(self, place: Place) -> None:
        """Waits for the batch before it to leave, which bounds what is held here."""
        topic, partition = place
        batch = self._open.pop(place)
        async with answering(self._settings, SILENCE_SECONDS):
            sent = await self._producer.send_batch(batch, self._settings.topic(topic), partition=partition)
        self._sent.add(sent)
        sent.add_done_callback(self._note_sent)

    def _note_sent(self, sent: "asyncio.Future[object]") -> None:
        """A failed one stays, to be told by `settle`."""
        if not sent.cancelled() and sent.exception() is None:
            self._sent.discard(sent)
