"""Follows a topic while a program runs: its records at the start, then every record as it is committed.

A follower ends with its first error; `streams.reconnecting` makes the next one, which begins again.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Self

from aiokafka import ConsumerRecord

from core.errors import ConfigurationError, Unreachable
from models.lazy_log import log
from streams.kafka.metadata import TopicFacts
from streams.kafka.reader import TopicReader
from streams.kafka.topics import Topic
from streams.kafka.truncation import Undecodable
from streams.settings import Settings

__all__ = ["FollowedView", "TopicFollower"]

#: How often the broker is asked for the end of the log, and for how long an answer counts.
_CHECK_SECONDS: Final = 1.0
_FRESH_SECONDS: Final = 5.0
#: A broker that has just started may not know of every topic for a moment.
_CHECKS_UNTIL_MISSING: Final = 2


class TopicFollower:
    """Calls `on_record` with each committed record, those of a partition in the order of their offsets.

    `async with` returns when every record that was there is handed over; with `newest`, in each partition only those of
    the last `newest` offsets. A follower never goes back in a partition.

    `on_record` must not block. A record for which it raises, or of a batch that cannot be decoded, is logged and
    skipped, so that one record never stops the others.

    While the broker is away the follower waits, and `is_fresh` is false. `failed` and `wait` raise what ends it:
    ConfigurationError when the topic was deleted, created again or given more partitions (its records then differ from
    those handed over), NotAllowed when Kafka no longer lets us read, Unreachable when the follower is closed.
    """

    def __init__(
        self,
        settings: Settings,
        topic: Topic,
        on_record: Callable[[ConsumerRecord], None],
        *,
        newest: int | None = None,
    ) -> None:
        self._name = settings.topic(topic)
        self._reader = TopicReader(settings, topic)
        self._on_record = on_record
        self._newest = newest
        self._tasks: list[asyncio.Task[None]] = []
        self._complete_at = 0.0

    async def __aenter__(self) -> Self:
        """Raises Unreachable when no broker answers in time, ConfigurationError when the topic is not there."""
        try:
            await self._reader.open()
            if self._newest is not None:
                ends = await self._reader.ends()
                self._reader.seek({number: max(0, end - self._newest) for number, end in ends.items()})
            complete_at = time.monotonic()  # to_end() asks for the end first, and may read for long
            async for record in self._reader.to_end():
                self._hand_over(record)
        except BaseException:
            await self._reader.close()
            raise
        self._complete_at = complete_at
        self._tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._check_forever())]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        try:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            await self._reader.close()

    @property
    def partition_count(self) -> int:
        """How many partitions the topic has; known once it is open."""
        return self._reader.partition_count

    def is_fresh(self) -> bool:
        """Whether every record that was committed until 5 seconds ago has been handed over, by the broker's own
        answers. False while the broker does not answer, and after an error."""
        has_ended = any(task.done() for task in self._tasks)
        return not has_ended and time.monotonic() - self._complete_at < _FRESH_SECONDS

    async def failed(self) -> None:
        """Wait for the error that ends the follower, and raise it."""
        await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        self._raise_failure()

    async def wait(self, event: asyncio.Event) -> None:
        """Wait for an event that `on_record` sets; raise the error that has ended the follower, after which it is never
        set."""
        waiting = asyncio.create_task(event.wait())
        try:
            await asyncio.wait([waiting, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        self._raise_failure()

    def _raise_failure(self) -> None:
        for task in self._tasks:
            if task.cancelled():
                raise Unreachable(f"The topic {self._name} is followed no longer.")
            if task.done():
                task.result()

    async def _follow(self) -> None:
        while True:
            for record in await self._reader.batch():
                self._hand_over(record)

    def _hand_over(self, record: ConsumerRecord) -> None:
        where = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        if isinstance(record.value, Undecodable):
            log.warning("record_skipped", **where, why=record.value.why)
            return
        try:
            self._on_record(record)
        except Exception:
            log.exception("record_skipped", **where)

    async def _check_forever(self) -> None:
        """Ask the broker every second, because without new records an idle topic and a lost broker look the same."""
        misses = 0
        while True:
            asked_at = time.monotonic()
            with suppress(Unreachable, TimeoutError):
                async with asyncio.timeout(_FRESH_SECONDS):
                    facts = await self._reader.facts()
                    misses = misses + 1 if facts is None else 0
                    self._check_same_topic(facts, misses)
                    await self._reader.returned_positions()
                    self._complete_at = asked_at
            # Counted from its start: on a machine so busy that a check takes seconds, its answer counts until the next.
            await asyncio.sleep(asked_at + _CHECK_SECONDS - time.monotonic())

    def _check_same_topic(self, facts: TopicFacts | None, misses: int) -> None:
        if facts is None:
            if misses < _CHECKS_UNTIL_MISSING:
                raise Unreachable
            raise ConfigurationError(f"The topic {self._name} was deleted: run `spendgate topics create`.")
        if facts.topic_id != self._reader.topic_id:
            raise ConfigurationError(f"The topic {self._name} was made anew while it was read.")
        if facts.partitions != self._reader.partition_count:
            raise ConfigurationError(
                f"The topic {self._name} was given {facts.partitions} partitions while it was read."
            )


class FollowedView:
    """The base of what is kept in memory from a followed topic; `async with` follows the topic."""

    def __init__(self, follower: TopicFollower) -> None:
        self._follower = follower

    async def __aenter__(self) -> Self:
        """Return when everything that was written before is known. Raises as `TopicFollower` does."""
        await self._follower.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._follower.__aexit__()

    def is_fresh(self) -> bool:
        """Whether everything written until a few seconds ago is known, see `TopicFollower`."""
        return self._follower.is_fresh()

    async def failed(self) -> None:
        """Wait for the error that ends the follower, and raise it."""
        await self._follower.failed()
