"""Publishes to the worker's input topics and follows what it commits, as any read_committed reader would see it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from msgspec import DecodeError

from core.changelog import Changelog
from core.duplicates import DuplicateWindow
from core.moment import parse_moment
from core.partitioner import partition_of
from core.records import BudgetAlert, ControlCommand
from core.state import BrandState, PartitionState
from core.state_records import PartRecord
from streams.kafka.codec import decode_alert, decode_command
from streams.kafka.provision import create_topics
from streams.kafka.restore import apply_record
from streams.kafka.topics import Topic
from streams.settings import Settings

PATIENCE_SECONDS = 120
OUTPUTS = (Topic.CAMPAIGN_CONTROL, Topic.BUDGET_ALERTS, Topic.CONTROLLER_STATE, Topic.DEAD_LETTERS)


class Broker:
    """`commands`, `alerts`, `dead_letters`, `states` grow while one awaits `until`, `until_settled` or `caught_up`."""

    def __init__(
        self, settings: Settings, producer: AIOKafkaProducer, consumer: AIOKafkaConsumer, watermarks: AIOKafkaConsumer
    ) -> None:
        """`watermarks` reads nothing: it gets high watermarks."""
        self.settings = settings
        self.producer = producer
        self.commands: list[ControlCommand] = []
        self.command_headers: list[tuple[tuple[str, bytes], ...]] = []  # of each of them
        self.alerts: list[BudgetAlert] = []
        self.dead_letters: list[ConsumerRecord] = []
        self.sent: dict[tuple[Topic, int], int] = {}  # (topic, partition) -> offset after the last one sent
        self._consumer = consumer
        self._watermarks = watermarks
        self._topics = {settings.topic(topic): topic for topic in OUTPUTS}
        self._changelogs = {number: Changelog() for number in range(settings.partitions)}
        self._versions: dict[str, int] = {}

    async def publish(
        self,
        topic: Topic,
        value: object,
        *,
        partition: int,
        at: str | None = None,
        key: str | None = None,
        headers: tuple[tuple[str, bytes], ...] = (),
    ) -> int:
        """Send one record, JSON unless it is bytes; returns its offset. `at` is its timestamp."""
        acknowledged = await self.producer.send_and_wait(
            self.settings.topic(topic),
            value if isinstance(value, bytes | None) else json.dumps(value).encode(),
            key=None if key is None else key.encode(),
            partition=partition,
            timestamp_ms=None if at is None else parse_moment(at),
            headers=list(headers),
        )
        self.note_sent(topic, partition, acknowledged.offset)
        return int(acknowledged.offset)

    def note_sent(self, topic: Topic, partition: int, offset: int) -> None:
        """`until_settled` waits for this record too."""
        self.sent[topic, partition] = max(self.sent.get((topic, partition), 0), offset + 1)

    async def brand(self, brand_id: str, at: str | None = None, *, zone: str = "UTC", **fields: object) -> None:
        document = {"kind": "brand", "brand_id": brand_id, "currency": "USD", **fields}
        document["zones"] = [{"time_zone": zone, "from": None}]
        await self._document(brand_id, brand_id, document, at)

    async def campaign(self, brand_id: str, campaign_id: str, at: str | None = None, **fields: object) -> None:
        document = {"kind": "campaign", "brand_id": brand_id, "campaign_id": campaign_id, **fields}
        await self._document(f"{brand_id}/{campaign_id}", brand_id, document, at)

    async def spend(
        self,
        brand_id: str,
        campaign_id: str,
        amount: str,
        at: str | None = None,
        *,
        event_id: str,
        occurred_at: str | None = None,
        headers: tuple[tuple[str, bytes], ...] = (),
        partition: int | None = None,
    ) -> None:
        """`partition` is another one than the brand's where it is given."""
        event = spend_event(brand_id, campaign_id, amount, event_id, occurred_at or at)
        part = self.home(brand_id) if partition is None else partition
        await self.publish(Topic.SPEND_EVENTS, event, partition=part, key=brand_id, at=at, headers=headers)

    async def tick(self, partition: int, at: str, due_at: str | None = None) -> None:
        message = {"tick_id": due_at or at, "due_at": due_at or at}
        await self.publish(Topic.DAYPARTING_TICKS, message, partition=partition, at=at)

    async def reset(self, partition: int, kind: str, zone: str, at: str, due_at: str | None = None) -> None:
        message = {"reset_id": f"{kind}:{zone}:{due_at or at}", "kind": kind, "time_zone": zone}
        message |= {"period": (due_at or at)[:10], "due_at": due_at or at}
        await self.publish(Topic.BUDGET_RESETS, message, partition=partition, at=at)

    def home(self, brand_id: str) -> int:
        return partition_of(brand_id, self.settings.partitions)

    def states(self) -> dict[int, PartitionState]:
        """What a worker would restore from what was read so far."""
        states = {}
        for number, changelog in self._changelogs.items():
            states[number] = PartitionState(number, DuplicateWindow(self.settings.duplicate_window))
            changelog.restore(states[number])
        return states

    def part(self, partition: int) -> PartRecord | None:
        """The record of the last flush."""
        return self._changelogs[partition].part

    def state_of(self, brand_id: str) -> BrandState:
        return self.states()[self.home(brand_id)].brands[brand_id]

    def emitted(self, campaign_id: str) -> list[str]:
        """Commands of a campaign but its first: `pause daily_budget @2025-09-08T12:00:00Z`."""
        mine = [it for it in self.commands if it.campaign_id == campaign_id]
        return [" ".join(filter(None, (it.action, ",".join(it.reasons), f"@{it.decided_at}"))) for it in mine[1:]]

    def alerted(self) -> list[str]:
        """`raised nike:silent:2025-09-08:1`, of all brands."""
        return [f"{it.state} {it.alert_id}" for it in self.alerts]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Read on until the condition holds."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                await self._read()

    async def until_settled(self) -> None:
        """All that was sent is applied and committed, no resume is awaited, and all of it is read."""
        await self.until(lambda: self.applied(self.sent))
        await self.until(lambda: not any(state.pending_resumes for state in self.states().values()))
        await self.caught_up()

    async def until_spend_is_applied(self) -> None:
        """All spend that lies on its topic now, whoever sent it, is applied and committed."""
        tps = [TopicPartition(self.settings.topic(Topic.SPEND_EVENTS), number) for number in self._changelogs]
        ends = await self._watermarks.end_offsets(tps)
        on_topic = {(Topic.SPEND_EVENTS, tp.partition): end for tp, end in ends.items() if end}
        await self.until(lambda: self.applied(on_topic))

    async def caught_up(self) -> None:
        """Read up to the end as of now. The markers that end a transaction reach its partitions one by one: what one of
        them does not show yet is waited for."""
        tps = list(self._consumer.assignment())
        ends = await self._watermarks.end_offsets(tps)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while any([await self._consumer.position(tp) < end for tp, end in ends.items()]):
                await self._read()

    def applied(self, sent: Mapping[tuple[Topic, int], int]) -> bool:
        """Whether all below these offsets is applied and committed, as far as was read."""
        for (topic, partition), offset in sent.items():
            part = self.part(partition)
            if part is None or part.positions[topic] < offset:
                return False
        return True

    async def _read(self) -> None:
        for tp, records in (await self._consumer.getmany(timeout_ms=100)).items():
            match self._topics[tp.topic]:
                case Topic.CAMPAIGN_CONTROL:
                    for record in records:
                        if observed := _command(record):
                            self.commands.append(observed)
                            self.command_headers.append(tuple(record.headers))
                case Topic.BUDGET_ALERTS:
                    self.alerts += [observed for record in records if (observed := _alert(record))]
                case Topic.DEAD_LETTERS:
                    self.dead_letters += records
                case _:
                    for record in records:
                        apply_record(self._changelogs[tp.partition], record)

    async def _document(self, key: str, brand_id: str, document: dict[str, object], at: str | None) -> None:
        self._versions[key] = self._versions.get(key, 0) + 1
        versioned = {**document, "version": self._versions[key]}
        await self.publish(Topic.CATALOG, versioned, partition=self.home(brand_id), key=key, at=at)


