"""The last command of a campaign told again, byte for byte, for a consumer that lost it.

The topic keeps the latest record of a key, and an old command must not become that one for good. So the topic is looked
at before and after: whatever newer command came between is told again behind ours.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

import msgspec
from aiokafka import AIOKafkaProducer

from models.control_log import ControlLog
from streams.core.partitioner import partition_of
from streams.errors import RefusedValue
from streams.kafka_clients import answering, client_options, let_go
from streams.records import decode_command
from streams.settings import Settings
from streams.topic_reader import TopicReader, topic_reader
from streams.topics import Topic

__all__ = ["Resent", "resend"]

_SILENCE_SECONDS: Final = 6.0

#: (epoch, sequence): of two commands of a campaign the higher one holds.
_Rank = tuple[int, int]


class Resent(NamedTuple):
    topic: str
    partition: int
    #: Where it stands now; None when it was only tried out.
    offset: int | None


async def resend(settings: Settings, row: ControlLog, *, dry_run: bool) -> Resent:
    """`row` is the newest of the campaign in the journal. A newer one on the topic is Refused: the ledger is behind."""
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
        async with _producer(settings) as producer:
            while True:
                async with answering(settings, _SILENCE_SECONDS):
                    sent = await producer.send_and_wait(topic, value, key=key, partition=partition)
                newer = await _newest(reader, key)
                if newer is None or newer[0] <= rank:
                    return Resent(topic, partition, sent.offset)
                rank, value = newer


async def _newest(reader: TopicReader, key: bytes) -> tuple[_Rank, bytes] | None:
    """The highest command of a key among what was not read yet."""
    found: tuple[_Rank, bytes] | None = None
    async for record in reader.to_end():
        if record.key == key and record.value is not None:
            try:
                command = decode_command(record.value)
            except msgspec.DecodeError:
                continue
            rank = (command.epoch, command.sequence)
            if found is None or rank >= found[0]:
                found = rank, record.value
    return found


@asynccontextmanager
async def _producer(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(**client_options(settings), acks="all", enable_idempotence=True)
    try:
        async with answering(settings, _SILENCE_SECONDS):
            await producer.start()
        yield producer
    finally:
        await let_go(producer)
