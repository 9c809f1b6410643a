"""Finds topic partitions that have no leader, or one that does not answer, and who must wait for them."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final, TypeVar

import structlog
from aiokafka.errors import KafkaError

from core.errors import Unreachable
from streams.settings import Settings
from streams.worker.offset_queries import NO_LEADER, OffsetQueries, TopicAndPartition
from streams.worker.unrestored import Obstacle

__all__ = ["ask_those_that_answer", "obstacles_of", "silent_partitions", "unanswered"]

log = structlog.get_logger()

#: Nearly always all of them answer one question within milliseconds.
_TOGETHER_SECONDS: Final = 3.0
#: How long each is waited for then, which makes 15 s: a cluster that loses a broker has other leaders by then. Where it
#: says that there is none, nobody is waited for.
_CHECKS: Final = 12
_CHECK_SECONDS: Final = 1.0

_Answer = TypeVar("_Answer")


async def unanswered(
    offsets: OffsetQueries, needed: Mapping[int, Collection[TopicAndPartition]], settings: Settings
) -> dict[int, Obstacle]:
    """The obstacle of each partition that needs what cannot be read now; others are left out. Raises an error of
    aiokafka that asking again would not mend."""
    silent = await silent_partitions(offsets, set().union(*needed.values()))
    return obstacles_of(needed, silent, settings)


async def ask_those_that_answer(
    numbers: Collection[int],
    ask: Callable[[list[int]], Awaitable[_Answer]],
    find_silent: Callable[[list[int]], Awaitable[dict[int, Obstacle]]],
) -> tuple[_Answer | None, dict[int, Obstacle]]:
    """What `ask` returns of those of the partitions that go on answering meanwhile, None where there are none; and the
    obstacle of each other one. Raises an error of Kafka that comes again although all of them answer."""
    obstacles: dict[int, Obstacle] = {}
    is_again = False
    while left := [number for number in numbers if number not in obstacles]:
        try:
            return await ask(left), obstacles
        except (KafkaError, Unreachable) as error:
            log.warning("partitions_asked_again", partitions=left, why=repr(error))
            silent = await find_silent(left)
            if is_again and not silent:
                raise
            is_again = not silent
            obstacles |= silent
    return None, obstacles


def obstacles_of(
    needed: Mapping[int, Collection[TopicAndPartition]], silent: Mapping[TopicAndPartition, str], settings: Settings
) -> dict[int, Obstacle]:
    """The obstacle of each partition that needs one of the silent ones, which have a clause that says why."""
    lacking = {number: silent.keys() & topic_partitions for number, topic_partitions in needed.items()}
    return {
        number: Obstacle(_sentence(min(topic_partitions), silent, settings), frozenset(topic_partitions))
        for number, topic_partitions in lacking.items()
        if topic_partitions
    }


def _sentence(topic_partition: TopicAndPartition, silent: Mapping[TopicAndPartition, str], settings: Settings) -> str:
    topic, number = topic_partition
    return (
        f"{settings.topic(topic)}, partition {number}, {silent[topic_partition]}: start or mend the brokers that have "
        "its replicas."
    )


async def silent_partitions(
    offsets: OffsetQueries, topic_partitions: Collection[TopicAndPartition]
) -> dict[TopicAndPartition, str]:
    """Those that cannot be read now, each with a clause that says why. Raises as `unanswered` does."""
    if not topic_partitions:
        return {}
    try:
        async with asyncio.timeout(_TOGETHER_SECONDS):
            await offsets.high_watermarks(topic_partitions)
            return {}
    except TimeoutError:
        pass
    causes = await asyncio.gather(*(_cause(offsets, topic_partition) for topic_partition in topic_partitions))
    return {
        topic_partition: cause
        for topic_partition, cause in zip(topic_partitions, causes, strict=True)
        if cause is not None
    }


async def _cause(offsets: OffsetQueries, topic_partition: TopicAndPartition) -> str | None:
    asking = asyncio.ensure_future(offsets.end(*topic_partition, False))
    try:
        for _ in range(_CHECKS):
            if (await asyncio.wait({asking}, timeout=_CHECK_SECONDS))[0]:
                asking.result()
                return None
            if offsets.leader(topic_partition) == NO_LEADER:
                return "has no leader"
        known = offsets.leader(topic_partition) is not None
        return "has a leader that does not answer" if known else "is known to no broker that answers"
    finally:
        asking.cancel()
