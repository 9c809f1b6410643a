"""One owned partition: its state, what is at hand, and the transaction that writes what was decided."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from typing import Final

import structlog
from aiokafka import ConsumerRecord

from core.emission import release_resumes
from core.guard import StateInDoubt
from core.moment import Moment
from core.partitioner import partition_of
from core.state import BrandState, CampaignState, PartitionState, PendingResume
from core.state_changes import take_changes
from streams.dead_letters.outbox import Outbox, OutgoingRecord
from streams.kafka.codec import encode
from streams.kafka.topics import INPUTS, Topic
from streams.settings import Settings, Timestamps
from streams.worker import worker_metrics
from streams.worker.apply import RecordApplier
from streams.worker.delivery import Delivery, MessageLimit
from streams.worker.fatal import or_end_process
from streams.worker.heartbeat import LONGEST_SILENCE_SECONDS, Heartbeat
from streams.worker.inbox import Inbox
from streams.worker.transaction import PartitionWriter, Write

__all__ = ["OwnedPartition"]

log = structlog.get_logger()

_SPEND_ORDER: Final = INPUTS.index(Topic.SPEND_EVENTS)

#: What may be decided ahead of the broker, so that a flush and its memory are bounded.
_OUTBOX_BYTES: Final = 16 * 1024 * 1024
_COMMANDS: Final = 50_000

#: A barrier whose offset the broker has not told yet.
_ASKED: Final = -1

#: How often a barrier that is not reached is compared with what can be read.
_LOOK_SECONDS: Final = 5.0

#: Asks the broker for the end offset of a topic in this partition, now; True: of what can be read, which ends before
#: the first record of a transaction that is still open.
EndOffset = Callable[[Topic, int, bool], Awaitable[int]]
#: Is told the brand about which a decision failed half-way: the partition must be restored.
Doubt = Callable[[str], None]


class OwnedPartition:
    """Valid as long as its writer is not fenced. `work` decides, `flush` writes; both leave the other consistent."""

    def __init__(
        self,
        state: PartitionState,
        writer: PartitionWriter,
        settings: Settings,
        topic_ids: dict[str, str],
        end_offset: EndOffset,
        message_limit: MessageLimit,
        doubt: Doubt,
    ) -> None:
        self.state = state
        self.inbox = Inbox()
        self.flushed: dict[Topic, int] = {}
        self._outbox = Outbox()
        self._applier = RecordApplier(
            state,
            self._outbox,
            partitions=settings.partitions,
            given_times=settings.timestamps is Timestamps.CREATE,
        )
        self.delivery = Delivery(writer, state.partition, settings, message_limit)
        self._heartbeat = Heartbeat(state.partition, settings)
        self._writer = writer
        self._settings = settings
        self._topic_ids = topic_ids
        self._end_offset = end_offset
        self._doubt = doubt
        self._barriers: dict[Topic, int] = {}  # topic -> position at which the question is answered
        self._resumes: list[tuple[BrandState, CampaignState, PendingResume]] = []  # that the spend barrier releases
        self._parked: set[Topic] = set()  # whose first record is of a brand that the catalog may yet bring
        self._judging: dict[Topic, int] = {}  # topic -> records below were read before the catalog barrier
        self._judged: dict[Topic, int] = {}  # the same for the barrier that was reached
        #: Flushes with spend that was made of totals -> the position of spend behind it; its commands come after that.
        self._made_spend: dict[int, int] = {}
        self._flushes = 0
        self._looks_behind = 0
        self._asking: set[asyncio.Task[None]] = set()
        self._handing_over: asyncio.Task[None] | None = None
        self._flushing = asyncio.Lock()
        self._changed = asyncio.Event()
        self._urgent = asyncio.Event()
        self.suspended = True
        #: The state is half decided: nothing of it may be written or decided on.
        self.in_doubt = False

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
        self._heartbeat.restart()
        self.suspended = False
        if self._made_spend:
            self._ask_behind_made_spend()
        # Resumes that were awaited before are to be asked for, also where no record follows.
        self.work()

    def receive(self, topic: Topic, records: list[ConsumerRecord], position: int) -> None:
        """Take what one poll brought and decide all that may be decided; `position` is read next."""
        if records:
            self._heartbeat.note_arrival(records[0].timestamp)
        self.inbox.add(topic, records, position)
        self.work()

    def watched(self) -> set[Topic]:
        """Topics whose read position somebody waits for."""
        if self.suspended:
            return set()
        made_spend = {Topic.SPEND_EVENTS} if self._made_spend else set()
        return {*self.inbox.behind(), *self._barriers, *made_spend}

    def waiting(self) -> tuple[object, ...]:
        """What must move on as long as it is not empty: records at hand, questions to the broker, a flush."""
        positions = self.inbox.positions()
        behind = sorted(self.inbox.behind())
        if not (not self.inbox.is_empty() or behind or self.state.pending_resumes or positions != self.flushed):
            return ()
        return positions, behind, dict(self._barriers), dict(self.flushed), self.delivery.answers, self._looks_behind

    def work(self) -> None:
        """Apply everything that may be applied now, lowest arrival first."""
        try:
            self._work()
        except StateInDoubt as doubt:
            log.warning("state_in_doubt", partition=self.state.partition, brand_id=doubt.brand_id, exc_info=doubt)
            self.suspended = self.in_doubt = True
            self._doubt(doubt.brand_id)

    async def run(self) -> None:
        """Write at once what was told, the rest twice a second, and a heartbeat where there is nothing to write."""
        interval = self._settings.flush_interval_seconds
        while True:
            with suppress(TimeoutError):
                due_in = LONGEST_SILENCE_SECONDS if self.suspended else self._heartbeat.due_in()
                await asyncio.wait_for(self._changed.wait(), due_in)
            with suppress(TimeoutError):
                if self._changed.is_set():
                    await asyncio.wait_for(self._urgent.wait(), min(interval, self._heartbeat.due_in()))
            # A hand-over may have written it meanwhile, and another worker may own the partition by now.
            if self._changed.is_set():
                await self.flush()
            elif not self.suspended:
                await self._write_heartbeat()

    async def flush(self) -> None:
        """One transaction: state, commands, alerts, reroutes, dead letters. All of it or nothing."""
        async with self._flushing:
            self._changed.clear()
            self._urgent.clear()
            if self.in_doubt:
                return
            positions = self.inbox.positions()
            self._observe(positions)
            has_made_spend = bool(self.state.spend_events)
            heartbeat = [] if self.suspended else self._heartbeat.due_writes(with_commands=bool(self.state.commands))
            writes = self._writes(positions) + heartbeat
            with worker_metrics.FLUSH_SECONDS.time():
                await self.delivery.deliver(writes)
            worker_metrics.FLUSHES.inc()
            self._heartbeat.committed()
            self._flushes += 1
            self.flushed = positions
        if has_made_spend:
            self._ask_behind_made_spend()
        self.work()  # what had to wait for the flush

    async def _write_heartbeat(self) -> None:
        """A transaction of its own, where nothing else is to be written."""
        async with self._flushing:
            if self.suspended or self.in_doubt or self._changed.is_set():
                return
            self._observe(self.flushed)
            if not (heartbeat := self._heartbeat.due_writes(with_commands=False)):
                return
            await self.delivery.deliver(heartbeat)
            self._heartbeat.committed()
        self.work()  # what had to wait while it was refused

    def _observe(self, positions: dict[Topic, int]) -> None:
        if self.state.spend_events:
            self._made_spend[self._flushes] = _ASKED
        read = self.inbox.applied(Topic.SPEND_EVENTS)
        self._made_spend = {number: at for number, at in self._made_spend.items() if at == _ASKED or at > read}
        resumes: list[Hashable] = [
            (brand.brand_id, campaign.campaign_id, campaign.pending_resume)
            for brand, campaign in self.state.pending_resumes.values()
        ]
        self._heartbeat.observe(self.inbox, positions, [*resumes, *self._made_spend])

    def _ask_behind_made_spend(self) -> None:
        """Of the flushes that are committed."""
        asking = asyncio.create_task(or_end_process(self._find_behind_made_spend(), self._settings))
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)

    async def _find_behind_made_spend(self) -> None:
        committed = [number for number, at in self._made_spend.items() if at == _ASKED and number < self._flushes]
        end = await self._end_offset(Topic.SPEND_EVENTS, self.state.partition, False)
        self._made_spend.update({number: end for number in committed if number in self._made_spend})

    async def hand_over(self) -> None:
        """Decide nothing more and write what is decided, unless that is in the way of the other partitions: where the
        flush is refused, whoever owns the partition next decides again what was not written."""
        self.suspended = True
        if self._handing_over is None or self._handing_over.done():
            self._handing_over = asyncio.create_task(or_end_process(self.flush(), self._settings))
        refused = asyncio.create_task(self.delivery.stopped.wait())
        await asyncio.wait({self._handing_over, refused}, return_when=asyncio.FIRST_COMPLETED)
        refused.cancel()

    async def close(self) -> None:
        self.suspended = True
        for task in (*self._asking, self._handing_over):
            if task:
                task.cancel()
        self.delivery.leave()
        await self._writer.close()

    def _work(self) -> None:
        now = time.time_ns() // 1_000_000
        while not (self.suspended or self._full()):
            self._pass_barriers()
            topic = self._next()
            if topic is None:
                break
            self._apply_run(topic, now)
        self._follow_up()

    def _full(self) -> bool:
        """Nothing more is decided before the next flush is through."""
        return (
            self.delivery.stopped.is_set()
            or self._outbox.size > _OUTBOX_BYTES
            or len(self.state.commands) > _COMMANDS
            or len(self.state.alerts) > _COMMANDS
            or len(self.state.spend_events) > _COMMANDS
        )

    def _next(self) -> Topic | None:
        """The topic to take from, or None while all that is at hand must wait."""
        if self.inbox.behind():
            return None
        candidates = set(INPUTS)
        if self.state.pending_resumes and not self._goes_before_resumes(self.inbox.next_topic(INPUTS)):
            candidates = {Topic.SPEND_EVENTS}
        if self._parked:
            # Nothing may keep the catalog from answering whether the brand exists.
            candidates = (candidates - self._parked) | {Topic.CATALOG}
        return self.inbox.next_topic(candidates)

    def _goes_before_resumes(self, topic: Topic | None) -> bool:
        """Whether the topic's first record is a document that may be applied while resumes are pending.

        The first state of a campaign mostly is such a resume. With a question to the broker for each of them a catalog
        of a million campaigns takes minutes; so all that are at hand are applied, and one question is for all.
        """
        if topic is not Topic.CATALOG:
            return False
        return self._applier.leaves_pending_resumes(next(self.inbox.at_hand(topic)))

    def _spend_ends_at(self) -> tuple[Moment, int] | None:
        """Arrival and order of the record before which alone spend may be applied; None where all of it may."""
        others = [topic for topic in INPUTS if topic is not Topic.SPEND_EVENTS]
        if self.state.pending_resumes and not self._goes_before_resumes(self.inbox.next_topic(others)):
            return None
        return self.inbox.lowest_arrival_besides(Topic.SPEND_EVENTS)

    def _apply_run(self, topic: Topic, now: Moment) -> None:
        """Apply records of one topic up to where another's turn comes, or park the topic."""
        count = self._apply_spend(now) if topic is Topic.SPEND_EVENTS else self._apply_first(topic, now)
        worker_metrics.APPLIED.labels(topic).inc(count)

    def _apply_first(self, topic: Topic, now: Moment) -> int:
        record = next(self.inbox.at_hand(topic))
        if not self._applier.apply(topic, record, now, judged=record.offset < self._judged.get(topic, 0)):
            self._park(topic)
            return 0
        self.inbox.drop(topic, 1)
        return 1

    def _apply_spend(self, now: Moment) -> int:
        """The hot loop: spend up to the arrival at which another topic's record goes first."""
        until = self._spend_ends_at()
        spend, judged_below = self._applier.spend, self._judged.get(Topic.SPEND_EVENTS, 0)
        awaiting, awaiting_before = self.state.pending_resumes, len(self.state.pending_resumes)
        count = 0
        try:
            for record in self.inbox.at_hand(Topic.SPEND_EVENTS):
                if until is not None and (record.timestamp, _SPEND_ORDER) > until:
                    break
                if not spend(record, now, record.offset < judged_below):
                    self._park(Topic.SPEND_EVENTS)
                    break
                count += 1
                if len(awaiting) != awaiting_before:
                    break
        finally:
            self.inbox.drop(Topic.SPEND_EVENTS, count)
        return count

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
            due = [(b, c) for b, c, awaited in self._resumes if c.pending_resume is awaited]
            self._resumes = []
            for cause, failure in release_resumes(self.state, due):
                self._applier.note_undecidable(cause.topic, cause.offset, failure)
        # After the release: what came up while others were awaited needs a question of its own, and at once, because
        # everything but spend waits for it and no record may follow.
        if self.state.pending_resumes and Topic.SPEND_EVENTS not in self._barriers:
            self._barriers[Topic.SPEND_EVENTS] = _ASKED
            self._resumes = [
                (b, c, c.pending_resume) for b, c in self.state.pending_resumes.values() if c.pending_resume
            ]
            self._ask(Topic.SPEND_EVENTS)

    def _reached(self, topic: Topic) -> bool:
        barrier = self._barriers.get(topic, _ASKED)
        if barrier == _ASKED or self.inbox.applied(topic) < barrier:
            return False
        del self._barriers[topic]
        return True

    def _ask(self, topic: Topic) -> None:
        task = asyncio.create_task(or_end_process(self._raise_barrier(topic), self._settings))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _raise_barrier(self, topic: Topic) -> None:
        """What is acknowledged counts, also where somebody's open transaction hides it for now."""
        end = await self._end_offset(topic, self.state.partition, False)
        if topic not in self._barriers or self.suspended:
            return
        self._barriers[topic] = end
        self.work()
        while self._barriers.get(topic) == end:
            await asyncio.sleep(_LOOK_SECONDS)
            await self._look_behind(topic, end)

    async def _look_behind(self, topic: Topic, end: int) -> None:
        """A wait for the end of somebody's transaction is no standstill: the broker ends it in time, a restart of
        this process does not."""
        readable = await self._end_offset(topic, self.state.partition, True)
        if self._barriers.get(topic) == end and self.inbox.read_up_to(topic) >= readable < end:
            self._looks_behind += 1
            partition = self.state.partition
            log.warning("waits_for_open_transaction", topic=topic, partition=partition, offset=readable, end=end)

    def _follow_up(self) -> None:
        """Ask for a flush when there is anything to write."""
        if self.state.commands or self.state.alerts or self.state.spend_events or self._outbox.records:
            self._urgent.set()
            self._changed.set()
        elif self.inbox.positions() != self.flushed:
            self._changed.set()

    def _writes(self, positions: dict[Topic, int]) -> list[Write]:
        settings, partition = self._settings, self.state.partition
        state_topic = settings.topic(Topic.CONTROLLER_STATE)
        control_topic = settings.topic(Topic.CAMPAIGN_CONTROL)
        commands, self.state.commands = self.state.commands, []
        entries = take_changes(
            self.state, self._topic_ids, {topic.value: offset for topic, offset in positions.items()}
        )
        writes = [Write(state_topic, partition, key, value) for key, value in entries]
        for command in commands:
            worker_metrics.COMMANDS.labels(command.action).inc()
            key = command.campaign_id
            where = partition_of(key, settings.partitions)
            writes.append(Write(control_topic, where, key.encode(), encode(command)))
        alerts_topic = settings.topic(Topic.BUDGET_ALERTS)
        for alert in self.state.alerts:
            worker_metrics.ALERTS.labels(alert.kind, alert.state).inc()
            writes.append(Write(alerts_topic, partition, alert.brand_id.encode(), encode(alert)))
        self.state.alerts.clear()
        for event, arrival in self.state.spend_events:
            self._outbox.spend(partition, event.brand_id, encode(event), arrival)
        self.state.spend_events.clear()
        for out in self._outbox.take():
            writes.append(self._write(out))
        return writes

    def _write(self, out: OutgoingRecord) -> Write:
        instead = self._write(out.instead) if out.instead else None
        return Write(self._settings.topic(out.topic), out.partition, out.key, out.value, out.headers, instead)
