"""Puts opening balances and the ledger's spend on a broker, batch by batch, each record in its brand's partition."""

import asyncio
from asyncio import Future
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from streams.core.moment import Moment, format_moment
from streams.core.money import format_money
from streams.core.partitioner import partition_of
from streams.core.records import SpendCorrection
from streams.core.spend import MAX_ATTRIBUTES_BYTES
from streams.dead_letters import ARRIVAL_HEADER, REPLAYED_HEADER
from streams.errors import Unreachable
from streams.kafka_clients import answering, client_options
from streams.ledger.replay_source import ReplayedSpend, UnjudgedSpend
from streams.records import encode
from streams.settings import Settings, Timestamps
from streams.topics import Topic

__all__ = ["ReplaySender", "replay_sender"]

_CONNECT_SECONDS: Final = 8.0
_CLOSING_SECONDS: Final = 5.0
_BATCH_BYTES: Final = 256 * 1024
_encode: Final = msgspec.json.Encoder().encode


@asynccontextmanager
async def replay_sender(settings: Settings, replay_id: int) -> AsyncIterator["ReplaySender"]:
    producer = AIOKafkaProducer(
        **client_options(settings),
        acks="all",
        enable_idempotence=True,
        compression_type="lz4",
        max_batch_size=_BATCH_BYTES,
    )
    try:
        async with answering(settings, _CONNECT_SECONDS):
            await producer.start()
        yield ReplaySender(settings, producer, replay_id)
    finally:
        with suppress(TimeoutError, KafkaError, OSError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await producer.stop()


class ReplaySender:
    """What was added is on the broker when `flush` has returned."""

    def __init__(self, settings: Settings, producer: AIOKafkaProducer, replay_id: int) -> None:
        self._settings = settings
        self._producer = producer
        self._replayed = (REPLAYED_HEADER, str(replay_id).encode())
        self._given_times = settings.timestamps is Timestamps.CREATE
        self._open: dict[tuple[str, int], BatchBuilder] = {}
        self._sent: list[Future[Any]] = []

    async def spend(self, row: ReplayedSpend) -> None:
        """The event as it was, with the arrival that it had."""
        await self._add(Topic.SPEND_EVENTS, row.brand_id, _event(row), row.arrived_at, self._headers(row.arrived_at))

    async def unjudged(self, spend: UnjudgedSpend) -> None:
        headers = self._headers(spend.arrived_at)
        await self._add(Topic.SPEND_EVENTS, spend.brand_id, spend.value, spend.arrived_at, headers)

    async def correction(self, correction: SpendCorrection, arrival: Moment) -> None:
        await self._add(Topic.SPEND_CORRECTIONS, correction.brand_id, encode(correction), arrival, [])

    async def flush(self) -> None:
        """Returns when all in-sync replicas have everything."""
        for topic, partition in list(self._open):
            await self._submit(topic, partition)
        sent, self._sent = self._sent, []
        try:
            for acknowledged in sent:
                await acknowledged
        except KafkaError as error:
            raise Unreachable(
                f"The broker at {self._settings.brokers} does not take the records ({error!r}): "
                "start the replay again when it is back, it goes on where it was."
            ) from error

    def _headers(self, arrived_at: Moment) -> list[tuple[str, bytes]]:
        return [(ARRIVAL_HEADER, format_moment(arrived_at).encode()), self._replayed]

    async def _add(
        self, topic: Topic, brand_id: str, value: bytes, arrival: Moment, headers: list[tuple[str, bytes]]
    ) -> None:
        """The broker stamps the record itself, except on topics whose producers give the times."""
        name, partition = self._settings.topic(topic), partition_of(brand_id, self._settings.partitions)
        timestamp = arrival if self._given_times else None
        key = brand_id.encode()
        while True:
            batch = self._open.get((name, partition))
            if batch is None:
                batch = self._open[name, partition] = self._producer.create_batch()
            if batch.append(timestamp=timestamp, key=key, value=value, headers=headers) is not None:
                return
            await self._submit(name, partition)

    async def _submit(self, topic: str, partition: int) -> None:
        batch = self._open.pop((topic, partition))
        self._sent.append(await self._producer.send_batch(batch, topic, partition=partition))


def _event(row: ReplayedSpend) -> bytes:
    event: dict[str, object] = {
        "event_id": row.event_id,
        "brand_id": row.brand_id,
        "campaign_id": row.campaign_id,
        "amount": format_money(row.amount_micros),
        "currency": row.currency,
        "occurred_at": format_moment(row.occurred_at),
    }
    if row.attributes is not None:
        # PostgreSQL writes them longer than they came; those over the limit the ledger has, and nobody else reads them.
        attributes = msgspec.json.format(row.attributes.encode(), indent=-1)
        if len(attributes) <= MAX_ATTRIBUTES_BYTES:
            event["attributes"] = msgspec.Raw(attributes)
    return _encode(event)
