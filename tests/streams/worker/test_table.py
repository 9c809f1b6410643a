"""What the table makes of rebalances that follow each other. Needs no services: no broker has anything."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from functools import partial
from typing import Any, NoReturn
from unittest.mock import Mock

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError
from faust.types import TP
from typing_extensions import override

from core.duplicates import DuplicateWindow
from core.state import PartitionState
from streams.kafka.topics import ALL_TOPICS, INPUTS, Topic
from streams.settings import Settings
from streams.worker import fatal, table, unanswered
from streams.worker.committed_writes import CommittedWrites
from streams.worker.consumer import BatchConsumer, Chunk
from streams.worker.offset_queries import NO_LEADER, TopicAndPartition
from streams.worker.partition import OwnedPartition
from streams.worker.partition_restore import OpenProducer, RestoredPartitions
from streams.worker.table import ControllerTable
from streams.worker.transaction import NotOpened, PartitionWriter, TransactionFailure
from streams.worker.writes import Write

SETTINGS = Settings(partitions=3)
PATIENCE_SECONDS = 10


class SilentWriter(PartitionWriter):
    """Has no broker: it opens and writes when the test lets it."""

    def __init__(self, transactional_id: str, settings: Settings, committed: CommittedWrites | None = None) -> None:
        super().__init__(transactional_id, settings, committed)
        self.may_open = asyncio.Event()
        self.may_write = asyncio.Event()
        self.told_to_stop = asyncio.Event()
        self.opened = False

    @override
    async def open(self, patience_seconds: float = 0) -> None:
        self.opened = True
        await self.may_open.wait()

    @override
    def open_no_further(self) -> None:
        self.told_to_stop.set()
        self.may_open.set()

    @override
    async def attempt(self, writes: Sequence[Write]) -> list[TransactionFailure]:
        await self.may_write.wait()
        return []


class FailingWriter(SilentWriter):
    @override
    async def open(self, patience_seconds: float = 0) -> None:
        raise ConnectionError("no broker")


class UnopenedWriter(SilentWriter):
    """Of which the coordinator is away."""

    @override
    async def open(self, patience_seconds: float = 0) -> None:
        raise NotOpened(self._name, "no coordinator")


class NotedPartition(OwnedPartition):
    """Notes what the table does with it."""

    def __init__(self, notes: list[str], state: PartitionState, *arguments: Any) -> None:
        super().__init__(state, *arguments)
        self._notes = notes
        self._note("restored")

    @override
    def begin(self, positions: dict[Topic, int], ends: dict[Topic, int]) -> None:
        self._note("begun")
        super().begin(positions, ends)

    @override
    async def hand_over(self) -> None:
        self._note("flushed")
        await super().hand_over()

    @override
    async def close(self) -> None:
        self._note("closed")
        await super().close()

    def _note(self, what: str) -> None:
        self._notes.append(f"{what} {self.state.partition}")


class EmptyTopics:
    """Answers for a broker whose topics are empty, about states when the test lets it."""

    client = None

    def __init__(self) -> None:
        self.asked_for_states = asyncio.Event()
        self.may_restore = asyncio.Event()
        self.may_restore.set()
        self.open_producer: OpenProducer
        self.of_older_release: SilentWriter | None = None
        self.silent: set[int] = set()  # partitions that have no leader
        self.lost_in_restore: set[int] = set()  # those that have none from the next restore on
        self.lost_after_restore: set[int] = set()  # those that have none from the next question for ends on
        self.failures: list[Exception] = []  # of the next restores
        self.timed_out = False  # the next question for an end

    async def restore(self, numbers: list[int]) -> RestoredPartitions:
        self.asked_for_states.set()
        await self.may_restore.wait()
        if self.of_older_release:
            await self.open_producer(self.of_older_release, 0)
        if self.failures:
            raise self.failures.pop(0)
        self.silent |= self.lost_in_restore
        self._give_up(numbers)
        states = {number: PartitionState(number, DuplicateWindow(100)) for number in numbers}
        positions = {number: dict.fromkeys(INPUTS, 0) for number in numbers}
        return RestoredPartitions(states, positions, dict.fromkeys(ALL_TOPICS, "id"), {})

    async def ends(self, numbers: Iterable[int]) -> dict[int, dict[Topic, int]]:
        self.silent |= self.lost_after_restore
        self._give_up(numbers)
        return {number: dict.fromkeys(INPUTS, 0) for number in numbers}

    async def end(self, topic: Topic, partition: int, stable: bool) -> int:
        if self.timed_out:
            self.timed_out = False
            raise KafkaTimeoutError
        return await self._answer(partition)

    async def high_watermarks(self, topic_partitions: Iterable[TopicAndPartition]) -> None:
        await asyncio.gather(*(self._answer(number) for _, number in topic_partitions))

    async def state_ends(self, numbers: Iterable[int], stable: bool) -> dict[int, int]:
        return {number: await self._answer(number) for number in numbers}

    def leader(self, topic_partition: TopicAndPartition) -> int | None:
        return NO_LEADER if topic_partition[1] in self.silent else 1

    def _give_up(self, numbers: Iterable[int]) -> None:
        if self.silent & set(numbers):
            raise KafkaTimeoutError

    async def _answer(self, number: int) -> int:
        if number in self.silent:
            await asyncio.Event().wait()
        return 0

    async def control_ends(self, partitions: Collection[int]) -> dict[int, int]:
        return dict.fromkeys(partitions, 0)

    async def watch(self, *_: object) -> None:
        await asyncio.Event().wait()


class TableHarness:
    """A table, and in the test's hands what it talks to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.notes: list[str] = []
        self.topics = EmptyTopics()
        self.writers: dict[int, SilentWriter] = {}
        self.slow: set[int] = set()  # partitions whose producers are not opened by themselves
        self.failing: set[int] = set()
        self.unopened: set[int] = set()
        self.made: Counter[int] = Counter()  # producers, by partition
        monkeypatch.setattr(table, "PartitionWriter", self._writer)
        monkeypatch.setattr(table, "PartitionRestore", self._restore)
        monkeypatch.setattr(table, "_LOOK_AGAIN_SECONDS", 0.01)
        monkeypatch.setattr(unanswered, "_TOGETHER_SECONDS", 0.01)
        monkeypatch.setattr(unanswered, "_CHECK_SECONDS", 0.01)
        monkeypatch.setattr(table, "OwnedPartition", partial(NotedPartition, self.notes))
        monkeypatch.setattr(table, "watch_topics", self.topics.watch)
        monkeypatch.setattr(fatal, "end_process", _fail)
        self.table = ControllerTable(Mock(), name=Topic.CONTROLLER_STATE, default=None, partitions=SETTINGS.partitions)
        self.table.configure(SETTINGS)
        self.table._offsets = self.topics  # type: ignore[assignment]

    async def take_over(self, *numbers: int) -> object:
        return await self.table.take_over(_tps(numbers))

    async def rebalance(self, *numbers: int) -> None:
        """What Faust calls for each generation of the group, of which the worker gets these partitions."""
        await self.table.hand_over()
        await self.table.on_rebalance(_tps(numbers))

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                await asyncio.sleep(0.01)

    def _restore(self, *arguments: Any) -> EmptyTopics:
        self.topics.open_producer = arguments[-1]
        return self.topics

    def _writer(
        self, transactional_id: str, settings: Settings, committed: CommittedWrites | None = None
    ) -> SilentWriter:
        number = int(transactional_id.rpartition("-")[2])
        self.made[number] += 1
        kind = FailingWriter if number in self.failing else UnopenedWriter if number in self.unopened else SilentWriter
        writer = self.writers[number] = kind(transactional_id, settings, committed)
        writer.may_write.set()
        if number not in self.slow:
            writer.may_open.set()
        return writer


