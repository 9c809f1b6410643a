"""A Faust transport that delivers one message for each topic of a poll, and reads from the table's positions.

Faust's own consumer makes a message of every record and tracks every ack, which costs more than the decisions. Here a
message is a list of `Chunk`: the records of one poll, of one partition each. The table knows what was applied, so the
committed offsets come from it, and Faust's acks are not used.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol, cast

import aiokafka
import structlog
from aiokafka import TopicPartition
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
from streams.kafka.options import METADATA_MS
from streams.kafka.topics import Topic
from streams.settings import Settings
from streams.worker.fatal import end_process_over
from streams.worker.membership import Membership, note_joins
from streams.worker.timed_fetcher import TimedFetcher, make_timed

__all__ = ["BatchConsumer", "BatchTransport", "Chunk", "PartitionPositions"]

log = structlog.get_logger()

#: How long a poll waits when a read position is awaited, which may advance although no record comes.
_WATCHED_POLL_SECONDS = 0.05
#: How long any other poll waits: heartbeats need the read positions also where no record comes.
_POLL_SECONDS = 0.25


class Chunk(NamedTuple):
    """The records of one poll of one topic partition, possibly none."""

    topic: str
    partition: int
    records: list[aiokafka.ConsumerRecord]
    position: int  # offset that is read next; beyond the last record where transaction markers follow
    session: int  # grows with every seek; a chunk read before the latest seek is void
    polled: Mapping[str, int]  # by topic: up to where the poll has read this partition number, with this chunk


class FetchedUpTo(NamedTuple):
    """The records below `offset` are all that a topic partition had when a fetch was sent at `sent_at`."""

    offset: int  # beyond the last record that was delivered
    sent_at: Moment  # by the worker's clock


class _PolledRecords(dict[TP, list[aiokafka.ConsumerRecord]]):
    """The records of one poll. `caught_up`: the partitions read to their end, with the moment of the last fetch."""

    caught_up: dict[TP, Moment]


class PartitionPositions(Protocol):
    """What the consumer asks of the table."""

    #: How many polls have begun.
    polls: int
    #: The metadata of each committed offset.
    commit_note: str

    async def take_over(self, assigned: set[TP]) -> Mapping[TP, int] | None:
        """Own exactly these partitions; returns the offset to read each from, or None when the worker is ending or the
        next rebalance has begun."""

    async def hand_over(self) -> None:
        """Partitions may be revoked next: write what is decided, and decide nothing more."""

    def committable(self) -> Mapping[TP, int]:
        """Applied and flushed offsets; they show the consumer lag and decide nothing."""

    def read_positions(self) -> Mapping[TP, int]:
        """Offsets below which every record was delivered to the table."""

    def note_fetched(self, fetched: Mapping[TP, FetchedUpTo]) -> None:
        """The partitions that were read to their end; their records were delivered or are delivered next."""

    def not_delivered(self) -> set[TP]:
        """Partitions of which nothing is delivered for now: their records wait in memory, or their state is not
        restored. The client still fetches each of them once, and keeps what it got: at most 8 MiB."""

    def watched(self) -> set[TP]:
        """Partitions whose read position is awaited although no record comes."""


class BatchConsumer(driver.Consumer):  # type: ignore[misc]
    """Delivers chunks; takes every offset to seek or commit from the table."""

    session: int = 0
    #: The seek to the table's positions is done.
    _positioned: bool = False
    #: Records were fetched and not delivered: they must be read again.
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
        if self.flow_active and session == self.session and isinstance(records, _PolledRecords):
            self._note_fetched(records)
        for chunks in _by_topic(self._chunks(records, watched & (active or set()))):
            if not self.flow_active or session != self.session:
                # Whether they were read before the seek or after it is not known.
                self._dropped = True
                return
            yield self._message(chunks)

    def read_again(self) -> None:
        """Void what is being delivered, and seek to the table's positions."""
        self.session += 1
        self._dropped = True

    async def _next_records(self, timeout: float) -> tuple[Mapping[TP, list[Any]] | None, set[TP] | None]:  # noqa: ASYNC109
        try:
            records, active = await self._wait_next_records(timeout)
        except KafkaError as error:
            if self.should_stop:
                return None, None
            end_process_over(error, self.app.settings, "the Kafka client failed")
        return records, active

    @override
    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Mapping[TP, list[Any]]:
        not_delivered = self._positions.not_delivered()
        if not_delivered and active_partitions:
            active_partitions = active_partitions - not_delivered
            if not active_partitions:  # the client would take an empty set for all of them
                await asyncio.sleep(timeout)
                return {}
        records: Mapping[TP, list[Any]] = await super()._getmany(active_partitions, timeout)
        return records

    def _note_fetched(self, polled: _PolledRecords) -> None:
        for tp, records in polled.items():
            self._delivered[tp] = records[-1].offset + 1
        self._positions.note_fetched(
            {tp: FetchedUpTo(self._delivered.get(tp, 0), at) for tp, at in polled.caught_up.items()}
        )

    @override
    def on_buffer_full(self, tp: TP) -> None:
        """Nothing is left out of a poll: what comes for a full buffer of an agent waits for it, and all polls with it.
        Faust would leave out this partition alone, and spend would be polled without the edits before it."""

    async def _owns_nothing(self) -> bool:
        """Whether nothing is assigned; the table then owns no partitions.

        Faust does not seek where nothing is assigned. It also reads on after a seek that timed out, at positions that
        nobody knows: nothing may be read before the next seek.
        """
        if self.assignment():
            await asyncio.sleep(_WATCHED_POLL_SECONDS)
        else:
            self._positioned = await self._positions.take_over(set()) is not None
        return self._positioned

    async def _read_again(self) -> bool:
        """Seek to the table's read positions; False when a rebalance comes in between."""
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
        polled: defaultdict[int, dict[str, int]] = defaultdict(dict)
        for tp, batch in records.items():
            polled[tp.partition][tp.topic] = self._read_position(tp) or batch[-1].offset + 1
        for tp, batch in records.items():
            of_number = polled[tp.partition]
            yield Chunk(tp.topic, tp.partition, batch, of_number[tp.topic], self.session, of_number)
        for tp in watched:
            position = None if tp in records else self._read_position(tp)
            if position is not None:
                yield Chunk(tp.topic, tp.partition, [], position, self.session, polled[tp.partition])

    def _message(self, chunks: list[Chunk]) -> tuple[TP, ConsumerMessage]:
        """Of the first chunk's partition, by whose topic Faust finds the agent."""
        first = chunks[0]
        tp = TP(first.topic, first.partition)
        generation = self.app.consumer_generation_id
        # Faust silently drops a message of another generation than the present one.
        message = ConsumerMessage(
            *tp, first.position - 1, 0.0, 0, (), None, chunks, None, 0, 0, tp, generation_id=generation
        )
        return tp, message

    def _read_position(self, tp: TP) -> int | None:
        return cast(_ConsumerThread, self._thread).read_position(tp)

    @override
    async def perform_seek(self) -> None:
        """After a rebalance: own what is assigned, and seek each partition to the table's position."""
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
        """Faust's check of acks; streams/worker/watchdog.py checks applied offsets instead."""

    @override
    def _filter_committable_offsets(self, tps: Iterable[TP]) -> dict[TP, int]:
        # Called with the partitions that have acks, of which there are none.
        committed = self._committed_offset
        return {tp: offset for tp, offset in self._positions.committable().items() if committed.get(tp) != offset}

    @override
    async def _commit_offsets(self, offsets: Mapping[TP, int], start_new_transaction: bool = True) -> bool:
        """Whether they are committed; what is not is committed with the next ones."""
        committed: bool = await super()._commit_offsets(offsets, start_new_transaction)
        if not committed:
            self._committed_offset.update(dict.fromkeys(offsets))
        return committed

    @override
    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Faust needs gaps for acks alone."""


def _by_topic(chunks: Iterable[Chunk]) -> Iterable[list[Chunk]]:
    """A message costs Faust as much as a hundred events: there is one for each topic of a poll."""
    topics: defaultdict[str, list[Chunk]] = defaultdict(list)
    for chunk in chunks:
        topics[chunk.topic].append(chunk)
    return topics.values()


class _WorkerConsumer(aiokafka.AIOKafkaConsumer):  # type: ignore[misc]
    """Times its fetches, and joins without waiting for dead workers of its data folder."""

    #: Has the metadata of commits, which tells them from those of others.
    positions: PartitionPositions
    settings: Settings
    membership: Membership

    @override
    async def start(self) -> None:
        # Just before it joins: so workers that live rebalance once for both.
        await self.membership.remove_dead()
        await super().start()
        make_timed(self._fetcher, self.settings.topic(Topic.CATALOG))
        note_joins(self._coordinator, self.membership)

    @override
    async def stop(self) -> None:
        await super().stop()
        self.membership.forget()


class _ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """The thread that talks to the broker, with our own client options."""

    @override
    def _create_worker_consumer(self, transport: "BatchTransport") -> aiokafka.AIOKafkaConsumer:
        conf = self.app.conf
        # Faust's assignor gives all topics of one partition number to one worker; others would not.
        self._assignor = self.app.assignor
        consumer = _WorkerConsumer(
            **self.app.client_options,
            group_id=conf.id,
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            metadata_max_age_ms=METADATA_MS,
            max_poll_records=conf.broker_max_poll_records,
            max_poll_interval_ms=int(conf.broker_max_poll_interval * 1000),
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
        )
        consumer.positions, consumer.settings = self.app.table, self.app.settings
        consumer.membership = Membership(self.app.settings, conf.id)
        return consumer

    @override
    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit with our metadata; returns whether it was taken. A revoked right ends the process with a sentence.
        Over any other refusal, as by a broker whose disk is full, Faust would end the thread. The worker reads on from
        the offsets of its state, and the group's are for those who look at its lag."""
        consumer: _WorkerConsumer = self._ensure_consumer()
        assigned, note = self.assignment(), consumer.positions.commit_note
        try:
            await consumer.commit(
                {TopicPartition(*tp): (offset, note) for tp, offset in offsets.items() if tp in assigned}
            )
        except (TopicAuthorizationFailedError, GroupAuthorizationFailedError) as error:
            end_process_over(error, consumer.settings, "offsets cannot be committed")
        except KafkaError as error:
            log.warning("offsets_not_committed", why=repr(error))
            return False
        return True

    @override
    async def _fetch_records(self, consumer: aiokafka.AIOKafkaConsumer, *args: Any, **kwargs: Any) -> Any:
        # Faust polls the fetcher alone. The coordinator keeps its errors until it is asked, and stops until then.
        if not consumer._closed:
            consumer._coordinator.check_errors()
        # No other step of this thread runs between taking the records and reading their positions.
        polled = _PolledRecords(await super()._fetch_records(consumer, *args, **kwargs))
        consumer._fetcher.note_polled(sum(map(len, polled.values())))
        polled.caught_up = self._caught_up(consumer)
        return polled

    def _caught_up(self, consumer: aiokafka.AIOKafkaConsumer) -> dict[TP, Moment]:
        """The partitions that are read up to their high watermark, which no open transaction holds back."""
        fetcher: TimedFetcher = consumer._fetcher
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
        """The offset of the partition's next fetch; None while it is not known."""
        consumer: aiokafka.AIOKafkaConsumer = self._ensure_consumer()
        subscription = consumer._subscription.subscription
        assignment = subscription.assignment if subscription else None
        if assignment is None or tp not in assignment.tps:
            return None
        state = assignment.state_value(tp)
        return state.position if state is not None and state.has_valid_position else None


class _Producer(driver.Producer):  # type: ignore[misc]
    """The producer of `faust send`. The worker never starts it."""

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
