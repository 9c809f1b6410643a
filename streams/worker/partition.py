"""One owned partition: what it was given is decided, and a transaction writes what was decided."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final, NamedTuple

import structlog
from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaTimeoutError

from core.errors import TransactionLost
from core.guard import StateInDoubt
from core.state import PartitionState
from streams.clock import current_moment
from streams.dead_letters.outbox import Outbox
from streams.kafka.topics import Topic
from streams.settings import Settings, Timestamps
from streams.worker import worker_metrics
from streams.worker.apply import RecordApplier
from streams.worker.applying_order import OrderedApplier
from streams.worker.barriers import Barriers, EndOffset
from streams.worker.committed_writes import CommittedWrites
from streams.worker.delivery import MessageLimit, PartitionDelivery
from streams.worker.derived_spend import DerivedSpend
from streams.worker.fatal import or_end_process
from streams.worker.flush_writes import take_writes
from streams.worker.heartbeat import LONGEST_SILENCE_SECONDS, FindControlEnds, HeartbeatWriter
from streams.worker.inbox import Inbox
from streams.worker.transaction import PartitionWriter
from streams.worker.writes import Write

__all__ = ["BrokerQueries", "OwnedPartition"]

log = structlog.get_logger()

#: How often the event loop goes round before each turn of a midnight or catalog. On its way to a decision a record goes
#: through the loop many times, and so does a flush: with a turn each time they would wait for as many turns.
_ROUNDS_BETWEEN_TURNS: Final = 8

#: Called where the partition must be restored: with the brand about which a decision raised half-way, or None.
OnStateInDoubt = Callable[[str | None], None]


class BrokerQueries(NamedTuple):
    """What a partition asks the brokers."""

    end_offset: EndOffset
    control_ends: FindControlEnds
    message_limit: MessageLimit


class OwnedPartition:
    """State, inbox and writer of one partition, valid as long as the writer is not fenced. `work` decides and `flush`
    writes; each may be called between two steps of the other."""

    def __init__(
        self,
        state: PartitionState,
        writer: PartitionWriter,
        settings: Settings,
        topic_ids: dict[str, str],
        queries: BrokerQueries,
        on_doubt: OnStateInDoubt,
        turns: asyncio.Lock,
    ) -> None:
        self.state = state
        self.inbox = Inbox()
        self.flushed: dict[Topic, int] = {}
        self.delivery = PartitionDelivery(writer, state.partition, settings, queries.message_limit)
        self.suspended = True
        #: The state is half decided, or was lost with its transaction: nothing of it may be written or decided on.
        self.in_doubt = False
        self._has_committed = False
        self._writer = writer
        self._settings = settings
        self._topic_ids = topic_ids
        self._on_doubt = on_doubt
        self._turns = turns  # of all partitions of the process
        self._outbox = Outbox()
        self._find_end_offset = queries.end_offset
        end_offset = self._end_offset_or_restore
        self._barriers = Barriers(state.partition, self.inbox, settings, end_offset, self._work_unless_suspended)
        given_times = settings.timestamps is Timestamps.CREATE
        applier = RecordApplier(state, self._outbox, partitions=settings.partitions, given_times=given_times)
        self._applier = OrderedApplier(state, self.inbox, self._outbox, applier, self._barriers)
        self._derived_spend = DerivedSpend(state.partition, self.inbox, settings, end_offset)
        self._control_topic = settings.topic(Topic.CAMPAIGN_CONTROL)
        self._heartbeat = HeartbeatWriter(state.partition, settings, queries.control_ends)
        self._handing_over: asyncio.Task[None] | None = None
        self._next_turn: asyncio.Task[None] | None = None
        self._flushing = asyncio.Lock()
        self._changed = asyncio.Event()
        self._urgent = asyncio.Event()

    def begin(self, positions: dict[Topic, int], ends: dict[Topic, int]) -> None:
        """(Re)start reading at `positions`, after restore or rebalance."""
        self.inbox.begin(positions, ends)
        self._barriers.clear()
        self._applier.restart()
        self._derived_spend.cancel()
        self.flushed = self.flushed or dict(positions)
        self._heartbeat.restart()
        self.suspended = False
        if self._derived_spend:
            self._derived_spend.find_ends()
        # Resumes that were pending before need a barrier, also where no record follows.
        self.work()

    def receive(self, topic: Topic, records: list[ConsumerRecord], position: int, polled: Mapping[Topic, int]) -> None:
        """Take what one poll brought of a topic and decide all that may be decided; `position` is read next. `polled`
        has the positions of all topics of which the poll has records: none is decided before all of them came."""
        if records:
            self._heartbeat.note_arrival(records[0].timestamp)
        self.inbox.add(topic, records, position)
        self.inbox.expect(polled)
        self.work()

    def watched(self) -> set[Topic]:
        """Topics whose read position somebody waits for."""
        if self.suspended:
            return set()
        derived_spend = {Topic.SPEND_EVENTS} if self._derived_spend else set()
        return {*self.inbox.behind(), *self._barriers.offsets(), *derived_spend}

    def waiting(self) -> tuple[object, ...]:
        """What must change as long as it is not empty: records at hand, questions to the broker, a flush."""
        positions = self.inbox.positions()
        behind = sorted(self.inbox.behind())
        if not (not self.inbox.is_empty() or behind or self.state.pending_resumes or positions != self.flushed):
            return ()
        barriers = self._barriers
        return (
            positions,
            behind,
            barriers.offsets(),
            dict(self.flushed),
            self.delivery.answers,
            self._applier.turns,
            barriers.open_transactions_seen,
        )

    def work(self) -> None:
        """Apply everything that may be applied now, in order, and ask for a flush when there is anything to write."""
        now = current_moment()
        commands_before = len(self.state.commands)
        try:
            while not (self.suspended or self.delivery.stopped.is_set()) and self._applier.apply_next(now):
                if self._applier.turn_is_over:
                    self._work_again_soon()
                    break
        except StateInDoubt as doubt:
            log.warning("state_in_doubt", partition=self.state.partition, brand_id=doubt.brand_id, exc_info=doubt)
            self._restore(doubt.brand_id)
            return
        state = self.state
        if (
            state.alerts
            or state.spend_events
            or self._outbox.records
            or self._applier.waits_for_flush
            or (state.commands and not self._applier.gathers(since=commands_before))
        ):
            self._urgent.set()
            self._changed.set()
        elif state.commands or self.inbox.positions() != self.flushed:
            self._changed.set()

    def _work_unless_suspended(self) -> None:
        if not self.suspended:
            self.work()

    def _work_again_soon(self) -> None:
        """Work on when all else that is ready in the event loop, and what follows from it, has had its turn; and one
        partition after the other."""
        if self._next_turn is None:
            self._next_turn = asyncio.create_task(self._take_turn())

    async def _take_turn(self) -> None:
        async def work() -> None:
            self._work_unless_suspended()

        async with self._turns:
            for _ in range(_ROUNDS_BETWEEN_TURNS):
                await asyncio.sleep(0)
            self._next_turn = None
            await or_end_process(work(), self._settings)

    async def run(self) -> None:
        """Flush commands, alerts and dead letters at once, other changes after the flush interval; or beat."""
        interval = self._settings.flush_interval_seconds
        while True:
            due_in = LONGEST_SILENCE_SECONDS if self.suspended else self._heartbeat.due_in()
            await _set_within(due_in, self._changed)
            if self._changed.is_set():
                await _set_within(min(interval, self._heartbeat.due_in()), self._urgent)
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
            has_derived_spend = bool(self.state.spend_events)
            heartbeat = [] if self.suspended else self._heartbeat.due_writes(with_commands=bool(self.state.commands))
            writes = take_writes(self.state, self._outbox, positions, self._topic_ids, self._settings)
            control_partitions = {it.partition for it in writes if it.topic == self._control_topic}
            with worker_metrics.FLUSH_SECONDS.time():
                committed = await self._deliver(writes + heartbeat)
            if not committed:
                return
            worker_metrics.FLUSHES.inc()
            self._heartbeat.note_committed(control_partitions)
            self._derived_spend.note_committed()
            self.flushed = positions
        if has_derived_spend:
            self._derived_spend.find_ends()
        self.work()  # what had to wait for the flush

    async def _write_heartbeat(self) -> None:
        """A transaction of its own, where nothing else is to be written."""
        async with self._flushing:
            if self.suspended or self.in_doubt or self._changed.is_set():
                return
            self._observe(self.flushed)
            if not (heartbeat := self._heartbeat.due_writes(with_commands=False)):
                return
            if not await self._deliver(heartbeat):
                return
            self._heartbeat.note_committed(())
        self.work()  # what had to wait while it was refused

    async def _deliver(self, writes: list[Write]) -> bool:
        """Whether it is committed; where its transaction is lost, the partition is restored with a new producer.

        Raises TransactionLost where the producer has committed nothing yet, because a new one would fare no better.
        """
        try:
            await self.delivery.deliver(writes)
        except TransactionLost as lost:
            if not self._has_committed:
                raise
            log.error("transaction_lost", partition=self.state.partition, why=str(lost))
            self._restore(None)
            return False
        self._has_committed = True
        return True

    async def _end_offset_or_restore(self, topic: Topic, partition: int, stable: bool) -> int:
        """The end of a topic. Where Kafka does not say it, the partition is restored as soon as it can be read."""
        try:
            return await self._find_end_offset(topic, partition, stable)
        except KafkaTimeoutError as error:
            log.warning("end_unknown", topic=topic, partition=partition, why=repr(error))
            self._restore(None)
            return await asyncio.Future()  # what was to be done with the answer is cancelled with the partition

    def _restore(self, brand_id: str | None) -> None:
        self.suspended = self.in_doubt = True
        self._on_doubt(brand_id)

    def _observe(self, positions: dict[Topic, int]) -> None:
        """Note in the heartbeat how far the partition is decided, at the positions of the flush that now begins."""
        if self.state.spend_events:
            self._derived_spend.note_flush()
        self._heartbeat.observe(self.inbox, positions, [*self._applier.pending, *self._derived_spend.pending()])
        self._show_ages()

    def _show_ages(self) -> None:
        now, number = current_moment(), str(self.state.partition)
        for gauge, since in (
            (worker_metrics.OLDEST_EVENT_ID, self.state.duplicates.reaches_back_to),
            (worker_metrics.RESUMES_AWAITED, self.state.resumes_pending_since),
        ):
            gauge.labels(number).set(0 if since is None else max(0, now - since) / 1000)

    async def hand_over(self) -> None:
        """Decide nothing more and flush. Returns before the flush is committed where the cluster refuses it, so that
        other partitions need not wait: whoever owns the partition next decides again what was not written."""
        self.suspended = True
        if self._handing_over is None or self._handing_over.done():
            self._handing_over = asyncio.create_task(or_end_process(self.flush(), self._settings))
        refused = asyncio.create_task(self.delivery.stopped.wait())
        await asyncio.wait({self._handing_over, refused}, return_when=asyncio.FIRST_COMPLETED)
        refused.cancel()

    def take_committed(self) -> CommittedWrites:
        """What its producer has committed, for the next one of this worker."""
        return self._writer.take_committed()

    async def close(self) -> None:
        self.suspended = True
        self._barriers.clear()
        self._derived_spend.cancel()
        self._heartbeat.close()
        for task in (self._handing_over, self._next_turn):
            if task:
                task.cancel()
        self.delivery.leave()
        for gauge in (worker_metrics.OLDEST_EVENT_ID, worker_metrics.RESUMES_AWAITED):
            with suppress(KeyError):
                gauge.remove(str(self.state.partition))
        await self._writer.close()


async def _set_within(seconds: float, event: asyncio.Event) -> None:
    """Wait until it is set, for so long at most; without the task of its own that asyncio.wait_for starts, by which a
    flush would begin rounds of the event loop later."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
