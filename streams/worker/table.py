"""The worker's table: the partitions that it owns, how it takes them over and hands them over.

Faust lists it as a table and does not recover it; docs/architecture.md, "What of Faust is used", gives the reasons. The
memory of a partition is valid exactly as long as its producer is not fenced.
"""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final

import faust
import structlog
from aiokafka.errors import KafkaError
from faust.types import TP
from typing_extensions import override

from core.errors import ConfigurationError, SpendgateError
from streams.kafka.provision import message_limit
from streams.kafka.topics import INPUTS, Topic
from streams.settings import Settings
from streams.worker import worker_metrics
from streams.worker.committed_writes import CommittedWrites
from streams.worker.consumer import Chunk, FetchedUpTo
from streams.worker.fatal import end_process_over, or_end_process
from streams.worker.hidden_state import hidden_state, hidden_state_sentence
from streams.worker.offset_queries import OffsetQueries
from streams.worker.partition import BrokerQueries, OwnedPartition
from streams.worker.partition_restore import PartitionRestore
from streams.worker.startup_checks import check_topics, commit_note
from streams.worker.topic_watch import watch_topics
from streams.worker.transaction import NotOpened, PartitionWriter
from streams.worker.unanswered import ask_those_that_answer, unanswered
from streams.worker.unrestored import Obstacle, Unrestored

__all__ = ["ControllerTable"]

log = structlog.get_logger()

_LIMIT_SECONDS: Final = 8.0
#: How long after a look at the partitions that cannot be restored the next one is taken.
_LOOK_AGAIN_SECONDS: Final = 2.0
#: Where the client is to read a partition that is not restored: it fetches nothing there, and its answer that there is
#: no such offset is never asked for.
_BEYOND_ALL: Final = 2**62


class _Superseded(SpendgateError):
    """A rebalance has begun during a take-over, whose partitions may be another worker's by now."""


