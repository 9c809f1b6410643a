"""A Faust transport that hands over one message per partition and poll, and starts where the table says.

Faust's own consumer makes a message of every record and keeps book of every ack; that alone costs more than all of the
deciding. Here a message is a `Chunk`: the records of one poll of one partition. What was applied is known to the table,
so commits come from there and Faust's acks are not used.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol, cast

import aiokafka
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.subscription_state import Assignment
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    IllegalStateError,
    KafkaError,
    TopicAuthorizationFailedError,
)
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from typing_extensions import override

from core.moment import Moment
from streams.kafka.failures import reason
from streams.settings import Settings
from streams.worker.fatal import end_process

__all__ = ["BatchConsumer", "BatchTransport", "Chunk", "PartitionPositions"]

#: How long a poll waits when somebody wants to know how far a partition was read although no record comes.
_WATCHED_POLL_SECONDS = 0.05
#: How long any poll waits: heartbeats are to know how far is read also where nothing comes.
_POLL_SECONDS = 0.25


class Chunk(NamedTuple):
    """The records of one poll of one topic partition, possibly none."""

    topic: str
    partition: int
    records: list[aiokafka.ConsumerRecord]
    position: int  # offset that is read next; beyond the last record where transaction markers follow
    session: int  # grows with every seek; a chunk read before the latest seek is void


class Whole(NamedTuple):
    """Of a topic partition: the records below `offset` are all that it had when a fetch was sent at `sent_at`."""

    offset: int  # beyond the last record that was handed over
    sent_at: Moment


class _Polled(dict[TP, list[aiokafka.ConsumerRecord]]):
    """The records of one poll, and the partitions that had no more, each with the moment at which it was asked."""

    whole: dict[TP, Moment]


class PartitionPositions(Protocol):
    """What the consumer asks of the table."""

    #: How many polls have begun.
    polls: int
    #: Goes with each committed offset.
    commit_note: str

    async def take_over(self, assigned: set[TP]) -> Mapping[TP, int] | None:
        """Own exactly these partitions; returns the offset to read each from, or None when the worker is ending."""

    async def hand_over(self) -> None:
        """Partitions may be lost next: write what is decided, forget what is merely at hand."""

    def committable(self) -> Mapping[TP, int]:
        """Applied and flushed offsets, for consumer lag and nothing else."""

    def read_positions(self) -> Mapping[TP, int]:
        """Offsets below which every record was delivered to the table."""

    def note_whole(self, whole: Mapping[TP, Whole]) -> None:
        """What the broker had is read, or is among the chunks that are delivered next."""

    def full(self) -> set[TP]:
        """Partitions of which enough is at hand that cannot be applied yet."""

    def watched(self) -> set[TP]:
        """Partitions of which a position is awaited even when it brings no record."""


class BatchConsumer(driver.Consumer):  # type: ignore[misc]
    """Delivers chunks and takes every offset from the table."""

    session: int = 0
    #: Every partition is read from where the table stands.
    _positioned: bool = False
    #: Records were taken from the broker's client and not delivered: they must be read again.
    _dropped: bool = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._delivered: dict[TP, int] = {}

    @property
    def _positions(self) -> PartitionPositions:
        return cast(PartitionPositions, self.app.table)

    @override
    def _new_consumer_thread(self) -> "_ConsumerThread":
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    @override
    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        self._positions.polls += 1
        # Here a poll waits for a rebalance to end; the session that it reads for begins only then.
        if not self.flow_active:
            await self.wait(self.can_resume_flow)
        if not (self._positioned or await self._owns_nothing()):
            return
        if self._dropped and not await self._read_again():
            return
        session = self.session
        watched = self._positions.watched()
        records, active = await self._next_records(_WATCHED_POLL_SECONDS if watched else min(timeout, _POLL_SECONDS))
        if records is None or self.should_stop:
            return
        if self.flow_active and session == self.session and isinstance(records, _Polled):
            self._note_whole(records)
        for chunk in self._chunks(records, watched & (active or set())):
            if not self.flow_active or session != self.session:
                # Nobody knows whether they were read before the seek or after it.
                self._dropped = True
                return
            yield self._message(chunk)

    def read_again(self) -> None:
        """What is under way is void: read on from where the table stands."""
        self.session += 1
        self._dropped = True

    async def _next_records(self, timeout: float) -> tuple[Mapping[TP, list[Any]] | None, set[TP] | None]:  # noqa: ASYNC109
        try:
            records, active = await self._wait_next_records(timeout)
        except KafkaError as error:
            if self.should_stop:
                return None, None
            end_process(f"the broker's client gave up: {reason(error, self.app.settings)}")
        return records, active

    @override
    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Mapping[TP, list[Any]]:
        full = self._positions.full()
        if full and active_partitions:
            active_partitions = active_partitions - full
            if not active_partitions:  # the client would take it for all of them
                await asyncio.sleep(timeout)
                return {}
        records: Mapping[TP, list[Any]] = await super()._getmany(active_partitions, timeout)
        return records

    def _note_whole(self, polled: _Polled) -> None:
        for tp, records in polled.items():
            self._delivered[tp] = records[-1].offset + 1
        self._positions.note_whole({tp: Whole(self._delivered.get(tp, 0), at) for tp, at in polled.whole.items()})

    async def _owns_nothing(self) -> bool:
        """Faust seeks only where something is assigned, and reads on after a seek that took it too long: then nobody
        knows where from, and nothing may be read before the next one."""
        if self.assignment():
            await asyncio.sleep(_WATCHED_POLL_SECONDS)
        else:
            self._positioned = await self._positions.take_over(set()) is not None
        return self._positioned

    async def _read_again(self) -> bool:
        """Seek to where the table has everything below; False when a rebalance comes in between."""
        session, assigned = self.session, self.assignment()
        positions = {tp: offset for tp, offset in self._positions.read_positions().items() if tp in assigned}
        try:
            await self.seek_wait(positions)
        except IllegalStateError:  # lost meanwhile: the rebalance seeks
            return False
        self._read_offset.clear()
        self._dropped = session != self.session
        return not self._dropped

    def _chunks(self, records: Mapping[TP, list[Any]], watched: set[TP]) -> Iterator[Chunk]:
        for tp, batch in records.items():
            yield Chunk(tp.topic, tp.partition, batch, self._read_position(tp) or batch[-1].offset + 1, self.session)
        for tp in watched:
            position = None if tp in records else self._read_position(tp)
            if position is not None:
                yield Chunk(tp.topic, tp.partition, [], position, self.session)

    def _message(self, chunk: Chunk) -> tuple[TP, ConsumerMessage]:
        tp = TP(chunk.topic, chunk.partition)
        generation = self.app.consumer_generation_id
        # Faust drops a message whose generation is not the present one, in silence.
        message = ConsumerMessage(
            *tp, chunk.position - 1, 0.0, 0, (), None, chunk, None, 0, 0, tp, generation_id=generation
        )
        return tp, message

    def _read_position(self, tp: TP) -> int | None:
        return cast(_ConsumerThread, self._thread).read_position(tp)

    @override
    async def perform_seek(self) -> None:
        """After a rebalance: own what is assigned, and read each partition from where the table stands."""
        self.session += 1
        self._positioned = False
        assigned = {tp for tp in self.assignment() if tp.topic in self.app.inputs}
        positions = await self._positions.take_over(assigned)
        if positions is None:
            return
        await self.seek_wait(positions)
        self._read_offset.clear()
        self.session += 1
        self._positioned = True

    @override
    async def wait_empty(self) -> None:
        self._positioned = False
        await self._positions.hand_over()
        await self.commit()

    @override
    def track_message(self, message: ConsumerMessage) -> None:
        """Nothing is acked, so nothing is tracked."""

    @override
    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust looks at acks; our own liveness looks at applied offsets."""

    @override
    def _filter_committable_offsets(self, tps: Iterable[TP]) -> dict[TP, int]:
        # Called with the partitions that have acks, of which there are none.
        committed = self._committed_offset
        return {tp: offset for tp, offset in self._positions.committable().items() if committed.get(tp) != offset}

    @override
    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Gaps matter to acks alone."""


class _TimedFetcher(Fetcher):  # type: ignore[misc]
    """Knows when the last fetch of each partition that was answered had been sent."""

    #: By our own clock.
    sent_at: dict[TP, Moment]

    @override
    async def _proc_fetch_request(self, assignment: Assignment, node_id: int, request: Any) -> bool:
        states = {
            tp: state
            for topic, partitions in request.topics
            for number, *_ in partitions
            if (state := assignment.state_value(tp := TP(topic, number))) is not None
        }
        for state in states.values():
            state.timestamp = None  # set by an answer
        sent_at = time.time_ns() // 1_000_000
        has_records = await super()._proc_fetch_request(assignment, node_id, request)
        # The client has taken the answer in the same step of the event loop.
        self.sent_at.update({tp: sent_at for tp, state in states.items() if state.timestamp is not None})
        return bool(has_records)


class _NotingConsumer(aiokafka.AIOKafkaConsumer):  # type: ignore[misc]
    """Tells its own commits from those of others, and when it fetched."""

    #: Its present text comes from here.
    positions: PartitionPositions
    settings: Settings

    @override
    async def start(self) -> None:
        await super().start()
        # The client has no place for another fetcher. One that has begun goes on as it is.
        fetcher: Fetcher = self._fetcher
        fetcher.__class__ = _TimedFetcher
        fetcher.sent_at = {}

    @override
    async def commit(self, offsets: Mapping[TP, Any]) -> None:
        """Faust leaves the text that goes with an offset empty, and shows a traceback where a right was taken away."""
        note = self.positions.commit_note
        try:
            await super().commit({tp: (at.offset, note) for tp, at in offsets.items()})
        except (TopicAuthorizationFailedError, GroupAuthorizationFailedError) as error:
            end_process(f"the broker takes no offsets: {reason(error, self.settings)}")


class _ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """The thread that talks to the broker, with our own client options."""

    @override
    def _create_worker_consumer(self, transport: "BatchTransport") -> aiokafka.AIOKafkaConsumer:
        conf = self.app.conf
        # Faust's assignor gives all topics of one partition number to one worker; others would not.
        self._assignor = self.app.assignor
        consumer = _NotingConsumer(
            **self.app.client_options,
            group_id=conf.id,
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            max_poll_records=conf.broker_max_poll_records,
            max_poll_interval_ms=int(conf.broker_max_poll_interval * 1000),
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
        )
        consumer.positions, consumer.settings = self.app.table, self.app.settings
        return consumer

    @override
    async def _fetch_records(self, consumer: aiokafka.AIOKafkaConsumer, *args: Any, **kwargs: Any) -> Any:
        # Faust asks the fetcher alone. The client's other half hands its errors to who asks it, and stops until then.
        if not consumer._closed:
            consumer._coordinator.check_errors()
        # No other step of this thread comes between the records and the positions behind them.
        polled = _Polled(await super()._fetch_records(consumer, *args, **kwargs))
        polled.whole = self._whole(consumer)
        return polled

    def _whole(self, consumer: aiokafka.AIOKafkaConsumer) -> dict[TP, Moment]:
        """The partitions that are read up to their high watermark, which is beyond what an open transaction hides."""
        fetcher: _TimedFetcher = consumer._fetcher
        subscription = consumer._subscription.subscription
        assignment: Assignment | None = subscription.assignment if subscription else None
        if assignment is None:
            return {}
        states = {tp: assignment.state_value(tp) for tp in fetcher.sent_at if tp in assignment.tps}
        return {
            TP(*tp): fetcher.sent_at[tp]
            for tp, it in states.items()
            if it.has_valid_position and it.highwater is not None and it.position >= it.highwater
        }

    def read_position(self, tp: TP) -> int | None:
        """The offset that the next fetch of the partition asks for; None while it is not known."""
        consumer: aiokafka.AIOKafkaConsumer = self._ensure_consumer()
        subscription = consumer._subscription.subscription
        assignment = subscription.assignment if subscription else None
        if assignment is None or tp not in assignment.tps:
            return None
        state = assignment.state_value(tp)
        return state.position if state is not None and state.has_valid_position else None


class _Producer(driver.Producer):  # type: ignore[misc]
    """What `faust send` publishes with. The worker never starts it; see `ControllerApp`."""

    @override
    def _settings_default(self) -> Mapping[str, Any]:
        return {**super()._settings_default(), **self.app.client_options}

    @override
    def _settings_auth(self) -> Mapping[str, Any]:
        return {}  # part of our client options


class BatchTransport(driver.Transport):  # type: ignore[misc]
    """Faust's Kafka transport with our consumer, and our client options for its producer."""

    Consumer = BatchConsumer
    Producer = _Producer
