"""Barriers: ends of topics, asked from the broker, that a partition must apply a topic up to before it goes on."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from streams.kafka.topics import Topic
from streams.settings import Settings
from streams.worker.fatal import or_end_process
from streams.worker.inbox import Inbox

__all__ = ["Barriers", "EndOffset"]

log = structlog.get_logger()

#: The broker has not answered yet.
_UNKNOWN: Final = -1

#: How often a barrier that is not reached is compared with what can be read.
_CHECK_SECONDS: Final = 5.0

#: Asks the broker for the end offset of a topic in a partition, as of the call. True: the last stable offset, which
#: is before the first record of an open transaction; False: the high watermark.
EndOffset = Callable[[Topic, int, bool], Awaitable[int]]


class Barriers:
    """At most one barrier a topic. `on_known` is called when the broker has given the offset of one."""

    def __init__(
        self,
        partition: int,
        inbox: Inbox,
        settings: Settings,
        end_offset: EndOffset,
        on_known: Callable[[], None],
    ) -> None:
        #: How often a barrier that is not reached was found to be behind an open transaction.
        self.open_transactions_seen = 0
        self._partition = partition
        self._inbox = inbox
        self._settings = settings
        self._end_offset = end_offset
        self._on_known = on_known
        self._offsets: dict[Topic, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __contains__(self, topic: Topic) -> bool:
        return topic in self._offsets

    def offsets(self) -> dict[Topic, int]:
        """The barriers that are not reached; -1 where the broker has not answered yet."""
        return dict(self._offsets)

    def raise_at_end(self, topic: Topic) -> None:
        """Set the topic's barrier to its high watermark, as the broker gives it after this call."""
        self._offsets[topic] = _UNKNOWN
        task = asyncio.create_task(self._ask_or_end(topic))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def take_reached(self, topic: Topic) -> bool:
        """Whether the topic has a barrier and is applied up to it; if so, the barrier is removed."""
        offset = self._offsets.get(topic, _UNKNOWN)
        if offset == _UNKNOWN or self._inbox.applied(topic) < offset:
            return False
        del self._offsets[topic]
        return True

    def clear(self) -> None:
        """Remove all barriers, and cancel the questions that are not answered yet."""
        self._offsets.clear()
        for task in self._tasks:
            task.cancel()

    async def _ask_or_end(self, topic: Topic) -> None:
        await or_end_process(self._ask(topic), self._settings)

    async def _ask(self, topic: Topic) -> None:
        # The high watermark, because records that an open transaction hides for now were acknowledged before the cause.
        end = await self._end_offset(topic, self._partition, False)
        if topic not in self._offsets:
            return
        self._offsets[topic] = end
        self._on_known()
        while self._offsets.get(topic) == end:
            await asyncio.sleep(_CHECK_SECONDS)
            await self._check_for_open_transaction(topic, end)

    async def _check_for_open_transaction(self, topic: Topic, end: int) -> None:
        """Count a check in which an open transaction hides the rest. Such a wait is no standstill: the broker ends the
        transaction in time, which a restart of this process would not."""
        readable = await self._end_offset(topic, self._partition, True)
        if self._offsets.get(topic) == end and self._inbox.read_up_to(topic) >= readable < end:
            self.open_transactions_seen += 1
            partition = self._partition
            log.warning("waits_for_open_transaction", topic=topic, partition=partition, offset=readable, end=end)