@pytest.fixture
async def harness(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TableHarness]:
    harness = TableHarness(monkeypatch)
    yield harness
    for writer in harness.writers.values():
        writer.open_no_further()
        writer.may_write.set()
    await harness.take_over()
    if harness.table._watching:
        harness.table._watching.cancel()


async def test_a_partition_that_is_kept_is_flushed_and_not_restored_again(harness: TableHarness) -> None:
    await harness.take_over(0)
    harness.notes.clear()
    await harness.rebalance(0)
    await harness.take_over(0)
    assert harness.notes == ["flushed 0", "begun 0"]


async def test_the_brands_of_all_owned_partitions_are_counted(harness: TableHarness) -> None:
    assert harness.table.brands == 0
    await harness.take_over(0, 1)
    for number, brand_id in ((0, "nike"), (1, "puma"), (1, "vans")):
        harness.table.owned[number].state.brand(brand_id)
    assert harness.table.brands == 3


async def test_a_partition_that_was_anothers_in_a_generation_between_is_restored_and_not_flushed(
    harness: TableHarness,
) -> None:
    await harness.take_over(0)
    await harness.rebalance()
    harness.notes.clear()
    await harness.rebalance(0)
    await harness.take_over(0)
    assert harness.notes == ["closed 0", "restored 0", "begun 0"]


