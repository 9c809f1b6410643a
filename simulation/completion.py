"""Waits until the controller and the ledger have processed everything on the topics."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Final

from aiokafka import TopicPartition

from core.changelog import Changelog
from ledger.read_topics import READ
from operations.last_records import last_records
from streams.kafka.groups import group_offsets
from streams.kafka.identities import LEDGER_GROUP
from streams.kafka.provision import admin_client
from streams.kafka.reader import TopicReader, topic_reader
from streams.kafka.restore import apply_record
from streams.kafka.topics import INPUTS, Topic
from streams.settings import Settings

__all__ = ["until_applied", "until_stored"]

#: A copy of a misplaced record may become visible a moment after the position that counts its original as applied.
CHECK_SECONDS: Final = 0.5
CHECKS: Final = 2
#: A partition may end in transaction markers: one of so many offsets is a record.
_LAST_OFFSETS: Final = 50


async def until_applied(settings: Settings, patience_seconds: float) -> bool:
    """Wait until the controller has applied all of its inputs; False where it has not within `patience_seconds`."""
    async with topic_reader(settings, Topic.CONTROLLER_STATE) as state:
        changelogs: dict[int, Changelog] = defaultdict(lambda: Changelog(with_event_ids=False))
        return await _until(lambda: _applied(state, changelogs), patience_seconds)


async def until_stored(settings: Settings, patience_seconds: float) -> bool:
    """Wait until the ledger has committed all that it reads; False where it has not within `patience_seconds`."""
    return await _until(lambda: _stored(settings), patience_seconds)


async def _until(is_done: Callable[[], Awaitable[bool]], patience_seconds: float) -> bool:
    """Wait until several checks in a row are true."""
    checks = 0
    try:
        async with asyncio.timeout(patience_seconds):
            while checks < CHECKS:
                checks = checks + 1 if await is_done() else 0
                await asyncio.sleep(CHECK_SECONDS)
    except TimeoutError:
        return False
    return True


async def _applied(state: TopicReader, changelogs: dict[int, Changelog]) -> bool:
    ends = await state.ends_with(INPUTS)
    async for record in state.to_end():
        apply_record(changelogs[record.partition], record)
    parts = {number: changelog.part for number, changelog in changelogs.items()}
    positions = {number: part.positions for number, part in parts.items() if part}
    return all(
        positions.get(partition, {}).get(topic, 0) >= end
        for topic, of_topic in ends.items()
        for partition, end in of_topic.items()
    )


async def _stored(settings: Settings) -> bool:
    """Whether the ledger has committed the offset after the last record, which transaction markers may follow."""
    ends: dict[TopicPartition, int] = {}
    for topic in READ:
        for record in await last_records(settings, topic, at_most=_LAST_OFFSETS):
            part = TopicPartition(record.topic, record.partition)
            ends[part] = max(record.offset + 1, ends.get(part, 0))
    async with admin_client(settings) as admin:
        committed = await group_offsets(admin, settings.topic(LEDGER_GROUP))
    return all(part in committed and committed[part].offset >= end for part, end in ends.items())
