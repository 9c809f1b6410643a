"""One owned partition: its state, what is at hand, and the transaction that writes what was decided."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from aiokafka import ConsumerRecord

from streams import metrics
from streams.core import storage
from streams.core.decide import release_resumes
from streams.core.moment import Moment
from streams.core.partitioner import partition_of
from streams.core.state import Awaited, BrandState, CampaignState, PartitionState
from streams.dead_letters import Outbox
from streams.fatal import or_end_process
from streams.inbox import Inbox
from streams.intake import Intake
from streams.records import encode
from streams.settings import Settings, Timestamps
from streams.topics import INPUTS, Topic
from streams.writer import PartitionWriter, Write

__all__ = ["OwnedPartition"]

_SPEND_ORDER: Final = INPUTS.index(Topic.SPEND_EVENTS)

#: A barrier whose offset the broker has not told yet.
_ASKED: Final = -1

#: Asks the broker for the end offset of a topic in this partition, now.
EndOffset = Callable[[Topic, int], Awaitable[int]]


class OwnedPartition:
    """Valid as long as its writer is not fenced. `work` decides, `flush` writes; both leave the other consistent."""

    def __init__(
        self,
        state: PartitionState,
        writer: PartitionWriter,
        settings: Settings,
        topic_ids: dict[str, str],
        end_offset: EndOffset,
    ) -> None:
        self.state = state
        self.inbox = Inbox()
        self.flushed: dict[Topic, int] = {}
        self._outbox = Outbox()
        self._intake = Intake(
            state,
            self._outbox,
            partitions=settings.partitions,
            given_times=settings.timestamps is Timestamps.CREATE,
        )
        self._writer = writer
        self._settings = settings
        self._topic_ids = topic_ids
        self._end_offset = end_offset
        self._barriers: dict[Topic, int] = {}  # topic -> position at which the question is answered
        self._resumes: list[tuple[BrandState, CampaignState, Awaited]] = []  # that the spend barrier releases
        self._parked: set[Topic] = set()  # whose first record is of a brand that the catalog may yet bring
        self._judging: dict[Topic, int] = {}  # topic -> records below were read before the catalog barrier
        self._judged: dict[Topic, int] = {}  # the same for the barrier that was reached
        self._asking: set[asyncio.Task[None]] = set()
        self._flushing = asyncio.Lock()
        self._changed = asyncio.Event()
        self._urgent = asyncio.Event()
        self.suspended = True

    def begin(self, positions: dict[Topic, int], ends: dict[Topic, int]) -> None:
        """(Re)start reading at `positions`, after restore or rebalance."""
        self.inbox.begin(positions, ends)
        self._barriers.clear()
        self._resumes.clear()
        self._parked.clear()
        self._judged.clear()
        for task in self._asking:
            task.cancel()  # an answer of before would be taken for that to a question of now
        self.flushed = self.flushed or dict(positions)
        self.suspended = False
        # Resumes that were awaited before are to be asked for, also where no record follows.
        self.work()

    def watched(self) -> set[Topic]:
        """Topics whose read position somebody waits for."""
        return set() if self.suspended else {*self.inbox.behind(), *self._barriers}

    def waiting(self) -> tuple[object, ...]:
        """What must move on as long as it is not empty: records at hand, questions to the broker, a flush."""
        positions = self.inbox.positions()
        behind = sorted(self.inbox.behind())
        if not (any(self.inbox.queues.values()) or behind or self.state.awaiting or positions != self.flushed):
            return ()
        return positions, behind, dict(self._barriers), dict(self.flushed)

    def work(self) -> None:
        """Apply everything that may be applied now, lowest arrival first."""
        now = time.time_ns() // 1_000_000
        while not self.suspended:
            self._pass_barriers()
            topic = self._next()
            if topic is None:
                break
            self._apply_run(topic, now)
        self._follow_up()

    async def run(self) -> None:
        """Write at once what was told, and the rest twice a second."""
        while True:
            await self._changed.wait()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._urgent.wait(), self._settings.flush_interval_seconds)
            # A hand-over may have written it meanwhile, and another worker may own the partition by now.
            if self._changed.is_set():
                await self.flush()

    async def flush(self) -> None:
        """One transaction: state, commands, reroutes, dead letters. All of it or nothing."""
        async with self._flushing:
            self._changed.clear()
            self._urgent.clear()
            positions = self.inbox.positions()
            writes = self._writes(positions)
            with metrics.FLUSH_SECONDS.time():
                await self._writer.write(writes)
            metrics.FLUSHES.inc()
            self.flushed = positions

    async def close(self) -> None:
        self.suspended = True
        for task in self._asking:
            task.cancel()
        await self._writer.close()

    def _next(self) -> Topic | None:
        """The topic to take from, or None while all that is at hand must wait."""
        if self.inbox.behind():
            return None
        candidates = {Topic.SPEND_EVENTS} if self.state.awaiting else set(INPUTS)
        if self._parked:
            # Nothing may keep the catalog from answering whether the brand exists.
            candidates = (candidates - self._parked) | {Topic.CATALOG}
        return self.inbox.next_topic(candidates)

    def _apply_run(self, topic: Topic, now: Moment) -> None:
        """Apply records of one topic up to where another's turn comes, or park the topic."""
        queue = self.inbox.queues[topic]
        count = 0
        if topic is Topic.SPEND_EVENTS:
            count = self._apply_spend(queue, now)
        elif self._intake.apply(topic, queue[0], now, judged=queue[0].offset < self._judged.get(topic, 0)):
            queue.popleft()
            count = 1
        else:
            self._park(topic)
        metrics.APPLIED.labels(topic).inc(count)

    def _apply_spend(self, queue: deque[ConsumerRecord], now: Moment) -> int:
        """The hot loop: spend up to the arrival at which another topic's record goes first."""
        until = None if self.state.awaiting else self.inbox.lowest_arrival_besides(Topic.SPEND_EVENTS)
        spend, judged_below = self._intake.spend, self._judged.get(Topic.SPEND_EVENTS, 0)
        awaiting, awaiting_before = self.state.awaiting, len(self.state.awaiting)
        size_before = len(queue)
        while queue:
            record = queue[0]
            if until is not None and (record.timestamp, _SPEND_ORDER) > until:
                break
            if not spend(record, now, record.offset < judged_below):
                self._park(Topic.SPEND_EVENTS)
                break
            queue.popleft()
            if len(awaiting) != awaiting_before:
                break
        return size_before - len(queue)

    def _park(self, topic: Topic) -> None:
        """Wait with the records of an unknown brand until the catalog is applied up to its end as of now."""
        self._parked.add(topic)
        if Topic.CATALOG not in self._barriers:
            self._barriers[Topic.CATALOG] = _ASKED
            self._judging = {topic: self.inbox.read_up_to(topic) for topic in INPUTS}
            self._ask(Topic.CATALOG)

    def _pass_barriers(self) -> None:
        if self._reached(Topic.CATALOG):
            self._judged = self._judging
            self._parked.clear()
        if self._reached(Topic.SPEND_EVENTS):
            release_resumes(self.state, [(b, c) for b, c, awaited in self._resumes if c.awaited is awaited])
            self._resumes = []
        # After the release: what came up while others were awaited needs a question of its own, and at once, because
        # everything but spend waits for it and no record may follow.
        if self.state.awaiting and Topic.SPEND_EVENTS not in self._barriers:
            self._barriers[Topic.SPEND_EVENTS] = _ASKED
            self._resumes = [(b, c, c.awaited) for b, c in self.state.awaiting.values() if c.awaited]
            self._ask(Topic.SPEND_EVENTS)

    def _reached(self, topic: Topic) -> bool:
        barrier = self._barriers.get(topic, _ASKED)
        if barrier == _ASKED or self.inbox.applied(topic) < barrier:
            return False
        del self._barriers[topic]
        return True

    def _ask(self, topic: Topic) -> None:
        task = asyncio.create_task(or_end_process(self._raise_barrier(topic)))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _raise_barrier(self, topic: Topic) -> None:
        end = await self._end_offset(topic, self.state.partition)
        if topic in self._barriers and not self.suspended:
            self._barriers[topic] = end
            self.work()

    def _follow_up(self) -> None:
        """Ask for a flush when there is anything to write."""
        if self.state.commands or self._outbox.records:
            self._urgent.set()
            self._changed.set()
        elif self.inbox.positions() != self.flushed:
            self._changed.set()

    def _writes(self, positions: dict[Topic, int]) -> list[Write]:
        settings, partition = self._settings, self.state.partition
        state_topic = settings.topic(Topic.CONTROLLER_STATE)
        control_topic = settings.topic(Topic.CAMPAIGN_CONTROL)
        commands, self.state.commands = self.state.commands, []
        entries = storage.changes(
            self.state, self._topic_ids, {topic.value: offset for topic, offset in positions.items()}
        )
        writes = [Write(state_topic, partition, key, value) for key, value in entries]
        for command in commands:
            metrics.COMMANDS.labels(command.action).inc()
            key = command.campaign_id
            where = partition_of(key, settings.partitions)
            writes.append(Write(control_topic, where, key.encode(), encode(command)))
        for out in self._outbox.take():
            writes.append(Write(settings.topic(out.topic), out.partition, out.key, out.value, out.headers))
        return writes