async def test_a_partition_that_is_in_doubt_does_not_go_on_with_others(harness: TableHarness) -> None:
    await harness.take_over(0)
    harness.topics.asked_for_states.clear()
    harness.topics.may_restore.clear()
    harness.notes.clear()
    taking_over = asyncio.create_task(harness.take_over(0, 1))
    await harness.topics.asked_for_states.wait()
    harness.table.owned[0]._restore("nike")  # a decision has raised half-way
    harness.topics.may_restore.set()
    await taking_over
    async with asyncio.timeout(PATIENCE_SECONDS):
        while harness.notes[-1] != "begun 0":
            await asyncio.sleep(0)
    assert harness.notes[:6] == ["restored 1", "begun 1", "flushed 0", "closed 0", "restored 0", "begun 1"]


async def test_a_partition_waits_for_all_that_a_poll_has_of_it_and_for_nothing_of_others(harness: TableHarness) -> None:
    await harness.take_over(0, 1)
    records = {TP(Topic.SPEND_EVENTS, 0): [Mock(offset=6)], TP(Topic.CATALOG, 0): [Mock(offset=3)]}
    others = {TP(Topic.DAYPARTING_TICKS, 1): [Mock(offset=0)]}
    consumer = Mock(session=harness.table.app.consumer.session, _read_position={TP(Topic.CATALOG, 0): 5}.get)
    chunks: list[Chunk] = list(BatchConsumer._chunks(consumer, {**records, **others}, {TP(Topic.CATALOG, 0)}))
    polled = {Topic.SPEND_EVENTS: 7, Topic.CATALOG: 5}  # beyond the last record there may be a transaction's marker
    assert [(it.topic, it.partition, it.position, dict(it.polled)) for it in chunks] == [
        (Topic.SPEND_EVENTS, 0, 7, polled),
        (Topic.CATALOG, 0, 5, polled),
        (Topic.DAYPARTING_TICKS, 1, 1, {Topic.DAYPARTING_TICKS: 1}),
    ]
    harness.table.receive(chunks[0]._replace(records=[]))
    assert harness.table.owned[0].inbox.behind() == {Topic.CATALOG}
    assert harness.table.owned[1].inbox.behind() == set()
    harness.table.receive(chunks[1]._replace(records=[]))
    assert harness.table.owned[0].inbox.behind() == set()


async def test_a_hand_over_tells_producers_to_open_no_further_before_its_flush_ends(harness: TableHarness) -> None:
    await harness.take_over(0)
    harness.slow = {1}
    taking_over = asyncio.create_task(harness.take_over(0, 1))
    await _until_opening(harness, 1)
    harness.writers[0].may_write = harness.writers[1].told_to_stop
    async with asyncio.timeout(PATIENCE_SECONDS):
        await harness.table.hand_over()
    assert await taking_over is None


async def test_a_hand_over_waits_for_a_producer_though_the_opening_of_another_has_failed(harness: TableHarness) -> None:
    await harness.take_over(2)
    harness.slow, harness.failing = {1}, {0}
    taking_over = asyncio.create_task(harness.take_over(0, 1, 2))
    await _until_opening(harness, 1)
    for _ in range(10):  # the table learns of the failure
        await asyncio.sleep(0)
    await harness.table.hand_over()
    assert harness.writers[1].told_to_stop.is_set()
    assert await taking_over is None


async def test_a_hand_over_waits_for_the_producer_that_fences_an_older_release(harness: TableHarness) -> None:
    harness.topics.of_older_release = writer = SilentWriter("worker-0", SETTINGS)
    taking_over = asyncio.create_task(harness.take_over(0))
    await harness.until(lambda: writer.opened)
    await harness.table.hand_over()
    assert writer.told_to_stop.is_set()
    assert await taking_over is None
    assert harness.notes == []