class ControllerTable(faust.Table):  # type: ignore[misc]
    """State of the owned partitions, restored in bulk from `controller-state` and written one transaction a flush."""

    def configure(self, settings: Settings) -> None:
        """Set what Faust's constructor takes no argument for."""
        self.settings: Settings = settings
        self.owned: dict[int, OwnedPartition] = {}
        self.ready: bool = False
        self.polls: int = 0
        #: The metadata of each committed offset.
        self.commit_note: str = ""
        self._steps: int = 0  # of take-overs: records that were restored, and waits for brokers that have ended
        self._hand_overs: int = 0
        self._guarded: set[str] = set()
        self._changing: set[asyncio.Task[Any]] = set()  # tasks that take over partitions or restore them
        self._given_away: set[int] = set()  # other workers' since the last take-over
        self._committed: dict[int, CommittedWrites] = {}  # of partitions that are restored in place
        self._opening: dict[PartitionWriter, asyncio.Future[None]] = {}
        self._names: dict[str, Topic] = {settings.topic(topic): topic for topic in INPUTS}
        self._runners: dict[int, asyncio.Task[None]] = {}
        self._ownership: asyncio.Lock = asyncio.Lock()
        self._turns: asyncio.Lock = asyncio.Lock()
        self._offsets: OffsetQueries | None = None
        self._watching: asyncio.Task[None] | None = None
        self._unrestored: Unrestored = Unrestored()
        self._looking_again: asyncio.Task[None] | None = None

    @property
    def brands(self) -> int:
        """How many brands the owned partitions have; another thread may ask."""
        return sum(len(partition.state.brands) for partition in list(self.owned.values()))

    def receive(self, chunk: Chunk) -> None:
        """Pass the records of one poll to their partition, unless they were read before the latest seek."""
        partition = self.owned.get(chunk.partition)
        if partition is None or partition.suspended or chunk.session != self.app.consumer.session:
            return
        polled = {self._names[topic]: position for topic, position in chunk.polled.items()}
        partition.receive(self._names[chunk.topic], chunk.records, chunk.position, polled)

    async def take_over(self, assigned: set[TP]) -> dict[TP, int] | None:
        """Own exactly these partitions; returns the offset to read each from, or None when the worker is ending or the
        next rebalance has begun."""
        if self.should_stop:
            return None
        taking_over = asyncio.create_task(self._take_over({tp.partition for tp in assigned}, self._hand_overs))
        self._changing.add(taking_over)
        taking_over.add_done_callback(self._changing.discard)
        try:
            # Faust cancels the wait when another rebalance begins; the take-over is finished first all the same.
            return await asyncio.shield(taking_over)
        except asyncio.CancelledError:
            if taking_over.cancelled():
                return None
            raise

    async def _take_over(self, numbers: set[int], hand_overs: int) -> dict[TP, int] | None:
        try:
            async with self._ownership:
                return await self._own(numbers, hand_overs)
        except Exception as error:
            log.exception("take_over_failed")
            end_process_over(await self._cause(error), self.settings, "partitions could not be taken over")

    async def _cause(self, error: Exception) -> Exception:
        """Partitions that were added since the start say more than the error to which they led."""
        try:
            await check_topics(self.settings)
        except ConfigurationError as changed:
            return changed
        except (KafkaError, SpendgateError):
            pass  # what failed first says it
        return error

    async def hand_over(self) -> None:
        """Flush all partitions before a rebalance or the end, and decide nothing until `take_over`."""
        self._hand_overs += 1
        self._suspend()
        # A producer that is opened later than that of the next owner would fence it. They end while the flush goes on.
        for writer in self._opening:
            writer.open_no_further()
        await or_end_process(self._flush_all(), self.settings)
        await asyncio.gather(*self._opening.values(), return_exceptions=True)

    @override
    async def on_stop(self) -> None:
        """Close all clients. What is decided was written by `hand_over`; the next owner restores from the broker."""
        self._suspend()
        for task in [*self._changing, self._watching, self._looking_again]:
            if task:
                task.cancel()
        async with self._ownership:
            await asyncio.gather(*(self._leave(number) for number in list(self.owned)))
            if self._offsets:
                await self._offsets.stop()
        await super().on_stop()

    def _suspend(self) -> None:
        self.ready = False
        for partition in self.owned.values():
            partition.suspended = True

    def _restore_in_doubt(self, brand_id: str | None) -> None:
        """Restore the partition in which a decision about the brand raised half-way, with that brand guarded; or the
        one whose transaction was lost (None)."""
        if brand_id is not None:
            self._guarded.add(brand_id)
        task = asyncio.create_task(or_end_process(self._reopen(), self.settings))
        self._changing.add(task)
        task.add_done_callback(self._changing.discard)

    async def _reopen(self) -> None:
        """Do what a rebalance that changes nothing would do: restore partitions that are in doubt or not restored yet,
        and read all on."""
        async with self._ownership:
            if not (self.ready and (self._unrestored or any(it.in_doubt for it in self.owned.values()))):
                return  # a rebalance has restored them, or is about to
            numbers = {*self.owned, *self._unrestored}
            if await self._own(numbers, self._hand_overs, unless_none_is_gained=True) is not None:
                self.app.consumer.read_again()

    def committable(self) -> Mapping[TP, int]:
        """The flushed offsets of all owned partitions."""
        return {
            TP(self.settings.topic(topic), number): offset
            for number, partition in self.owned.items()
            for topic, offset in partition.flushed.items()
        }

    def read_positions(self) -> Mapping[TP, int]:
        return {
            TP(self.settings.topic(topic), number): partition.inbox.read_up_to(topic)
            for number, partition in self.owned.items()
            for topic in INPUTS
        }

    def note_fetched(self, fetched: Mapping[TP, FetchedUpTo]) -> None:
        for tp, (offset, sent_at) in fetched.items():
            partition = self.owned.get(tp.partition)
            topic = self._names.get(tp.topic)
            if topic is not None and partition is not None and not partition.suspended:
                partition.inbox.note_fetched(topic, offset, sent_at)

    def not_delivered(self) -> set[TP]:
        """The topic partitions whose queues are full, and those of partitions that are not restored."""
        full = {number: partition.inbox.full() for number, partition in self.owned.items()}
        held_back = {**full, **dict.fromkeys(self._unrestored, INPUTS)}
        return {TP(self.settings.topic(topic), number) for number, topics in held_back.items() for topic in topics}

    def obstacles(self) -> list[str]:
        """A sentence for each partition that cannot be restored or written."""
        unwritten = [it.delivery.obstacle for it in list(self.owned.values()) if it.delivery.obstacle]
        return [*self._unrestored.sentences(), *unwritten]

    def watched(self) -> set[TP]:
        return {
            TP(self.settings.topic(topic), number)
            for number, partition in self.owned.items()
            for topic in partition.watched()
        }

    def waiting(self) -> dict[str, object]:
        """What the process waits for, with its progress, for `watch`; called from another thread."""
        waiting: dict[str, object] = {"a poll": (self.polls, self._steps)}
        if not self.ready or any(partition.in_doubt for partition in list(self.owned.values())):
            waiting["its partitions"] = self._steps
        for number, partition in list(self.owned.items()):
            if not partition.suspended and (waits := partition.waiting()):
                waiting[f"partition {number}"] = waits
        return waiting

    @override
    async def on_rebalance(self, assigned: set[TP], *args: Any, **kwargs: Any) -> None:
        """Faust's hook for recovery; `take_over` restores this table. Faust calls it for each generation of the group,
        also for one that ends before `take_over`: what was another worker's in between is restored again."""
        self._given_away |= set(range(self.settings.partitions)) - {tp.partition for tp in assigned}

    async def _own(
        self, numbers: set[int], hand_overs: int, *, unless_none_is_gained: bool = False
    ) -> dict[TP, int] | None:
        """Own exactly these partitions; `hand_overs` is their count when the partitions were assigned. None where there
        was another one: a rebalance has begun, and goes on with `take_over`. None also `unless_none_is_gained`, where
        the partitions that are owned go on as they are."""
        try:
            return await self._own_unless_superseded(numbers, hand_overs, unless_none_is_gained)
        except Exception as error:
            if hand_overs == self._hand_overs:
                raise
            # What is read of a partition that another worker writes by now may contradict itself. The next take-over
            # drops what was given to another worker meanwhile; the rest, where it is restored, is kept.
            log.info("take_over_superseded", partitions=sorted(numbers), why=repr(error))
            return None

    async def _own_unless_superseded(
        self, numbers: set[int], hand_overs: int, unless_none_is_gained: bool
    ) -> dict[TP, int] | None:
        self._check_not_superseded(hand_overs)
        if self._offsets is None:
            self._offsets = OffsetQueries(self.settings)
            await self._offsets.start()
        find_silent = partial(self._silent, offsets=self._offsets, hand_overs=hand_overs)
        obstacles = await find_silent(numbers)
        given_away, self._given_away = self._given_away, set()
        self._committed = {n: it for n, it in self._committed.items() if n in numbers and n not in given_away}
        for number, partition in list(self.owned.items()):
            if partition.in_doubt:
                await partition.hand_over()  # writes nothing, but ends after a flush that is under way
            if number not in numbers or number in given_away:
                await self._leave(number)
            elif partition.in_doubt or number in obstacles:
                self._committed[number] = await self._leave(number)
        self._unrestored.keep(numbers)
        gained = sorted(numbers - self.owned.keys())
        to_restore = [number for number in gained if number not in obstacles]
        restore = partial(self._restore, offsets=self._offsets, hand_overs=hand_overs)
        unrestored, lost = await ask_those_that_answer(to_restore, restore, find_silent)
        obstacles |= (unrestored or {}) | lost
        if unless_none_is_gained and obstacles.keys() >= set(gained):
            self._note_tried(numbers, obstacles, self._offsets)
            return None
        ends, lost = await ask_those_that_answer(list(self.owned), self._offsets.ends, find_silent)
        self._check_not_superseded(hand_overs)
        for number in lost:
            self._committed[number] = await self._leave(number)
        obstacles |= lost
        self._note_tried(numbers, obstacles, self._offsets)
        return self._begin(gained, ends or {})

    async def _silent(self, numbers: Collection[int], offsets: OffsetQueries, hand_overs: int) -> dict[int, Obstacle]:
        self._check_not_superseded(hand_overs)
        obstacles = await unanswered(offsets, self._unrestored.needed(numbers), self.settings)
        self._steps += 1
        self._check_not_superseded(hand_overs)
        return obstacles

    def _note_tried(self, numbers: set[int], obstacles: Mapping[int, Obstacle], offsets: OffsetQueries) -> None:
        worker_metrics.OWNED.set(len(self.owned))
        self._unrestored.note_tried(numbers, obstacles)
        if self._unrestored and (self._looking_again is None or self._looking_again.done()):
            self._looking_again = asyncio.create_task(or_end_process(self._look_again(offsets), self.settings))

    def _check_not_superseded(self, hand_overs: int) -> None:
        if hand_overs != self._hand_overs:
            raise _Superseded

    def _begin(self, gained: list[int], ends: Mapping[int, dict[Topic, int]]) -> dict[TP, int]:
        """Returns the offset to read each input from."""
        positions = {number: dict.fromkeys(INPUTS, _BEYOND_ALL) for number in self._unrestored}
        for number, partition in self.owned.items():
            positions[number] = partition.inbox.positions()
            if not partition.in_doubt:  # since a moment ago: it is restored next, and decides nothing until then
                partition.begin(positions[number], ends[number])
        self.ready = True
        log.info("partitions_owned", partitions=sorted(self.owned), gained=gained)
        return {TP(self.settings.topic(it), number): at for number, of in positions.items() for it, at in of.items()}

    async def _look_again(self, offsets: OffsetQueries) -> None:
        """Restore each partition as soon as its state can be read."""
        while self._unrestored:
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
            if await self._can_restore(offsets):
                await self._reopen()

    async def _can_restore(self, offsets: OffsetQueries) -> bool:
        """Whether the state of one of them can be read."""
        numbers = list(self._unrestored)
        try:
            obstacles = await unanswered(offsets, self._unrestored.needed(numbers), self.settings)
            answered = [number for number in numbers if number not in obstacles]
            hidden = await hidden_state(offsets, answered, 0)
        except KafkaError as error:  # which must not end the worker that decides on others
            log.warning("hidden_state_unknown", partitions=numbers, why=repr(error))
            return False
        obstacles |= {
            number: Obstacle(hidden_state_sentence(number, at, self.settings)) for number, at in hidden.items()
        }
        self._unrestored.note_still(obstacles)
        return len(obstacles) < len(numbers)

    async def _leave(self, number: int) -> CommittedWrites:
        """Returns what its producer has committed."""
        self._runners.pop(number).cancel()
        partition = self.owned.pop(number)
        await partition.close()
        return partition.take_committed()

    async def _restore(self, numbers: list[int], offsets: OffsetQueries, hand_overs: int) -> dict[int, Obstacle]:
        """Returns the obstacle of each that cannot be restored yet."""
        writers = {
            n: PartitionWriter(self.settings.transactional_id(n), self.settings, self._committed.get(n))
            for n in numbers
        }
        try:
            # Opened first: afterwards nobody else can add to what is read next.
            obstacles = await self._open(writers, hand_overs)
            if opened := {number: writer for number, writer in writers.items() if number not in obstacles}:
                obstacles |= await self._restore_with(opened, offsets, hand_overs)
            return obstacles
        finally:  # cancelled too: whoever owns the partitions next must not wait for an open transaction
            await asyncio.gather(*(writer.close() for number, writer in writers.items() if number not in self.owned))

    async def _open(self, writers: Mapping[int, PartitionWriter], hand_overs: int) -> dict[int, Obstacle]:
        """Returns the obstacle of each that Kafka does not open."""
        opening = (self._open_one(hand_overs, writer) for writer in writers.values())
        answers = dict(zip(writers, await asyncio.gather(*opening, return_exceptions=True), strict=True))
        self._steps += 1
        self._check_not_superseded(hand_overs)
        obstacles: dict[int, Obstacle] = {}
        for number, error in answers.items():
            if isinstance(error, NotOpened):
                obstacles[number] = Obstacle(str(error))
            elif error is not None:
                raise error
        return obstacles

    async def _open_one(self, hand_overs: int, writer: PartitionWriter, *patience_seconds: float) -> None:
        """Open a producer so that `hand_over` waits for it, also where whoever has called this is cancelled."""
        self._check_not_superseded(hand_overs)
        opening = self._opening[writer] = asyncio.ensure_future(writer.open(*patience_seconds))
        opening.add_done_callback(lambda _: self._opening.pop(writer))
        await asyncio.shield(opening)
        self._check_not_superseded(hand_overs)

    async def _restore_with(
        self, writers: Mapping[int, PartitionWriter], offsets: OffsetQueries, hand_overs: int
    ) -> dict[int, Obstacle]:
        """Returns the obstacle of each that cannot be restored yet."""
        settings = self.settings
        open_producer = partial(self._open_one, hand_overs)
        restore = PartitionRestore(settings, offsets, self._guarded, self._count_restored, open_producer)
        restored = await restore.restore(list(writers))
        topic_ids = restored.topic_ids
        queries = BrokerQueries(offsets.end, offsets.control_ends, self._message_limit)
        for number, state in restored.states.items():
            partition = OwnedPartition(
                state, writers[number], settings, topic_ids, queries, self._restore_in_doubt, self._turns
            )
            partition.inbox.begin(restored.positions[number], {})
            self.owned[number] = partition
            self._committed.pop(number, None)
            self._runners[number] = asyncio.create_task(or_end_process(partition.run(), settings))
        self.commit_note = commit_note(topic_ids)
        if self._watching is None:
            watching = watch_topics(offsets.client, settings, topic_ids)
            self._watching = asyncio.create_task(or_end_process(watching, settings))
        return restored.obstacles

    def _count_restored(self, records: int) -> None:
        self._steps += records

    async def _message_limit(self, topic: str) -> int | None:
        with suppress(SpendgateError, KafkaError, OSError, TimeoutError, ValueError):
            async with asyncio.timeout(_LIMIT_SECONDS):
                return await message_limit(self.settings, topic)
        return None

    async def _flush_all(self) -> None:
        mine = [partition for number, partition in self.owned.items() if number not in self._given_away]
        await asyncio.gather(*(partition.hand_over() for partition in mine))
