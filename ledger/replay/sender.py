"""Publishes opening balances and the ledger's spend, in batches, each record in its brand's partition."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import msgspec

from core.errors import TooLarge, Unreachable
from core.moment import Moment, format_moment
from core.money import format_money
from core.partitioner import partition_of
from core.records import SpendCorrection, SpendSnapshot
from core.spend import MAX_ATTRIBUTES_BYTES
from ledger.replay.source import ReplayedSpend, UnbookedSpend
from streams.dead_letters.outbox import ARRIVAL_HEADER, COUNTED_HEADER, REPLAYED_HEADER
from streams.kafka.batch_sending import BatchSender, batch_sender
from streams.kafka.codec import encode
from streams.kafka.headers import Headers
from streams.kafka.sending import NewRecord
from streams.kafka.topics import Topic
from streams.settings import Settings, Timestamps

__all__ = ["ReplaySender", "replay_sender"]

_encode: Final = msgspec.json.Encoder().encode


@asynccontextmanager
async def replay_sender(settings: Settings, replay_id: int) -> AsyncIterator["ReplaySender"]:
    async with batch_sender(settings) as sender:
        yield ReplaySender(settings, sender, replay_id)


class ReplaySender:
    """Publishes records of one replay; `flush` returns when the broker has all of them.

    Each method raises TooLarge or Unreachable for anything that was added before; then the replay has to be started
    again.
    """

    def __init__(self, settings: Settings, sender: BatchSender, replay_id: int) -> None:
        self._settings = settings
        self._sender = sender
        self._replayed = (REPLAYED_HEADER, str(replay_id).encode())
        self._given_times = settings.timestamps is Timestamps.CREATE

    async def spend(self, row: ReplayedSpend) -> None:
        """Publish the event again, with its arrival in a header."""
        await self._add(Topic.SPEND_EVENTS, row.brand_id, _event(row), row.arrived_at, self._headers(row.arrived_at))

    async def unbooked(self, spend: UnbookedSpend) -> None:
        headers = self._headers(spend.arrived_at)
        await self._add(Topic.SPEND_EVENTS, spend.brand_id, spend.value, spend.arrived_at, headers)

    async def correction(self, correction: SpendCorrection, arrival: Moment) -> None:
        await self._add(Topic.SPEND_CORRECTIONS, correction.brand_id, encode(correction), arrival, ())

    async def counted_snapshot(self, snapshot: SpendSnapshot, arrived_at: Moment) -> None:
        """The total of a platform that the ledger's spend adds up to, for its cost to be held and not counted again."""
        headers = *self._headers(arrived_at), (COUNTED_HEADER, b"")
        await self._add(Topic.SPEND_SNAPSHOTS, snapshot.brand_id, encode(snapshot), arrived_at, headers)

    async def flush(self) -> None:
        """Returns when all in-sync replicas have everything."""
        with _to_be_started_again():
            await self._sender.finish()

    def _headers(self, arrived_at: Moment) -> Headers:
        return (ARRIVAL_HEADER, format_moment(arrived_at).encode()), self._replayed

    async def _add(self, topic: Topic, brand_id: str, value: bytes, arrival: Moment, headers: Headers) -> None:
        """Add a record. Its timestamp is the arrival with SPENDGATE_TIMESTAMPS=create; else the broker sets it."""
        name, partition = self._settings.topic(topic), partition_of(brand_id, self._settings.partitions)
        timestamp = arrival if self._given_times else None
        with _to_be_started_again():
            await self._sender.add(NewRecord(name, partition, brand_id.encode(), value, headers, timestamp))


@contextmanager
def _to_be_started_again() -> Iterator[None]:
    try:
        yield
    except (TooLarge, Unreachable) as error:
        raise type(error)(f"{error} Then start the replay again: it goes on where it was.") from error


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
        # PostgreSQL's text is longer than the original. Those over the limit are left out: only the ledger uses them.
        attributes = msgspec.json.format(row.attributes.encode(), indent=-1)
        if len(attributes) <= MAX_ATTRIBUTES_BYTES:
            event["attributes"] = msgspec.Raw(attributes)
    return _encode(event)