async def test_an_older_release_is_not_fenced_when_a_hand_over_has_begun(harness: TableHarness) -> None:
    harness.topics.of_older_release = writer = SilentWriter("worker-0", SETTINGS)
    harness.topics.may_restore.clear()
    taking_over = asyncio.create_task(harness.take_over(0))
    await harness.topics.asked_for_states.wait()
    await harness.table.hand_over()
    harness.topics.may_restore.set()
    assert await taking_over is None
    assert not writer.opened


async def test_a_partition_whose_producer_cannot_be_opened_waits_alone_until_it_can(harness: TableHarness) -> None:
    harness.unopened = {1}
    await harness.take_over(0, 1)
    (said,) = harness.table.obstacles()
    assert "spendgate-worker-1 cannot be opened (no coordinator)" in said
    assert harness.table.not_delivered() == _tps([1])
    await harness.until(lambda: harness.made[1] == 3)
    assert harness.notes == ["restored 0", "begun 0"]  # and it is not begun again for nothing
    harness.unopened = set()
    await harness.until(lambda: not harness.table.obstacles())
    assert harness.notes[2:] == ["restored 1", "begun 0", "begun 1"]
    assert harness.table.not_delivered() == set()


async def test_a_partition_without_a_leader_waits_alone_also_where_it_was_owned_before(harness: TableHarness) -> None:
    await harness.take_over(0, 1)
    committed = harness.writers[1].take_committed()
    harness.topics.silent = {1, 2}
    await harness.rebalance(0, 1, 2)
    harness.notes.clear()
    await harness.take_over(0, 1, 2)
    assert harness.notes == ["closed 1", "begun 0"]
    assert [it.partition(":")[0] for it in sorted(harness.table.obstacles())] == [
        f"{SETTINGS.topic(Topic.BUDGET_RESETS)}, partition {number}, has no leader" for number in (1, 2)
    ]
    harness.topics.silent = {2}
    await harness.until(lambda: len(harness.table.obstacles()) == 1)
    assert harness.notes[2:] == ["restored 1", "begun 0", "begun 1"]
    assert harness.writers[1].take_committed() is committed
    harness.topics.silent = set()
    await harness.until(lambda: not harness.table.obstacles())
    assert harness.table.not_delivered() == set()


@pytest.mark.parametrize("step", ["lost_in_restore", "lost_after_restore"])
async def test_a_partition_that_loses_a_leader_during_a_take_over_waits_alone(harness: TableHarness, step: str) -> None:
    await harness.take_over(0, 1)
    committed = harness.writers[1].take_committed()
    await harness.rebalance(0, 1, 2)
    setattr(harness.topics, step, {1})
    await harness.take_over(0, 1, 2)
    assert sorted(harness.table.owned) == [0, 2]
    assert harness.notes[-2:] == ["begun 0", "begun 2"]
    (said,) = harness.table.obstacles()
    assert "partition 1, has no leader" in said
    setattr(harness.topics, step, set())
    harness.topics.silent.clear()
    await harness.until(lambda: not harness.table.obstacles())
    assert harness.table.not_delivered() == set()
    assert harness.writers[1].take_committed() is committed


async def test_a_restore_that_fails_though_every_leader_answers_is_tried_once_more(harness: TableHarness) -> None:
    harness.topics.failures = [KafkaConnectionError()]
    await harness.take_over(0)
    assert harness.notes == ["restored 0", "begun 0"]
    harness.topics.failures = [KafkaConnectionError(), KafkaConnectionError("twice")]
    with pytest.raises(AssertionError, match="could not be taken over"):
        await harness.take_over(0, 1)


async def test_a_partition_whose_end_kafka_does_not_say_is_restored_and_ends_no_worker(harness: TableHarness) -> None:
    await harness.take_over(0)
    harness.topics.timed_out = True
    partition = harness.table.owned[0]
    partition._barriers.raise_at_end(Topic.SPEND_EVENTS)
    await harness.until(lambda: harness.table.owned.get(0) not in (None, partition))
    assert harness.notes[-3:] == ["closed 0", "restored 0", "begun 0"]


async def _until_opening(harness: TableHarness, number: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not any(writer is harness.writers.get(number) for writer in harness.table._opening):
            await asyncio.sleep(0)


def _tps(numbers: Iterable[int]) -> set[TP]:
    return {TP(SETTINGS.topic(topic), number) for number in numbers for topic in INPUTS}


def _fail(why: str, _exit_code: int = 70) -> NoReturn:
    raise AssertionError(why)
