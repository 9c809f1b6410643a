"""The worker's table: which partitions it owns, and how it comes to own and to leave them.

To the eye it is a Faust table; Faust's own recovery is kept away from it (docs/architecture.md says why). Memory of a
partition is valid exactly as long as its producer is not fenced.
"""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final

import faust
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from faust.types import TP
from typing_extensions import override

from core.changelog import Changelog
from core.duplicates import DuplicateWindow
from core.errors import SpendgateError
from core.state import PartitionState
from core.state_records import PartRecord
from streams.kafka.failures import reason
from streams.kafka.options import client_options
from streams.kafka.provision import message_limit
from streams.kafka.restore import read_changelogs
from streams.kafka.topics import INPUTS, Topic
from streams.settings import Settings
from streams.worker import worker_metrics
from streams.worker.consumer import Chunk, Whole
from streams.worker.fatal import end_process, or_end_process
from streams.worker.partition import OwnedPartition
from streams.worker.published_commands import check_topic_has_all, check_topic_has_none_of, read_told
from streams.worker.startup_checks import (
    OnBroker,
    check_brands,
    check_positions,
    commit_note,
    committed_offsets,
    is_of_older_release,
    known_topic_ids,
)
from streams.worker.topic_watch import watch_topics
from streams.worker.transaction import PartitionWriter

__all__ = ["ControllerTable"]

log = structlog.get_logger()

_LIMIT_SECONDS: Final = 8.0


