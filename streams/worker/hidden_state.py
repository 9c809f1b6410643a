"""Finds partitions whose state a transaction hides that is neither committed nor aborted."""

import asyncio
from collections.abc import Collection
from time import monotonic
from typing import Final

from streams.kafka.topics import Topic
from streams.settings import Settings
from streams.worker.offset_queries import OffsetQueries

__all__ = ["hidden_state", "hidden_state_sentence"]

_ASK_AGAIN_SECONDS: Final = 0.1


async def hidden_state(offsets: OffsetQueries, numbers: Collection[int], patience_seconds: float) -> dict[int, int]:
    """By partition, the offset of the first record of its state that cannot be read; partitions without one are left
    out. Transactions that are open when this is called are given `patience_seconds` to end. Raises an error of aiokafka
    where a partition has no leader."""
    ends = await offsets.state_ends(numbers, stable=False)
    until = monotonic() + patience_seconds
    while True:
        stable = await offsets.state_ends(ends, stable=True)
        hidden = {number: stable[number] for number, end in ends.items() if stable[number] < end}
        if not hidden or monotonic() >= until:
            return hidden
        await asyncio.sleep(_ASK_AGAIN_SECONDS)


def hidden_state_sentence(number: int, offset: int, settings: Settings) -> str:
    """A sentence that says what hides the partition's state, and what to do."""
    return (
        f"{settings.topic(Topic.CONTROLLER_STATE)}, partition {number}, has records from offset {offset} on in a "
        "transaction that is neither committed nor aborted, and what they say is not known: "
        'docs/disaster-recovery.md, "A transaction that does not end", has the steps that end it.'
    )
