"""Spend events that snapshots made: published by a flush, and decided only when the worker has read them back."""

import asyncio
from typing import Final

from streams.kafka.topics import Topic
from streams.settings import Settings
from streams.worker.barriers import EndOffset
from streams.worker.fatal import or_end_process
from streams.worker.inbox import Inbox

__all__ = ["DerivedSpend"]

#: The broker has not given the offset yet.
_UNKNOWN: Final = -1


class DerivedSpend:
    """The flushes of a partition whose derived spend is not applied yet; heartbeats must not claim it as decided."""

    def __init__(self, partition: int, inbox: Inbox, settings: Settings, end_offset: EndOffset) -> None:
        self._partition = partition
        self._inbox = inbox
        self._settings = settings
        self._end_offset = end_offset
        self._flushes = 0  # committed so far
        self._ends: dict[int, int] = {}  # number of the flush -> an end of the spend topic behind its derived spend
        self._tasks: set[asyncio.Task[None]] = set()

    def note_flush(self) -> None:
        """The next flush carries derived spend."""
        self._ends[self._flushes] = _UNKNOWN

    def note_committed(self) -> None:
        """A flush is committed, with derived spend or without."""
        self._flushes += 1

    def pending(self) -> list[int]:
        """Flushes whose derived spend is not known to be applied."""
        applied = self._inbox.applied(Topic.SPEND_EVENTS)
        self._ends = {flush: end for flush, end in self._ends.items() if end == _UNKNOWN or end > applied}
        return list(self._ends)

    def __bool__(self) -> bool:
        """Whether any was pending at the last `pending`."""
        return bool(self._ends)

    def find_ends(self) -> None:
        """Ask the broker where the derived spend of the committed flushes ends."""
        task = asyncio.create_task(or_end_process(self._find_ends(), self._settings))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel(self) -> None:
        """Ignore answers that are still to come; `find_ends` asks again."""
        for task in self._tasks:
            task.cancel()

    async def _find_ends(self) -> None:
        committed = [flush for flush, end in self._ends.items() if end == _UNKNOWN and flush < self._flushes]
        end = await self._end_offset(Topic.SPEND_EVENTS, self._partition, False)
        self._ends.update({flush: end for flush in committed if flush in self._ends})
