"""Publishes the last command of a campaign again, byte for byte, for a consumer that lost it; or that of all campaigns,
for a topic that was lost.

A compacted topic keeps the last record of a key, which must not stay an old command. So the topic is read before and
after: a newer command that came in between is published again after ours.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

import msgspec

from core.errors import RefusedValue, TooLarge
from core.partitioner import partition_of
from models.tables.control_log import ControlLog
from streams.kafka.clients import unreachable_after
from streams.kafka.codec import decode_command
from streams.kafka.reader import TopicReader, topic_reader
from streams.kafka.sending import NewRecord, RecordSender
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["Resent", "ResentAll", "resend", "resend_all"]

_SILENCE_SECONDS: Final = 6.0
_SENT_AT_ONCE: Final = 1_000

#: (epoch, sequence): of two commands of a campaign the higher one is in force.
_Rank = tuple[int, int]
_NONE: Final[_Rank] = (0, 0)
_ALL: Final[_Rank] = (2**63, 0)


class Resent(NamedTuple):
    topic: str
    partition: int
    #: The offset of the copy; None in a dry run.
    offset: int | None


class ResentAll(NamedTuple):
    topic: str
    #: Campaigns whose last command, or a newer one, was on the topic.
    there: int
    #: Campaigns whose last command was published again, or would be in a dry run.
    sent: int


async def resend(settings: Settings, row: ControlLog, *, dry_run: bool) -> Resent:
    """Publish the command in `row`, the campaign's last one in the journal. Raises RefusedValue where the topic has a
    newer one: the ledger is behind."""
    topic = settings.topic(Topic.CAMPAIGN_CONTROL)
    key, value, rank = row.campaign_id.encode(), bytes(row.value), (row.epoch, row.sequence)
    async with topic_reader(settings, Topic.CAMPAIGN_CONTROL, key=row.campaign_id) as reader:
        newer = await _newest(reader, key)
        if newer is not None and newer[0] > rank:
            raise RefusedValue(
                f"The topic holds a newer command of {row.campaign_id} (sequence {newer[0][1]}) than the journal: "
                "is `spendgate ledger` running? Try again when it has caught up."
            )
        partition = partition_of(row.campaign_id, reader.partition_count)
        if dry_run:
            return Resent(topic, partition, None)
        async with _sender(settings) as sender:
            while True:
                async with unreachable_after(settings, _SILENCE_SECONDS, operation="Write"):
                    sent = await sender.one(NewRecord(topic, partition, key, value))
                newer = await _newest(reader, key)
                if newer is None or newer[0] <= rank:
                    return Resent(topic, partition, sent.offset)
                rank, value = newer


async def resend_all(settings: Settings, rows: Iterable[ControlLog], *, dry_run: bool) -> ResentAll:
    """Publish those of `rows`, the last command of each campaign in the journal, that the topic lacks. Raises TooLarge
    for one that the topic does not take, after all the others are sent."""
    topic, there, ours = settings.topic(Topic.CAMPAIGN_CONTROL), 0, dict[bytes, _Rank]()
    async with topic_reader(settings, Topic.CAMPAIGN_CONTROL) as reader:
        held = {key: rank async for key, rank, _ in _commands(reader)}
        async with _sender(settings) as sender:
            lacking = _Sending(settings, sender, topic, reader.partition_count, dry_run=dry_run)
            for row in rows:
                key, rank = row.campaign_id.encode(), (row.epoch, row.sequence)
                if held.get(key, _NONE) >= rank:
                    there += 1
                    continue
                ours[key] = rank
                await lacking.send(key, bytes(row.value))
            await lacking.finish()
            sent = len(ours)
            while newer := {k: (r, v) async for k, r, v in _commands(reader) if r > ours.get(k, _ALL)}:
                for key, (rank, value) in newer.items():
                    ours[key] = rank
                    await lacking.send(key, value)
                await lacking.finish()
            if lacking.refused:
                raise lacking.refused[0]
    return ResentAll(topic, there, sent)


class _Sending:
    """Sends commands in batches and waits for their acks; does nothing in a dry run."""

    def __init__(self, settings: Settings, sender: RecordSender, topic: str, partitions: int, *, dry_run: bool) -> None:
        self._settings = settings
        self._sender = sender
        self._topic = topic
        self._partitions = partitions
        self._dry_run = dry_run
        self._waiting: list[NewRecord] = []
        #: The errors of commands that the topic does not take; the others are sent nevertheless.
        self.refused: list[TooLarge] = []

    async def send(self, key: bytes, value: bytes) -> None:
        if self._dry_run:
            return
        self._waiting.append(NewRecord(self._topic, partition_of(key.decode(), self._partitions), key, value))
        if len(self._waiting) >= _SENT_AT_ONCE:
            await self.finish()

    async def finish(self) -> None:
        """Return when the broker has everything that it takes. Raises Unreachable for the rest, which the next call
        sends."""
        async with unreachable_after(self._settings, 2 * _SILENCE_SECONDS, operation="Write"):
            outcomes = await self._sender.outcomes(self._waiting)
            failures = [
                (it, why) for it, why in zip(self._waiting, outcomes, strict=True) if isinstance(why, Exception)
            ]
            self.refused += [why for _, why in failures if isinstance(why, TooLarge)]
            self._waiting = [it for it, why in failures if not isinstance(why, TooLarge)]
            for why in (why for _, why in failures if not isinstance(why, TooLarge)):
                raise why


async def _newest(reader: TopicReader, key: bytes) -> tuple[_Rank, bytes] | None:
    """The highest command of a key in the records that were not read yet."""
    found: tuple[_Rank, bytes] | None = None
    async for of, rank, value in _commands(reader):
        if of == key and (found is None or rank >= found[0]):
            found = rank, value
    return found


async def _commands(reader: TopicReader) -> AsyncIterator[tuple[bytes, _Rank, bytes]]:
    """Key, rank and bytes of each command that was not read yet, in the order of the topic."""
    async for record in reader.to_end():
        if record.key is None or record.value is None:
            continue
        try:
            command = decode_command(record.value)
        except msgspec.DecodeError:
            continue
        yield record.key, (command.epoch, command.sequence), record.value


@asynccontextmanager
async def _sender(settings: Settings) -> AsyncIterator[RecordSender]:
    sender = RecordSender(settings, answer_seconds=_SILENCE_SECONDS)
    try:
        async with unreachable_after(settings, _SILENCE_SECONDS):
            await sender.open()
        yield sender
    finally:
        await sender.close()
