"""Finds topic partitions that have no leader, or one that does not answer, and who must wait for them."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final, TypeVar

import structlog
from aiokafka.errors import KafkaError

from core.errors import Unreachable
from streams.settings import Settings
from streams.worker.offset_queries import NO_LEADER, OffsetQueries, Place
from streams.worker.unrestored import WhyNot

__all__ = ["ask_of_answering", "silent_places", "unanswered", "why_silent"]

log = structlog.get_logger()

#: Nearly always all of them answer one question within milliseconds.
_TOGETHER_SECONDS: Final = 3.0
#: How long each is waited for then, which makes 15 s: a cluster that loses a broker has other leaders by then. Where it
#: says that there is none, nobody is waited for.
_CHECKS: Final = 12
_CHECK_SECONDS: Final = 1.0

_Answer = TypeVar("_Answer")


async def unanswered(
    offsets: OffsetQueries, needed: Mapping[int, Collection[Place]], settings: Settings
) -> dict[int, WhyNot]:
    """Why not, for each partition that needs what cannot be read now; the others are left out. Raises an error of
    aiokafka that asking again would not mend."""
    silent = await silent_places(offsets, {place for places in needed.values() for place in places})
    return why_silent(needed, silent, settings)


async def ask_of_answering(
    numbers: Collection[int],
    ask: Callable[[list[int]], Awaitable[_Answer]],
    find_silent: Callable[[list[int]], Awaitable[dict[int, WhyNot]]],
) -> tuple[_Answer | None, dict[int, WhyNot]]:
    """What `ask` returns of those of the partitions that go on answering meanwhile, None where there are none; and why
    not, for the others. Raises an error of Kafka that comes again although all of them answer."""
    why_not: dict[int, WhyNot] = {}
    is_again = False
    while left := [number for number in numbers if number not in why_not]:
        try:
            return await ask(left), why_not
        except (KafkaError, Unreachable) as error:
            log.warning("partitions_asked_again", partitions=left, why=repr(error))
            silent = await find_silent(left)
            if is_again and not silent:
                raise
            is_again = not silent
            why_not |= silent
    return None, why_not


def why_silent(
    needed: Mapping[int, Collection[Place]], silent: Mapping[Place, str], settings: Settings
) -> dict[int, WhyNot]:
    """Why not, for each partition that needs one of the silent places, which have a clause that says why."""
    lacking = {number: silent.keys() & places for number, places in needed.items()}
    return {
        number: WhyNot(_sentence(min(places), silent, settings), frozenset(places))
        for number, places in lacking.items()
        if places
    }


def _sentence(place: Place, silent: Mapping[Place, str], settings: Settings) -> str:
    topic, number = place
    return (
        f"{settings.topic(topic)}, partition {number}, {silent[place]}: start or mend the brokers that have its "
        "replicas."
    )


async def silent_places(offsets: OffsetQueries, places: Collection[Place]) -> dict[Place, str]:
    """Those of the places that cannot be read now, each with a clause that says why. Raises as `unanswered` does."""
    if not places:
        return {}
    try:
        async with asyncio.timeout(_TOGETHER_SECONDS):
            await offsets.high_watermarks(places)
            return {}
    except TimeoutError:
        pass
    causes = await asyncio.gather(*(_cause(offsets, place) for place in places))
    return {place: cause for place, cause in zip(places, causes, strict=True) if cause is not None}


async def _cause(offsets: OffsetQueries, place: Place) -> str | None:
    asking = asyncio.ensure_future(offsets.end(*place, False))
    try:
        for _ in range(_CHECKS):
            if (await asyncio.wait({asking}, timeout=_CHECK_SECONDS))[0]:
                asking.result()
                return None
            if offsets.leader(place) == NO_LEADER:
                return "has no leader"
        known = offsets.leader(place) is not None
        return "has a leader that does not answer" if known else "is known to no broker that answers"
    finally:
        asking.cancel()