class ControllerTable(faust.Table):  # type: ignore[misc]
    """State of the owned partitions, restored in bulk from `controller-state` and written one transaction a flush."""

    def configure(self, settings: Settings) -> None:
        """Give the table what Faust's constructor has no place for."""
        self.settings: Settings = settings
        self.owned: dict[int, OwnedPartition] = {}
        self.ready: bool = False
        self.polls: int = 0
        #: Goes with each committed offset.
        self.commit_note: str = ""
        self._restored: int = 0
        self._hand_overs: int = 0
        self._guarded: set[str] = set()
        self._changing: set[asyncio.Task[Any]] = set()  # tasks that take over partitions or restore them
        self._names: dict[str, Topic] = {settings.topic(topic): topic for topic in INPUTS}
        self._runners: dict[int, asyncio.Task[None]] = {}
        self._ownership: asyncio.Lock = asyncio.Lock()
        # Faust's consumer answers only between its polls, which would hold every resume back by up to a second.
        self._asker: AIOKafkaConsumer | None = None
        self._watermarks: AIOKafkaConsumer | None = None  # is told of records behind an open transaction too
        self._watching: asyncio.Task[None] | None = None

    def receive(self, chunk: Chunk) -> None:
        """Take what one poll brought and decide all that may be decided."""
        partition = self.owned.get(chunk.partition)
        if partition is None or partition.suspended or chunk.session != self.app.consumer.session:
            return
        partition.receive(self._names[chunk.topic], chunk.records, chunk.position)

    async def take_over(self, assigned: set[TP]) -> dict[TP, int] | None:
        """Own exactly these partitions; returns the offset to read each from, or None when the worker is ending."""
        if self.should_stop:
            return None
        taking_over = asyncio.create_task(self._take_over(assigned))
        self._changing.add(taking_over)
        taking_over.add_done_callback(self._changing.discard)
        try:
            # Faust gives up waiting when another rebalance comes; what was begun here is finished first all the same.
            return await asyncio.shield(taking_over)
        except asyncio.CancelledError:
            if taking_over.cancelled():
                return None
            raise

    async def _take_over(self, assigned: set[TP]) -> dict[TP, int]:
        try:
            async with self._ownership:
                return await self._own({tp.partition for tp in assigned})
        except Exception as error:
            log.exception("take_over_failed")
            end_process(f"partitions could not be taken over: {reason(error, self.settings)}")

    async def hand_over(self) -> None:
        """A rebalance or the end is near: write what is decided and stop deciding until `take_over`."""
        self._hand_overs += 1
        self._suspend()
        await or_end_process(self._flush_all(), self.settings)

    @override
    async def on_stop(self) -> None:
        """Close all clients. What is decided was written by `hand_over`; the next owner restores from the broker."""
        self._suspend()
        for task in [*self._changing, self._watching]:
            if task:
                task.cancel()
        async with self._ownership:
            await asyncio.gather(*(self._leave(number) for number in list(self.owned)))
            for client in (self._asker, self._watermarks):
                if client:
                    await client.stop()
        await super().on_stop()

    def _suspend(self) -> None:
        self.ready = False
        for partition in self.owned.values():
            partition.suspended = True

    def _doubt(self, brand_id: str) -> None:
        """A decision failed half-way, so a partition's memory is worthless: restore it, with that brand guarded."""
        self._guarded.add(brand_id)
        task = asyncio.create_task(or_end_process(self._reopen(), self.settings))
        self._changing.add(task)
        task.add_done_callback(self._changing.discard)

    async def _reopen(self) -> None:
        """What a rebalance that changes nothing would do: partitions in doubt are restored, all are read on."""
        async with self._ownership:
            if not (self.ready and any(partition.in_doubt for partition in self.owned.values())):
                return  # a rebalance has restored them, or is about to
            hand_overs = self._hand_overs
            await self._own(set(self.owned))
            if hand_overs == self._hand_overs:
                self.app.consumer.read_again()
            else:
                self._suspend()  # a rebalance began meanwhile, and goes on with `take_over`

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

    def note_whole(self, whole: Mapping[TP, Whole]) -> None:
        for tp, (offset, sent_at) in whole.items():
            partition = self.owned.get(tp.partition)
            topic = self._names.get(tp.topic)
            if topic is not None and partition is not None and not partition.suspended:
                partition.inbox.note_whole(topic, offset, sent_at)

    def full(self) -> set[TP]:
        return {
            TP(self.settings.topic(topic), number)
            for number, partition in self.owned.items()
            for topic in partition.inbox.full()
        }

    def obstacles(self) -> list[str]:
        """A sentence for each partition that cannot be written."""
        return [it.delivery.obstacle for it in list(self.owned.values()) if it.delivery.obstacle]

    def watched(self) -> set[TP]:
        return {
            TP(self.settings.topic(topic), number)
            for number, partition in self.owned.items()
            for topic in partition.watched()
        }

    def waiting(self) -> dict[str, object]:
        """For the liveness of the process: called from another thread."""
        waiting: dict[str, object] = {"a poll": (self.polls, self._restored)}
        if not self.ready or any(partition.in_doubt for partition in list(self.owned.values())):
            waiting["its partitions"] = self._restored
        for number, partition in list(self.owned.items()):
            if not partition.suspended and (waits := partition.waiting()):
                waiting[f"partition {number}"] = waits
        return waiting

    @override
    async def on_rebalance(self, *args: Any, **kwargs: Any) -> None:
        """Faust asks its tables here to recover; ours is restored by `take_over`."""

    async def _own(self, numbers: set[int]) -> dict[TP, int]:
        for number, partition in list(self.owned.items()):
            if partition.in_doubt:
                await partition.flush()  # writes nothing, but ends after one that is under way
            if partition.in_doubt or number not in numbers:
                await self._leave(number)
        gained = sorted(numbers - self.owned.keys())
        if self._asker is None:
            self._asker = AIOKafkaConsumer(**client_options(self.settings), isolation_level="read_committed")
            await self._asker.start()
        if self._watermarks is None:
            self._watermarks = AIOKafkaConsumer(**client_options(self.settings), isolation_level="read_uncommitted")
            await self._watermarks.start()
        if gained:
            await self._restore(gained)
        ends = await self._ends(numbers) if numbers else {}
        positions: dict[TP, int] = {}
        for number, partition in self.owned.items():
            at = partition.inbox.positions()
            partition.begin(at, ends[number])
            positions.update({TP(self.settings.topic(topic), number): offset for topic, offset in at.items()})
        worker_metrics.OWNED.set(len(self.owned))
        self.ready = True
        log.info("partitions_owned", partitions=sorted(self.owned), gained=gained)
        return positions

    async def _leave(self, number: int) -> None:
        self._runners.pop(number).cancel()
        await self.owned.pop(number).close()

    async def _restore(self, numbers: list[int]) -> None:
        settings = self.settings
        writers = {n: PartitionWriter(settings.transactional_id(n), settings) for n in numbers}
        try:
            await self._restore_with(writers)
        except BaseException:  # cancelled too: whoever owns the partitions next must not wait for an open transaction
            await asyncio.gather(*(writer.close() for number, writer in writers.items() if number not in self.owned))
            raise

    async def _restore_with(self, writers: Mapping[int, PartitionWriter]) -> None:
        settings, numbers = self.settings, list(writers)
        # Opened first: afterwards nobody else can add to what is read next.
        await asyncio.gather(*(writer.open() for writer in writers.values()))
        topic_ids = await known_topic_ids(settings)
        states, parts = await self._read_states(numbers)
        beginnings = await self._beginnings(numbers, (*INPUTS, Topic.CONTROLLER_STATE))
        ends = await self._ends(numbers)
        committed = await committed_offsets(settings, self.app.conf.id, numbers)
        positions = {
            n: check_positions(n, parts[n], OnBroker(topic_ids, beginnings[n], ends[n], committed[n])) for n in numbers
        }
        for state in states.values():
            check_brands(state, settings)
        await self._check_commands(states, parts, topic_ids)
        for number, writer in writers.items():
            partition = OwnedPartition(
                states[number], writer, settings, topic_ids, self._end_offset, self._message_limit, self._doubt
            )
            partition.inbox.begin(positions[number], {})
            self.owned[number] = partition
            self._runners[number] = asyncio.create_task(or_end_process(partition.run(), self.settings))
        self._watch(topic_ids)

    async def _read_states(self, numbers: list[int]) -> tuple[dict[int, PartitionState], dict[int, PartRecord | None]]:
        """Of partitions whose producers are open."""
        settings, options = self.settings, client_options(self.settings)
        name = settings.topic(Topic.CONTROLLER_STATE)
        changelogs = await read_changelogs(options, name, numbers, self._note_restored)
        if older := [n for n in numbers if _was_left_by_an_older_release(changelogs[n])]:
            # Releases before this one had other transactional ids: one of their workers may be frozen and not fenced.
            await asyncio.gather(*(_fence(f"{settings.topic('worker')}-{n}", settings) for n in older))
            changelogs |= await read_changelogs(options, name, older, self._note_restored)
        states = {number: self._empty_state(number) for number in numbers}
        for number, state in states.items():
            changelogs[number].restore(state, partial(_note_passed, number))
        return states, {number: changelogs[number].part for number in numbers}

    def _empty_state(self, number: int) -> PartitionState:
        return PartitionState(
            number,
            DuplicateWindow(self.settings.duplicate_window),
            future_tolerance_ms=self.settings.future_tolerance_seconds * 1000,
            reaction_ms=self.settings.reaction_seconds * 1000,
            guarded=set(self._guarded),
        )

    async def _check_commands(
        self, states: Mapping[int, PartitionState], parts: Mapping[int, PartRecord | None], topic_ids: Mapping[str, str]
    ) -> None:
        """The topic of commands is read only where it or the state may be another one than it was."""
        control = Topic.CAMPAIGN_CONTROL
        empty = {number for number, part in parts.items() if part is None}
        emptied = any(
            at[control] for at in (await self._beginnings(range(self.settings.partitions), (control,))).values()
        )
        doubted = [
            number
            for number, part in parts.items()
            if part is not None and (emptied or part.topic_ids.get(control) != topic_ids[control])
        ]
        if empty or doubted:
            told = await read_told(self.settings, self._note_restored)
            check_topic_has_none_of(empty, told, self.settings)
            check_topic_has_all([states[number] for number in doubted], told)

    def _watch(self, topic_ids: Mapping[str, str]) -> None:
        self.commit_note = commit_note(topic_ids)
        if self._watching is None:
            assert self._asker
            watching = watch_topics(self._asker._client, self.settings, topic_ids)
            self._watching = asyncio.create_task(or_end_process(watching, self.settings))

    def _note_restored(self, records: int) -> None:
        self._restored += records

    async def _beginnings(self, numbers: Iterable[int], topics: Iterable[Topic]) -> dict[int, dict[Topic, int]]:
        assert self._asker
        tps = self._tps(numbers, topics)
        offsets = await self._asker.beginning_offsets([tp for of_number in tps.values() for tp in of_number.values()])
        return {number: {topic: offsets[tp] for topic, tp in of.items()} for number, of in tps.items()}

    async def _ends(self, numbers: Iterable[int]) -> dict[int, dict[Topic, int]]:
        """Of the inputs."""
        assert self._asker
        tps = self._tps(numbers, INPUTS)
        offsets = await self._asker.end_offsets([tp for of_number in tps.values() for tp in of_number.values()])
        return {number: {topic: offsets[tp] for topic, tp in of.items()} for number, of in tps.items()}

    def _tps(self, numbers: Iterable[int], topics: Iterable[Topic]) -> dict[int, dict[Topic, TopicPartition]]:
        names = {topic: self.settings.topic(topic) for topic in topics}
        return {number: {topic: TopicPartition(name, number) for topic, name in names.items()} for number in numbers}

    async def _end_offset(self, topic: Topic, number: int, readable: bool) -> int:
        tp = TopicPartition(self.settings.topic(topic), number)
        asker = self._asker if readable else self._watermarks
        assert asker
        return int((await asker.end_offsets([tp]))[tp])

    async def _message_limit(self, topic: str) -> int | None:
        with suppress(SpendgateError, KafkaError, OSError, TimeoutError, ValueError):
            async with asyncio.timeout(_LIMIT_SECONDS):
                return await message_limit(self.settings, topic)
        return None

    async def _flush_all(self) -> None:
        await asyncio.gather(*(partition.hand_over() for partition in self.owned.values()))


def _note_passed(partition: int, key: str, why: str) -> None:
    log.error("state_not_restored", partition=partition, key=key, why=why)


def _was_left_by_an_older_release(changelog: Changelog) -> bool:
    return changelog.part is not None and is_of_older_release(changelog.part)


async def _fence(transactional_id: str, settings: Settings) -> None:
    writer = PartitionWriter(transactional_id, settings)
    await writer.open()
    await writer.close()
