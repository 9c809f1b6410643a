"""The worker's table: which partitions it owns, and how it comes to own and to leave them.

To the eye it is a Faust table; Faust's own recovery is kept away from it (docs/architecture.md says why). Memory of a
partition is valid exactly as long as its producer is not fenced.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import faust
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from faust.types import TP

from streams import metrics
from streams.batching import Chunk
from streams.core import storage
from streams.core.duplicates import DuplicateWindow
from streams.core.state import PartitionState
from streams.fatal import end_process, or_end_process
from streams.kafka_clients import client_options
from streams.partition import OwnedPartition
from streams.restore import read_latest
from streams.settings import Settings
from streams.startup_checks import check_positions, committed_offsets, input_topic_ids
from streams.topics import INPUTS, Topic
from streams.writer import PartitionWriter

__all__ = ["ControllerTable"]

log = structlog.get_logger()


class ControllerTable(faust.Table):  # type: ignore[misc]
    """State of the owned partitions, restored in bulk from `controller-state` and written one transaction a flush."""

    def configure(self, settings: Settings) -> None:
        """Give the table what Faust's constructor has no place for."""
        self.settings = settings
        self.owned: dict[int, OwnedPartition] = {}
        self.ready = False
        self.polls = 0
        self._restored = 0
        self._names = {settings.topic(topic): topic for topic in INPUTS}
        self._runners: dict[int, asyncio.Task[None]] = {}
        self._ownership = asyncio.Lock()
        # Faust's consumer answers only between its polls, which would hold every resume back by up to a second.
        self._asker: AIOKafkaConsumer | None = None

    def receive(self, chunk: Chunk) -> None:
        """Take what one poll brought and decide all that may be decided."""
        partition = self.owned.get(chunk.partition)
        if partition is None or partition.suspended or chunk.session != self.app.consumer.session:
            return
        partition.inbox.add(self._names[chunk.topic], chunk.records, chunk.position)
        partition.work()

    async def take_over(self, assigned: set[TP]) -> dict[TP, int]:
        """Own exactly these partitions; tells where to read each from."""
        # Faust gives up waiting when another rebalance comes; what was begun here is finished first all the same.
        return await asyncio.shield(asyncio.ensure_future(self._take_over(assigned)))

    async def _take_over(self, assigned: set[TP]) -> dict[TP, int]:
        try:
            async with self._ownership:
                return await self._own({tp.partition for tp in assigned})
        except Exception as error:
            log.exception("take_over_failed")
            end_process(f"partitions could not be taken over: {error}")

    async def hand_over(self) -> None:
        """A rebalance or the end is near: write what is decided and stop deciding until `take_over`."""
        self.ready = False
        for partition in self.owned.values():
            partition.suspended = True
        await or_end_process(self._flush_all())

    def committable(self) -> Mapping[TP, int]:
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

    def watched(self) -> set[TP]:
        return {
            TP(self.settings.topic(topic), number)
            for number, partition in self.owned.items()
            for topic in partition.watched()
        }

    def waiting(self) -> dict[str, object]:
        """For the liveness of the process: called from another thread."""
        waiting: dict[str, object] = {"a poll": (self.polls, self._restored)}
        if not self.ready:
            waiting["its partitions"] = self._restored
        for number, partition in list(self.owned.items()):
            if not partition.suspended and (waits := partition.waiting()):
                waiting[f"partition {number}"] = waits
        return waiting

    async def on_rebalance(self, *args: Any, **kwargs: Any) -> None:
        """Faust asks its tables here to recover; ours is restored by `take_over`."""

    async def _own(self, numbers: set[int]) -> dict[TP, int]:
        for number in [number for number in self.owned if number not in numbers]:
            await self._leave(number)
        gained = sorted(numbers - self.owned.keys())
        if self._asker is None:
            self._asker = AIOKafkaConsumer(**client_options(self.settings), isolation_level="read_committed")
            await self._asker.start()
        if gained:
            await self._restore(gained)
        inputs = [TP(self.settings.topic(topic), number) for number in numbers for topic in INPUTS]
        ends = await self._asker.end_offsets([TopicPartition(*tp) for tp in inputs]) if inputs else {}
        positions: dict[TP, int] = {}
        for number, partition in self.owned.items():
            at = partition.inbox.positions()
            partition.begin(at, {topic: ends[TP(self.settings.topic(topic), number)] for topic in INPUTS})
            positions.update({TP(self.settings.topic(topic), number): offset for topic, offset in at.items()})
        metrics.OWNED.set(len(self.owned))
        self.ready = True
        log.info("partitions_owned", partitions=sorted(self.owned), gained=gained)
        return positions

    async def _leave(self, number: int) -> None:
        self._runners.pop(number).cancel()
        await self.owned.pop(number).close()

    async def _restore(self, numbers: list[int]) -> None:
        settings, options = self.settings, client_options(self.settings)
        writers = {n: PartitionWriter(f"{settings.topic('worker')}-{n}", options) for n in numbers}
        # Opened first: afterwards nobody else can add to what is read next.
        await asyncio.gather(*(writer.open() for writer in writers.values()))
        topic_ids = await input_topic_ids(settings)
        latest = await read_latest(options, settings.topic(Topic.CONTROLLER_STATE), numbers, self._note_restored)
        beginnings = await self._beginnings(numbers)
        committed = await committed_offsets(settings, self.app.conf.id, numbers)
        for number in numbers:
            state = PartitionState(
                number,
                DuplicateWindow(settings.duplicate_window),
                future_tolerance_ms=settings.future_tolerance_seconds * 1000,
            )
            part = storage.restore(state, latest[number].items())
            positions = check_positions(
                number, part, topic_ids, beginnings=beginnings[number], committed=committed[number]
            )
            partition = OwnedPartition(state, writers[number], settings, topic_ids, self._end_offset)
            partition.inbox.begin(positions, {})
            self.owned[number] = partition
            self._runners[number] = asyncio.create_task(or_end_process(partition.run()))

    def _note_restored(self, records: int) -> None:
        self._restored += records

    async def _beginnings(self, numbers: Iterable[int]) -> dict[int, dict[Topic, int]]:
        tps = {(number, topic): TP(self.settings.topic(topic), number) for number in numbers for topic in INPUTS}
        assert self._asker
        offsets = await self._asker.beginning_offsets([TopicPartition(*tp) for tp in tps.values()])
        return {number: {topic: offsets[tps[number, topic]] for topic in INPUTS} for number in numbers}

    async def _end_offset(self, topic: Topic, number: int) -> int:
        tp = TopicPartition(self.settings.topic(topic), number)
        assert self._asker
        return int((await self._asker.end_offsets([tp]))[tp])

    async def _flush_all(self) -> None:
        await asyncio.gather(*(partition.flush() for partition in self.owned.values()))
