"""Kafka to PostgreSQL: each alert and command becomes a delivery of every channel that wants it, in one transaction
with the position that is read next."""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog
from aiokafka import ConsumerRecord

from core.errors import WentBack
from models.queries.channels import serving_channels
from models.queries.deliveries import (
    NewDelivery,
    add_deliveries,
    read_positions,
    save_positions,
)
from models.session import session_scope
from models.threads import in_thread
from notifier.filters import wants
from notifier.messages import Message, UnreadableRecord, alert_message, command_message
from notifier.notifier_metrics import BEHIND, SKIPPED
from streams.kafka.reader import TopicReader, topic_reader
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["READ", "Intake"]

log = structlog.get_logger()

READ: Final = (Topic.BUDGET_ALERTS, Topic.CAMPAIGN_CONTROL)
_AT_ONCE: Final = 2_000
#: How often it looks whether the topic is still the one that it reads.
_CHECK_SECONDS: Final = 5.0


class Intake:
    """Reads one topic and adds deliveries. A record that is no message is counted and skipped; a position is saved with
    the deliveries that the records before it made."""

    def __init__(self, settings: Settings, topic: Topic, turn: asyncio.Lock, added: asyncio.Event) -> None:
        self._settings = settings
        self._topic = topic
        #: One transaction at a time, so that a delivery never becomes visible after one that was added later.
        self._turn = turn
        self._added = added
        self._saved: dict[int, int] = {}
        self.reads = False

    async def run(self) -> None:
        """Read until cancelled, or until the topic was created again. Raises Unreachable and ModelError."""
        try:
            async with topic_reader(self._settings, self._topic) as reader:
                await self._seek(reader)
                self.reads = True
                await self._read(reader)
        except WentBack:
            log.error("database_went_back", topic=self._topic)
        finally:
            self.reads = False

    async def _seek(self, reader: TopicReader) -> None:
        self._saved = await in_thread(self._stored, reader.topic_id)
        starts, ends = await reader.starts(), await reader.ends()
        positions: dict[int, int] = {}
        for partition, start in starts.items():
            position = self._saved.get(partition, start)
            if position < start:
                log.error("records_gone_before_they_were_read", topic=self._topic, partition=partition, offset=position)
            if position > ends[partition]:
                log.error("log_ends_before_what_was_read", topic=self._topic, partition=partition, offset=position)
                position = start  # what was there is in the database, and is not added again
            positions[partition] = max(position, start)
        reader.seek(positions)

    async def _read(self, reader: TopicReader) -> None:
        clock = asyncio.get_running_loop().time
        check_at = clock() + _CHECK_SECONDS
        while True:
            records = await reader.batch()
            for start in range(0, len(records), _AT_ONCE):
                chunk = records[start : start + _AT_ONCE]
                await self._save(reader.topic_id, chunk, {record.partition: record.offset + 1 for record in chunk})
            if clock() >= check_at:
                check_at = clock() + _CHECK_SECONDS
                facts = await reader.facts()
                if facts is None or (facts.topic_id, facts.partitions) != (reader.topic_id, reader.partition_count):
                    log.warning("topic_is_another_one", topic=self._topic)
                    return
                await self._save(reader.topic_id, [], await reader.positions())
                ends = await reader.ends()
                BEHIND.labels(self._topic).set(sum(end - self._saved.get(of, 0) for of, end in ends.items()))

    async def _save(self, topic_id: str, records: Sequence[ConsumerRecord], positions: dict[int, int]) -> None:
        """Save deliveries and positions, which may lie beyond the records: a log may end in offsets without records."""
        positions = {of: at for of, at in positions.items() if self._saved.get(of) != at}
        if not positions:
            return
        messages = [(message, record.timestamp) for record in records if (message := self._message(record))]
        async with self._turn:
            added = await in_thread(self._add, topic_id, positions, messages)
        self._saved |= positions
        if added:
            self._added.set()

    def _add(self, topic_id: str, positions: dict[int, int], messages: list[tuple[Message, int]]) -> int:
        with session_scope(self._settings.database) as session:
            channels = serving_channels(session)
            new = [
                NewDelivery(
                    channel.name, message.message_id, message.source, message.subject, message.brand_id, message.body
                )
                for message, arrived_at in messages
                for channel in channels
                if wants(channel, message, arrived_at)
            ]
            added = add_deliveries(session, new)
            save_positions(session, self._settings.topic(self._topic), topic_id, self._saved, positions)
        return added

    def _stored(self, topic_id: str) -> dict[int, int]:
        with session_scope(self._settings.database) as session:
            return read_positions(session, self._settings.topic(self._topic), topic_id)

    def _message(self, record: ConsumerRecord) -> Message | None:
        try:
            if self._topic is Topic.BUDGET_ALERTS:
                return alert_message(record.value)
            return command_message(record.value)
        except UnreadableRecord as error:
            why = str(error)[:500]
        except Exception as error:  # a defect, which is this record's alone
            why = repr(error)[:500]
        SKIPPED.labels(self._topic).inc()
        log.warning(
            "record_is_no_message", topic=self._topic, partition=record.partition, offset=record.offset, why=why
        )
        return None
