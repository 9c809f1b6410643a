"""Finds partitions of which a topic that a worker reads has no leader, or one that does not answer."""

import asyncio
from collections.abc import Collection
from typing import Final

from streams.kafka.topics import INPUTS, Topic
from streams.settings import Settings
from streams.worker.offset_queries import OffsetQueries

__all__ = ["unanswered"]

#: Nearly always all of them answer one question within milliseconds.
_TOGETHER_SECONDS: Final = 3.0
#: How long each is waited for then, which makes 15 s: a cluster that loses a broker has other leaders by then. Where it
#: says that there is none, nobody is waited for.
_CHECKS: Final = 12
_CHECK_SECONDS: Final = 1.0


async def unanswered(offsets: OffsetQueries, numbers: Collection[int], settings: Settings) -> dict[int, str]:
    """A sentence for each partition of which an input or the state cannot be read now; the others are left out. Raises
    an error of aiokafka that asking again would not mend."""
    topics = (*INPUTS, Topic.CONTROLLER_STATE)
    if not numbers:
        return {}
    try:
        async with asyncio.timeout(_TOGETHER_SECONDS):
            await offsets.high_watermarks(numbers, topics)
            return {}
    except TimeoutError:
        pass
    places = [(topic, number) for number in numbers for topic in topics]
    causes = await asyncio.gather(*(_cause(offsets, topic, number) for topic, number in places))
    return {
        number: _sentence(settings.topic(topic), number, cause)
        for (topic, number), cause in zip(places, causes, strict=True)
        if cause is not None
    }


async def _cause(offsets: OffsetQueries, topic: Topic, number: int) -> str | None:
    asking = asyncio.ensure_future(offsets.end(topic, number, False))
    try:
        for _ in range(_CHECKS):
            if (await asyncio.wait({asking}, timeout=_CHECK_SECONDS))[0]:
                asking.result()
                return None
            if not offsets.has_leader(topic, number):
                return "has no leader"
        return "has a leader that does not answer"
    finally:
        asking.cancel()


def _sentence(topic: str, number: int, cause: str) -> str:
    return (
        f"{topic}, partition {number}, {cause}: start or mend the brokers that have its replicas. Until then partition "
        f"{number} decides nothing; it goes on by itself."
    )
