"""Knowing that the controller and the ledger are through with everything that lies on the topics."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from aiokafka import TopicPartition

from console.operations.last_records import last_records
from streams.core.storage import decode_part
from streams.ledger.ledger import GROUP, READ
from streams.provision import admin_client
from streams.settings import Settings
from streams.topic_reader import TopicReader, topic_reader
from streams.topics import INPUTS, Topic

__all__ = ["until_applied", "until_kept"]

#: A copy of a misplaced record may become visible a moment after what tells that its original is dealt with.
LOOK_SECONDS: Final = 0.5
LOOKS: Final = 2
#: A partition may end in marks of transactions: one of so many is a record.
LOOK_BACK: Final = 50


async def until_applied(settings: Settings, patience_seconds: float) -> bool:
    """Whether the controller applied all of its inputs in that time."""
    async with topic_reader(settings, Topic.CONTROLLER_STATE) as state:
        positions: dict[int, dict[str, int]] = {}
        return await _until(lambda: _applied(state, positions), patience_seconds)


async def until_kept(settings: Settings, patience_seconds: float) -> bool:
    """Whether the ledger committed all that it reads in that time."""
    return await _until(lambda: _kept(settings), patience_seconds)


async def _until(is_done: Callable[[], Awaitable[bool]], patience_seconds: float) -> bool:
    """Some looks one after the other must say so."""
    looks = 0
    try:
        async with asyncio.timeout(patience_seconds):
            while looks < LOOKS:
                looks = looks + 1 if await is_done() else 0
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        return False
    return True


async def _applied(state: TopicReader, positions: dict[int, dict[str, int]]) -> bool:
    ends = await state.ends_beside(INPUTS)
    async for record in state.to_end():
        if record.key == b"part":
            positions[record.partition] = decode_part(record.value).positions
    return all(
        positions.get(partition, {}).get(topic, 0) >= end
        for topic, of_topic in ends.items()
        for partition, end in of_topic.items()
    )


async def _kept(settings: Settings) -> bool:
    """What is committed is the offset after a record, and a log may go on with marks of transactions."""
    ends: dict[TopicPartition, int] = {}
    for topic in READ:
        for record in await last_records(settings, topic, at_most=LOOK_BACK):
            part = TopicPartition(record.topic, record.partition)
            ends[part] = max(record.offset + 1, ends.get(part, 0))
    async with admin_client(settings) as admin:
        committed = await admin.list_consumer_group_offsets(settings.topic(GROUP))
    return all(part in committed and committed[part].offset >= end for part, end in ends.items())