def _command(record: ConsumerRecord) -> ControlCommand | None:
    """None for what a test has put there that is none."""
    try:
        return decode_command(record.value or b"")
    except DecodeError:
        return None


def _alert(record: ConsumerRecord) -> BudgetAlert | None:
    """The same."""
    try:
        return decode_alert(record.value or b"")
    except DecodeError:
        return None


def spend_event(
    brand_id: str, campaign_id: str, amount: str, event_id: str, occurred_at: str | None = None
) -> dict[str, str]:
    event = {"event_id": event_id, "brand_id": brand_id, "campaign_id": campaign_id, "amount": amount}
    return event if occurred_at is None else {**event, "occurred_at": occurred_at}


def brand_in(partition: int, partitions: int, name: str) -> str:
    """A brand id that belongs to the partition."""
    return next(it for it in (f"{name}-{n}" for n in range(10_000)) if partition_of(it, partitions) == partition)


@asynccontextmanager
async def open_broker(settings: Settings, **producer_options: Any) -> AsyncIterator[Broker]:
    """Topics, one producer and one reader of everything that the worker writes."""
    await create_topics(settings)
    producer = AIOKafkaProducer(bootstrap_servers=settings.brokers, acks="all", **producer_options)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.brokers,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    watermarks = AIOKafkaConsumer(bootstrap_servers=settings.brokers, isolation_level="read_uncommitted")
    try:
        await producer.start()
        await consumer.start()
        await watermarks.start()
        numbers = range(settings.partitions)
        consumer.assign([TopicPartition(settings.topic(topic), n) for topic in OUTPUTS for n in numbers])
        yield Broker(settings, producer, consumer, watermarks)
    finally:
        await producer.stop()
        await consumer.stop()
        await watermarks.stop()
