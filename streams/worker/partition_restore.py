"""Restores the partitions that a worker takes over, and refuses a state that the topics contradict."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Final, NamedTuple

import structlog
from aiokafka import AIOKafkaConsumer

from core.changelog import Changelog
from core.duplicates import DuplicateWindow
from core.errors import SpendgateError
from core.state import PartitionState
from core.state_records import PartRecord
from streams.kafka.identities import WORKER_GROUP
from streams.kafka.options import client_options
from streams.kafka.restore import changelog_consumer, read_changelog
from streams.kafka.topics import INPUTS, Topic
from streams.settings import Settings
from streams.worker.hidden_state import hidden_state, hidden_state_sentence
from streams.worker.offset_queries import OffsetQueries, TopicAndPartition
from streams.worker.published_commands import (
    check_topic_has_all,
    check_topic_has_none_of,
    command_partitions,
    read_last_commands,
)
from streams.worker.startup_checks import (
    OnBroker,
    check_brands,
    check_positions,
    committed_offsets,
    is_of_older_release,
    known_topic_ids,
)
from streams.worker.transaction import NotOpened, PartitionWriter
from streams.worker.unanswered import obstacles_of, silent_partitions
from streams.worker.unrestored import Obstacle

__all__ = ["OpenProducer", "PartitionRestore", "RestoredPartitions"]

log = structlog.get_logger()

#: How long the end of a transaction may take to be seen. Where one does not end, the other partitions of the take-over
#: wait for 13 s at most: twice for this, and between for the fence and the close of its producer, steps of 6 and 5 s.
_END_SECONDS: Final = 1.0
_FENCE_SECONDS: Final = 5.0

#: Opens a producer, for so many seconds at most, so that a hand-over can end it and wait for it.
OpenProducer = Callable[[PartitionWriter, float], Awaitable[None]]


class RestoredPartitions(NamedTuple):
    """The states and the offsets to read each input from, by partition number; the ids of topics, by name without
    prefix; the obstacle of each partition that cannot be restored yet."""

    states: dict[int, PartitionState]
    positions: dict[int, dict[Topic, int]]
    topic_ids: dict[str, str]
    obstacles: dict[int, Obstacle]


class PartitionRestore:
    """Restores partitions whose producers are open, so that nobody else can add to their state.

    `guarded` are the brands of which a decision has raised before (core.guard). `count` is called with the number of
    records of each fetch, `open_producer` for each producer of an older release that has to be fenced.
    """

    def __init__(
        self,
        settings: Settings,
        offsets: OffsetQueries,
        guarded: Collection[str],
        count: Callable[[int], None],
        open_producer: OpenProducer,
    ) -> None:
        self._settings = settings
        self._offsets = offsets
        self._guarded = guarded
        self._count = count
        self._open_producer = open_producer

    async def restore(self, numbers: list[int]) -> RestoredPartitions:
        """Raises ConfigurationError where topics and state do not belong together; docs/architecture.md, "What
        operators do to topics and groups", lists the cases."""
        topic_ids = await known_topic_ids(self._settings)
        obstacles = await self._hidden(numbers)
        visible = [number for number in numbers if number not in obstacles]
        if not visible:
            return RestoredPartitions({}, {}, topic_ids, obstacles)
        states, parts, unread = await self._read_states(visible)
        positions = await self._positions(states, parts, topic_ids) if states else {}
        unchecked = await self._check_commands(states, parts, topic_ids) if states else {}
        for number in unchecked:
            del states[number], positions[number]
        return RestoredPartitions(states, positions, topic_ids, obstacles | unread | unchecked)

    async def _hidden(self, numbers: list[int]) -> dict[int, Obstacle]:
        """The obstacle of each partition in which a transaction hides records of the state. It is none of ours under
        way, because the producers are open, which ends those; but a broker may forget to write the end of one into a
        partition, or another program may have one open there."""
        hidden = await hidden_state(self._offsets, numbers, _END_SECONDS)
        if hidden:
            await asyncio.gather(*(self._end_of_older_release(number) for number in hidden))
            hidden = await hidden_state(self._offsets, hidden, _END_SECONDS)
        return {n: Obstacle(hidden_state_sentence(n, offset, self._settings)) for n, offset in hidden.items()}

    async def _end_of_older_release(self, number: int) -> None:
        """End what a worker of an older release has left open, when it was killed amid a flush."""
        try:
            await self._fence_older_release(number)
        except SpendgateError as error:
            # The right that only the first start after an upgrade needs may be missing. The broker ends it in a minute.
            log.info("older_release_not_fenced", partition=number, why=repr(error))

    async def _positions(
        self, states: Mapping[int, PartitionState], parts: Mapping[int, PartRecord | None], topic_ids: dict[str, str]
    ) -> dict[int, dict[Topic, int]]:
        settings, numbers = self._settings, list(states)
        beginnings = await self._offsets.beginnings(numbers, (*INPUTS, Topic.CONTROLLER_STATE))
        ends = await self._offsets.ends(numbers)
        committed = await committed_offsets(settings, settings.topic(WORKER_GROUP), numbers)
        positions = {
            n: check_positions(n, parts[n], OnBroker(topic_ids, beginnings[n], ends[n], committed[n])) for n in numbers
        }
        for state in states.values():
            check_brands(state, settings)
        return positions

    async def _read_states(
        self, numbers: list[int]
    ) -> tuple[dict[int, PartitionState], dict[int, PartRecord | None], dict[int, Obstacle]]:
        """The states and their `part` by partition, and the obstacle of each whose state is not final, because a
        worker of an older release may still write it."""
        states: dict[int, PartitionState] = {}
        parts: dict[int, PartRecord | None] = {}
        unread: dict[int, Obstacle] = {}
        async with changelog_consumer(client_options(self._settings)) as consumer:
            for number in numbers:  # one after the other, because a changelog takes half the memory of its state
                try:
                    changelog = await self._read_changelog(consumer, number)
                except NotOpened as error:
                    unread[number] = Obstacle(str(error))
                    continue
                states[number], parts[number] = self._empty_state(number), changelog.part
                with _uncollected():
                    changelog.restore_and_clear(states[number], partial(_log_skipped, number))
        return states, parts, unread

    async def _read_changelog(self, consumer: AIOKafkaConsumer, number: int) -> Changelog:
        name = self._settings.topic(Topic.CONTROLLER_STATE)
        changelog = await read_changelog(consumer, name, number, self._count)
        if not _is_of_older_release(changelog):
            return changelog
        await self._fence_older_release(number)
        return await read_changelog(consumer, name, number, self._count)

    async def _fence_older_release(self, number: int) -> None:
        """Older releases had other transactional ids: one of their workers may be frozen and not fenced."""
        writer = PartitionWriter(f"{self._settings.topic('worker')}-{number}", self._settings)
        try:
            await self._open_producer(writer, _FENCE_SECONDS)
        finally:
            await writer.close()

    def _empty_state(self, number: int) -> PartitionState:
        return PartitionState(
            number,
            DuplicateWindow(self._settings.duplicate_window),
            tolerance=self._settings.tolerance,
            reaction_ms=self._settings.reaction_seconds * 1000,
            guarded=set(self._guarded),
        )

    async def _check_commands(
        self, states: Mapping[int, PartitionState], parts: Mapping[int, PartRecord | None], topic_ids: Mapping[str, str]
    ) -> dict[int, Obstacle]:
        """Compare states with `campaign-control`, which is read only where one of the two may have been recreated.
        Returns the obstacle of each state that cannot be compared, because the topic does not answer where the state
        has commands, or where it is to be read."""
        control = Topic.CAMPAIGN_CONTROL
        topic_partitions = [(control, number) for number in range(self._settings.partitions)]
        silent = await silent_partitions(self._offsets, topic_partitions)
        answering = [number for topic, number in topic_partitions if (topic, number) not in silent]
        beginnings = await self._offsets.beginnings(answering, (control,))
        has_lost_records = any(of_partition[control] for of_partition in beginnings.values())
        empty = {number for number, part in parts.items() if part is None}
        to_check = {
            number
            for number, part in parts.items()
            if part is not None and (has_lost_records or part.topic_ids.get(control) != topic_ids[control])
        }
        if silent:
            return self._unchecked(states, silent, to_read=empty | to_check)
        if empty or to_check:
            published = await read_last_commands(self._settings, self._count)
            check_topic_has_none_of(empty, published, self._settings)
            check_topic_has_all([states[number] for number in to_check], published)
        return {}

    def _unchecked(
        self, states: Mapping[int, PartitionState], silent: Mapping[TopicAndPartition, str], to_read: Collection[int]
    ) -> dict[int, Obstacle]:
        """The obstacle of each state with commands in the silent partitions of `campaign-control`, and of those for
        which the whole topic is to be read."""
        needed: dict[int, Collection[TopicAndPartition]] = {number: silent.keys() for number in to_read}
        for number, state in states.items():
            numbers = command_partitions(state, self._settings.partitions)
            needed.setdefault(number, {(Topic.CAMPAIGN_CONTROL, it) for it in numbers})
        return obstacles_of(needed, silent, self._settings)


def _log_skipped(partition: int, key: str, why: str) -> None:
    log.error("state_not_restored", partition=partition, key=key, why=why)


def _is_of_older_release(changelog: Changelog) -> bool:
    return changelog.part is not None and is_of_older_release(changelog.part)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the garbage collector: nothing of a state is garbage, and to look at all of it again and again takes an
    eighth of the time. Afterwards all objects are in the oldest generation, which is hardly ever collected."""
    gc.disable()
    try:
        yield
    finally:
        # Both only move lists. The collector would look at each object twice before it was that old, at a million
        # brands for a second each time, in which nothing is decided.
        gc.freeze()
        gc.unfreeze()
        gc.enable()
