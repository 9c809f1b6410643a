"""A Faust transport that hands over one message per partition and poll, and starts where the table says.

Faust's own consumer makes a message of every record and keeps book of every ack; that alone costs more than all of the
deciding. Here a message is a `Chunk`: the records of one poll of one partition. What was applied is known to the table,
so commits come from there and Faust's acks are not used.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol, cast

import aiokafka
from aiokafka.errors import IllegalStateError, KafkaError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from streams.fatal import end_process

__all__ = ["BatchConsumer", "BatchTransport", "Chunk", "Positions"]

#: How long a poll waits when somebody wants to know how far a partition was read although no record comes.
_WATCHED_POLL_SECONDS = 0.05


class Chunk(NamedTuple):
    """The records of one poll of one topic partition, possibly none."""

    topic: str
    partition: int
    records: list[aiokafka.ConsumerRecord]
    position: int  # offset that is read next; beyond the last record where transaction markers follow
    session: int  # grows with every seek; a chunk read before the latest seek is void


class Positions(Protocol):
    """What the consumer asks of the table."""

    #: How many polls have begun.
    polls: int

    async def take_over(self, assigned: set[TP]) -> Mapping[TP, int]:
        """Own exactly these partitions; tells where to read each from."""

    async def hand_over(self) -> None:
        """Partitions may be lost next: write what is decided, forget what is merely at hand."""

    def committable(self) -> Mapping[TP, int]:
        """Applied and flushed offsets, for consumer lag and nothing else."""

    def read_positions(self) -> Mapping[TP, int]:
        """Offsets below which every record was delivered to the table."""

    def watched(self) -> set[TP]:
        """Partitions of which a position is awaited even when it brings no record."""


class BatchConsumer(driver.Consumer):  # type: ignore[misc]
    """Delivers chunks and takes every offset from the table."""

    session = 0
    #: Every partition is read from where the table stands.
    _placed = False
    #: Records were taken from the broker's client and not delivered: they must be read again.
    _dropped = False

    @property
    def _positions(self) -> Positions:
        return cast(Positions, self.app.table)

    def _new_consumer_thread(self) -> "_ConsumerThread":
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:  # noqa: ASYNC109
        self._positions.polls += 1
        # Here a poll waits for a rebalance to end; the session that it reads for begins only then.
        if not self.flow_active:
            await self.wait(self.can_resume_flow)
        if not (self._placed or await self._owns_nothing()):
            return
        if self._dropped and not await self._read_again():
            return
        session = self.session
        watched = self._positions.watched()
        records, active = await self._next_records(_WATCHED_POLL_SECONDS if watched else timeout)
        if records is None or self.should_stop:
            return
        for chunk in self._chunks(records, watched & (active or set())):
            if not self.flow_active or session != self.session:
                # Nobody knows whether they were read before the seek or after it.
                self._dropped = True
                return
            yield self._message(chunk)

    async def _next_records(self, timeout: float) -> tuple[Mapping[TP, list[Any]] | None, set[TP] | None]:  # noqa: ASYNC109
        try:
            records, active = await self._wait_next_records(timeout)
        except KafkaError as error:
            if self.should_stop:
                return None, None
            end_process(f"the broker's client gave up: {error!r}")
        return records, active

    async def _owns_nothing(self) -> bool:
        """Faust seeks only where something is assigned, and reads on after a seek that took it too long: then nobody
        knows where from, and nothing may be read before the next one."""
        if self.assignment():
            await asyncio.sleep(_WATCHED_POLL_SECONDS)
        else:
            await self._positions.take_over(set())
            self._placed = True
        return self._placed

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

    async def perform_seek(self) -> None:
        """After a rebalance: own what is assigned, and read each partition from where the table stands."""
        self.session += 1
        self._placed = False
        assigned = {tp for tp in self.assignment() if tp.topic in self.app.inputs}
        positions = await self._positions.take_over(assigned)
        await self.seek_wait(positions)
        self._read_offset.clear()
        self.session += 1
        self._placed = True

    async def wait_empty(self) -> None:
        self._placed = False
        await self._positions.hand_over()
        await self.commit()

    def track_message(self, message: ConsumerMessage) -> None:
        """Nothing is acked, so nothing is tracked."""

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust looks at acks; our own liveness looks at applied offsets."""

    def _filter_committable_offsets(self, tps: Iterable[TP]) -> dict[TP, int]:
        # Called with the partitions that have acks, of which there are none.
        committed = self._committed_offset
        return {tp: offset for tp, offset in self._positions.committable().items() if committed.get(tp) != offset}

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Gaps matter to acks alone."""


class _ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """The thread that talks to the broker, with our own client options."""

    def _create_worker_consumer(self, transport: "BatchTransport") -> aiokafka.AIOKafkaConsumer:
        conf = self.app.conf
        # Faust's assignor gives all topics of one partition number to one worker; others would not.
        self._assignor = self.app.assignor
        return aiokafka.AIOKafkaConsumer(
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

    async def _fetch_records(self, consumer: aiokafka.AIOKafkaConsumer, *args: Any, **kwargs: Any) -> Any:
        # Faust asks the fetcher alone. The client's other half hands its errors to who asks it, and stops until then.
        if not consumer._closed:
            consumer._coordinator.check_errors()
        return await super()._fetch_records(consumer, *args, **kwargs)

    def read_position(self, tp: TP) -> int | None:
        """The offset that the next fetch of the partition asks for; None while it is not known."""
        subscription = self._ensure_consumer()._subscription.subscription
        assignment = subscription.assignment if subscription else None
        if assignment is None or tp not in assignment.tps:
            return None
        state = assignment.state_value(tp)
        return state.position if state is not None and state.has_valid_position else None


class BatchTransport(driver.Transport):  # type: ignore[misc]
    Consumer = BatchConsumer
