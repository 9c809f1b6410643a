"""What an owned partition decides of what it was given, and which end offsets it asks the broker for."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from functools import partial

import pytest
from aiokafka import ConsumerRecord
from prometheus_client import REGISTRY

from core.decide_catalog import leaves_pending_resumes
from core.duplicates import DuplicateWindow
from core.errors import TransactionLost
from core.moment import HOUR, parse_moment
from core.state import PartitionState
from core.state_changes import take_changes
from streams.kafka.topics import INPUTS, Topic
from streams.settings import Settings, Timestamps
from streams.worker.partition import OwnedPartition
from streams.worker.transaction import PartitionWriter
from streams.worker.writes import Write
from tests.streams.broker import spend_event

NOON = parse_moment("2025-09-08T12:00:00Z")


class PartitionHarness:
    """A partition with two paused brands, and the broker's answers in the test's hands. Nothing is written."""

    def __init__(self) -> None:
        settings = Settings(partitions=1, timestamps=Timestamps.CREATE)
        writer = PartitionWriter("never-opened", settings)
        state = PartitionState(0, DuplicateWindow(100))
        self.asked: list[asyncio.Future[int]] = []
        self.doubted: list[str | None] = []
        ask, doubt = self._end_offset, self.doubted.append
        self.partition = OwnedPartition(state, writer, settings, {}, ask, self._message_limit, doubt)
        self._next = dict.fromkeys(INPUTS, 0)
        self.partition.begin(dict(self._next), {})

    def read(self, topic: Topic, key: str, value: object) -> None:
        offset = self._next[topic]
        self._next[topic] = offset + 1
        raw = json.dumps(value).encode()
        record = ConsumerRecord(topic, 0, offset, NOON + offset, 0, key.encode(), raw, None, 4, len(raw), ())
        self.partition.inbox.add(topic, [record], offset + 1)
        self.partition.work()

    def spend(self, brand_id: str, amount: str) -> None:
        event = spend_event(brand_id, f"{brand_id}-1", amount, f"{self._next[Topic.SPEND_EVENTS]}")
        self.read(Topic.SPEND_EVENTS, brand_id, event)

    async def answer(self) -> None:
        """The oldest question: spend ends where it was read up to."""
        await asyncio.sleep(0)
        question = self.asked.pop(0)
        if not question.cancelled():
            question.set_result(self._next[Topic.SPEND_EVENTS])
        for _ in range(3):
            await asyncio.sleep(0)

    def emitted(self) -> list[str]:
        commands, self.partition.state.commands = self.partition.state.commands, []
        return [f"{it.action} {it.campaign_id}" for it in commands]

    async def _message_limit(self, topic: str) -> int | None:
        raise AssertionError("nothing is written")

    async def _end_offset(self, topic: Topic, number: int, readable: bool) -> int:
        assert (topic, number) == (Topic.SPEND_EVENTS, 0)
        self.asked.append(asyncio.get_running_loop().create_future())
        return await self.asked[-1]


@pytest.fixture
async def harness() -> AsyncIterator[PartitionHarness]:
    harness = PartitionHarness()
    for brand_id in ("nike", "puma"):
        brand = {"kind": "brand", "brand_id": brand_id, "version": 1, "currency": "USD", "daily_budget": "10"}
        harness.read(Topic.CATALOG, brand_id, {**brand, "zones": [{"time_zone": "UTC", "from": None}]})
        harness.spend(brand_id, "10")
        campaign = {"kind": "campaign", "brand_id": brand_id, "campaign_id": f"{brand_id}-1", "version": 1}
        harness.read(Topic.CATALOG, f"{brand_id}/{brand_id}-1", campaign)
    assert harness.emitted() == ["pause nike-1", "pause puma-1"]
    yield harness
    await harness.partition.close()


async def test_a_resume_that_came_up_while_another_was_awaited_is_told_though_no_record_follows(
    harness: PartitionHarness,
) -> None:
    harness.spend("nike", "-5")
    await asyncio.sleep(0)
    harness.spend("puma", "-5")
    await harness.answer()
    assert harness.emitted() == ["resume nike-1"]
    await harness.answer()
    assert harness.emitted() == ["resume puma-1"]


async def test_an_answer_of_before_a_rebalance_releases_nothing_after_it(harness: PartitionHarness) -> None:
    harness.spend("nike", "-5")
    await asyncio.sleep(0)
    harness.partition.begin(harness.partition.inbox.positions(), {})
    await asyncio.sleep(0)
    await harness.answer()
    assert harness.emitted() == []
    await harness.answer()
    assert harness.emitted() == ["resume nike-1"]


async def test_many_first_states_are_asked_for_at_once(harness: PartitionHarness) -> None:
    """A question to the broker for each would take minutes for a large catalog."""
    brands = [f"brand-{number:03}" for number in range(300)]
    for brand_id in brands:
        brand = {"kind": "brand", "brand_id": brand_id, "version": 1, "currency": "USD"}
        harness.read(Topic.CATALOG, brand_id, {**brand, "zones": [{"time_zone": "UTC", "from": None}]})
        for number in (1, 2):
            campaign_id = f"{brand_id}-{number}"
            campaign = {"kind": "campaign", "brand_id": brand_id, "campaign_id": campaign_id, "version": 1}
            harness.read(Topic.CATALOG, f"{brand_id}/{campaign_id}", campaign)
    questions = 0
    told: list[str] = []
    await asyncio.sleep(0)
    while harness.asked:
        questions += 1
        await harness.answer()
        told += harness.emitted()
    assert told == [f"resume {brand_id}-{number}" for brand_id in brands for number in (1, 2)]
    assert questions <= 2


async def test_a_document_that_concerns_a_pending_resume_waits_for_it(harness: PartitionHarness) -> None:
    harness.spend("nike", "-5")  # nike-1 may run again
    paused = {"kind": "campaign", "brand_id": "nike", "campaign_id": "nike-1", "version": 2, "enabled": False}
    harness.read(Topic.CATALOG, "nike/nike-1", paused)
    other = {"kind": "campaign", "brand_id": "nike", "campaign_id": "nike-2", "version": 1, "enabled": False}
    harness.read(Topic.CATALOG, "nike/nike-2", other)
    assert harness.emitted() == []
    await harness.answer()
    assert harness.emitted() == ["resume nike-1", "pause nike-1", "pause nike-2"]


async def test_a_document_waits_where_its_arrival_begins_a_day_for_a_pending_resume(harness: PartitionHarness) -> None:
    harness.spend("nike", "-5")
    state = harness.partition.state
    assert leaves_pending_resumes(state, "nike", "nike-2", NOON + HOUR)
    assert not leaves_pending_resumes(state, "nike", "nike-2", NOON + 12 * HOUR)
    assert not leaves_pending_resumes(state, "nike", "nike-1", NOON + HOUR)
    assert not leaves_pending_resumes(state, "nike", "", NOON + HOUR)
    assert leaves_pending_resumes(state, "puma", "", NOON + 12 * HOUR)
    assert leaves_pending_resumes(state, "puma", "puma-1", NOON + 12 * HOUR)
    assert leaves_pending_resumes(state, "unheard-of", "", NOON)


async def test_late_spend_and_held_resumes_are_measured(harness: PartitionHarness) -> None:
    late = partial(_sample, "spendgate_late_spend_seconds")
    held = partial(_sample, "spendgate_resume_held_seconds")
    waits = partial(_sample, "spendgate_resumes_awaited_seconds", partition="0")
    oldest = partial(_sample, "spendgate_oldest_event_id_age_seconds", partition="0")
    before, hour_before = late(suffix="_count"), late(suffix="_bucket", le="3600.0")
    held_before = held(suffix="_count")
    for event_id, occurred_at in (("in-time", "2025-09-08T11:59:05Z"), ("late", "2025-09-08T10:00:00Z")):
        harness.read(Topic.SPEND_EVENTS, "nike", spend_event("nike", "nike-1", "0.01", event_id, occurred_at))
    assert late(suffix="_count") == before + 1
    assert late(suffix="_bucket", le="3600.0") == hour_before

    harness.spend("nike", "-5")
    harness.partition._observe(harness.partition.inbox.positions())
    assert waits() > 0
    await harness.answer()
    assert harness.emitted() == ["resume nike-1"]
    assert held(suffix="_count") == held_before + 1
    take_changes(harness.partition.state, {}, {})
    harness.partition._observe(harness.partition.inbox.positions())
    assert waits() == 0
    assert oldest() > 0


def _sample(name: str, suffix: str = "", **labels: str) -> float:
    return REGISTRY.get_sample_value(f"{name}{suffix}", labels) or 0.0


async def test_a_transaction_that_is_lost_restores_the_partition_unless_its_producer_has_committed_nothing() -> None:
    written: list[int] = []

    async def commit(writes: Sequence[Write]) -> None:
        written.append(len(writes))

    async def lose(_writes: Sequence[Write]) -> None:
        raise TransactionLost("lost")

    fresh = PartitionHarness()
    fresh.partition.delivery.deliver = lose  # type: ignore[method-assign]
    with pytest.raises(TransactionLost):
        await fresh.partition.flush()
    assert fresh.doubted == []

    working = PartitionHarness()
    working.partition.delivery.deliver = commit  # type: ignore[method-assign]
    await working.partition.flush()
    working.partition.delivery.deliver = lose  # type: ignore[method-assign]
    await working.partition.flush()
    assert (working.doubted, working.partition.in_doubt, working.partition.suspended) == ([None], True, True)
    # What was taken from the state is lost with it, so nothing of it may be written any more.
    working.partition.delivery.deliver = commit  # type: ignore[method-assign]
    await working.partition.flush()
    assert len(written) == 1
    for one in (fresh, working):
        await one.partition.close()
