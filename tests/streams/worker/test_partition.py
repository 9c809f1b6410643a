"""What an owned partition decides of what it was given, and which end offsets it asks the broker for."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from functools import partial

import pytest
from aiokafka import ConsumerRecord
from prometheus_client import REGISTRY

from core.decide_catalog import leaves_pending_resumes
from core.duplicates import DuplicateWindow
from core.errors import TransactionLost
from core.heartbeat import CLOCKS_APART_MS
from core.moment import HOUR, Moment, format_moment, parse_moment
from core.state import PartitionState
from core.state_changes import take_changes
from streams.kafka.topics import INPUTS, Topic
from streams.settings import Settings, Timestamps
from streams.worker import apply, applying_order
from streams.worker.partition import BrokerQueries, OwnedPartition
from streams.worker.transaction import PartitionWriter
from streams.worker.writes import Write
from tests.streams.broker import spend_event

NOON = parse_moment("2025-09-08T12:00:00Z")
MIDNIGHT = parse_moment("2025-09-09T00:00:00Z")


class PartitionHarness:
    """A partition with two paused brands, and the broker's answers in the test's hands. Nothing is written."""

    def __init__(self) -> None:
        settings = Settings(partitions=1, timestamps=Timestamps.CREATE)
        writer = PartitionWriter("never-opened", settings)
        state = PartitionState(0, DuplicateWindow(100))
        self.asked: list[asyncio.Future[int]] = []
        self.questions = 0
        self.doubted: list[str | None] = []
        queries = BrokerQueries(self._end_offset, self._control_ends, self._message_limit)
        self.partition = OwnedPartition(state, writer, settings, {}, queries, self.doubted.append, asyncio.Lock())
        self._next = dict.fromkeys(INPUTS, 0)
        self.partition.begin(dict(self._next), {})

    def record(self, topic: Topic, key: str, value: object, arrival: Moment | None = None) -> ConsumerRecord:
        """The next record of a topic, which is not read yet."""
        offset = self._next[topic]
        self._next[topic] = offset + 1
        raw = json.dumps(value).encode()
        arrival = NOON + offset if arrival is None else arrival
        return ConsumerRecord(topic, 0, offset, arrival, 0, key.encode(), raw, None, 4, len(raw), ())

    def read(self, topic: Topic, key: str, value: object, arrival: Moment | None = None) -> None:
        record = self.record(topic, key, value, arrival)
        self.partition.receive(topic, [record], record.offset + 1, {topic: record.offset + 1})

    def spend(self, brand_id: str, amount: str, arrival: Moment | None = None) -> None:
        event = spend_event(brand_id, f"{brand_id}-1", amount, f"{self._next[Topic.SPEND_EVENTS]}")
        self.read(Topic.SPEND_EVENTS, brand_id, event, arrival)

    def paused_brand(self, brand_id: str, time_zone: str = "UTC") -> None:
        """A brand whose budget of 10 is exhausted, with one campaign."""
        brand = {"kind": "brand", "brand_id": brand_id, "version": 1, "currency": "USD", "daily_budget": "10"}
        self.read(Topic.CATALOG, brand_id, {**brand, "zones": [{"time_zone": time_zone, "from": None}]})
        self.spend(brand_id, "10")
        campaign = {"kind": "campaign", "brand_id": brand_id, "campaign_id": f"{brand_id}-1", "version": 1}
        self.read(Topic.CATALOG, f"{brand_id}/{brand_id}-1", campaign)

    def tick(self, again: bool = False) -> None:
        """Of the next midnight, UTC; `again` reads the same record once more."""
        self._next[Topic.DAYPARTING_TICKS] -= again
        tick = {"tick_id": "midnight", "due_at": format_moment(MIDNIGHT)}
        self.read(Topic.DAYPARTING_TICKS, "0", tick, MIDNIGHT)

    def reset(self) -> None:
        reset = {"reset_id": "r", "kind": "daily", "time_zone": "UTC", "period": "2025-09-09"}
        self.read(Topic.BUDGET_RESETS, "0", {**reset, "due_at": format_moment(MIDNIGHT)}, MIDNIGHT)

    def is_applied(self, topic: Topic) -> bool:
        return self.partition.inbox.applied(topic) == self._next[topic]

    async def emitted_until(self, applied: Topic) -> list[str]:
        """What is emitted until the topic is applied and no resume is pending; every question is answered."""
        found: list[str] = []
        async with asyncio.timeout(30):
            while not self.is_applied(applied) or self.partition.state.pending_resumes:
                await asyncio.sleep(0)
                if self.asked:
                    await self.answer()
                found += self.emitted()
        return found + self.emitted()

    async def answer(self) -> None:
        """The oldest question: spend ends where it was read up to."""
        while not self.asked:
            await asyncio.sleep(0)
        question = self.asked.pop(0)
        if not question.cancelled():
            question.set_result(self._next[Topic.SPEND_EVENTS])
        for _ in range(3):
            await asyncio.sleep(0)

    def emitted(self) -> list[str]:
        """The commands since the last call. All that was decided counts as committed."""
        commands, self.partition.state.commands = self.partition.state.commands, []
        take_changes(self.partition.state, {}, {})
        self.partition.work()
        return [f"{it.action} {it.campaign_id}" for it in commands]

    async def _message_limit(self, topic: str) -> int | None:
        raise AssertionError("nothing is written")

    async def _control_ends(self, partitions: Collection[int]) -> dict[int, int]:
        return dict.fromkeys(partitions, 0)

    async def _end_offset(self, topic: Topic, number: int, readable: bool) -> int:
        assert (topic, number) == (Topic.SPEND_EVENTS, 0)
        self.questions += 1
        self.asked.append(asyncio.get_running_loop().create_future())
        return await self.asked[-1]


@pytest.fixture
async def harness() -> AsyncIterator[PartitionHarness]:
    harness = PartitionHarness()
    for brand_id in ("nike", "puma"):
        harness.paused_brand(brand_id)
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


def _claimed(harness: PartitionHarness, now: Moment) -> Moment:
    """What a heartbeat says after a fetch of all topics at `now`, whatever it has left out for clocks that differ."""
    partition = harness.partition
    for topic in INPUTS:
        partition.inbox.note_fetched(topic, harness._next[topic], now + CLOCKS_APART_MS)
    partition._observe(partition.inbox.positions())
    return partition._heartbeat._decided_up_to.moment


async def test_a_heartbeat_claims_nothing_beyond_the_cause_of_a_pending_resume(harness: PartitionHarness) -> None:
    assert _claimed(harness, NOON + 1000) == NOON + 1000
    harness.spend("nike", "-5", NOON + 1500)
    assert _claimed(harness, NOON + 2000) == NOON + 1000
    await asyncio.sleep(0)
    harness.spend("puma", "-5", NOON + 2500)
    assert _claimed(harness, NOON + 3000) == NOON + 1000
    await harness.answer()
    assert harness.emitted() == ["resume nike-1"]
    assert _claimed(harness, NOON + 4000) < NOON + 2500, "puma-1 is pending"
    harness.partition.begin(harness.partition.inbox.positions(), {})
    assert _claimed(harness, NOON + 5000) < NOON + 2500, "a rebalance leaves it pending"
    await asyncio.sleep(0)
    while harness.partition.state.pending_resumes:
        await harness.answer()
    assert harness.emitted() == ["resume puma-1"]
    assert _claimed(harness, NOON + 6000) == NOON + 6000


async def test_nothing_of_a_poll_is_decided_before_all_of_it_came(harness: PartitionHarness) -> None:
    """Spend that was sent after an edit is decided by it, also where one poll has both and spend comes first."""
    brand = {"kind": "brand", "brand_id": "free", "currency": "USD", "zones": [{"time_zone": "UTC", "from": None}]}
    campaign = {"kind": "campaign", "brand_id": "free", "campaign_id": "free-1", "version": 1}
    harness.read(Topic.CATALOG, "free", {**brand, "version": 1, "daily_budget": "10"})
    harness.read(Topic.CATALOG, "free/free-1", campaign)
    await harness.answer()
    assert harness.emitted() == ["resume free-1"]
    raised = harness.record(Topic.CATALOG, "free", {**brand, "version": 2, "daily_budget": "100"}, NOON + HOUR)
    spent = harness.record(Topic.SPEND_EVENTS, "free", spend_event("free", "free-1", "50", "after"), NOON + HOUR + 1)
    polled = {Topic.SPEND_EVENTS: spent.offset + 1, Topic.CATALOG: raised.offset + 1}
    harness.partition.receive(Topic.SPEND_EVENTS, [spent], spent.offset + 1, polled)
    assert harness.emitted() == []
    assert not harness.is_applied(Topic.SPEND_EVENTS)
    harness.partition.receive(Topic.CATALOG, [raised], raised.offset + 1, polled)
    assert harness.is_applied(Topic.SPEND_EVENTS)
    assert harness.emitted() == []


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
    while harness.partition.state.pending_resumes:
        if harness.asked:
            questions += 1
            await harness.answer()
        await asyncio.sleep(0)
        told += harness.emitted()
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


@pytest.fixture
def one_brand_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (apply, applying_order):
        monkeypatch.setattr(module, "TURN_SECONDS", -1.0)


def _many_paused(harness: PartitionHarness) -> list[str]:
    brands = [f"brand-{number:02}" for number in range(40)]
    for brand_id in brands:
        harness.paused_brand(brand_id)
    harness.emitted()
    return [f"resume {brand_id}-1" for brand_id in [*brands, "nike", "puma"]]


async def _part_of_a_midnight(harness: PartitionHarness, resumes: list[str]) -> list[str]:
    """What is emitted by the first turn after the end of spend is known: some of the resumes."""
    harness.tick()
    while not harness.is_applied(Topic.DAYPARTING_TICKS):
        await asyncio.sleep(0)
    await harness.answer()
    emitted = harness.emitted()
    assert 0 < len(emitted) < len(resumes)
    return emitted


@pytest.mark.parametrize("of_midnight", [PartitionHarness.tick, PartitionHarness.reset])
async def test_spend_of_others_is_decided_while_the_brands_of_a_midnight_are(
    harness: PartitionHarness, one_brand_a_turn: None, of_midnight: Callable[[PartitionHarness], None]
) -> None:
    resumes = _many_paused(harness)
    harness.paused_brand("far", "America/New_York")  # its midnight is four hours later
    harness.read(Topic.SPEND_EVENTS, "far", spend_event("far", "far-1", "-5", "refund"))
    await harness.emitted_until(Topic.SPEND_EVENTS)
    topic = Topic.DAYPARTING_TICKS if of_midnight is PartitionHarness.tick else Topic.BUDGET_RESETS
    of_midnight(harness)
    await asyncio.sleep(0)
    assert not harness.is_applied(topic)
    harness.spend("far", "5", MIDNIGHT + 1)
    assert harness.emitted() == ["pause far-1"]
    assert not harness.is_applied(topic), "most brands are still due"
    assert sorted(await harness.emitted_until(topic)) == resumes


@pytest.mark.parametrize("of_midnight", [PartitionHarness.tick, PartitionHarness.reset])
async def test_one_question_to_the_broker_is_for_all_the_brands_of_a_midnight(
    harness: PartitionHarness, one_brand_a_turn: None, of_midnight: Callable[[PartitionHarness], None]
) -> None:
    resumes = _many_paused(harness)
    before = harness.questions
    of_midnight(harness)
    topic = Topic.DAYPARTING_TICKS if of_midnight is PartitionHarness.tick else Topic.BUDGET_RESETS
    assert sorted(await harness.emitted_until(topic)) == resumes
    assert harness.questions == before + 1
    harness.spend("nike", "10", MIDNIGHT + 1)
    harness.spend("nike", "-5", MIDNIGHT + 2)
    assert harness.emitted() == ["pause nike-1"], "spend that is read later asks anew"
    await asyncio.sleep(0)
    assert harness.questions == before + 2


async def test_what_was_read_before_a_rebalance_asks_anew_after_it(
    harness: PartitionHarness, one_brand_a_turn: None
) -> None:
    _many_paused(harness)
    harness.tick()
    await asyncio.sleep(0)
    await harness.answer()
    assert harness.emitted()
    before = harness.questions
    harness.partition.begin(harness.partition.inbox.positions(), {})
    harness.tick(again=True)
    await harness.emitted_until(Topic.DAYPARTING_TICKS)
    assert harness.questions > before


async def test_what_is_under_way_passes_the_event_loop_several_times_before_the_next_turn(
    harness: PartitionHarness, one_brand_a_turn: None
) -> None:
    """Records on their way to a decision, and flushes: each would wait for a turn as often as it needs the loop."""
    _many_paused(harness)
    harness.tick()
    for _ in range(80):
        await asyncio.sleep(0)
    assert 2 <= len(harness.partition.state.pending_resumes) <= 10


async def test_spend_of_a_brand_that_is_still_due_begins_its_day(
    harness: PartitionHarness, one_brand_a_turn: None
) -> None:
    resumes = _many_paused(harness)
    harness.tick()
    harness.spend("puma", "10", MIDNIGHT + 1)
    state = harness.partition.state
    assert (state.brands["puma"].daily_micros, state.brands["puma"].monthly_micros) == (10_000_000, 20_000_000)
    emitted = await harness.emitted_until(Topic.DAYPARTING_TICKS)
    assert sorted(emitted) == resumes[:-1], "puma has used up the budget of the new day as well"


async def test_a_tick_that_is_cut_short_leaves_the_other_brands_due(
    harness: PartitionHarness, one_brand_a_turn: None
) -> None:
    resumes = _many_paused(harness)
    harness.tick()
    await asyncio.sleep(0)
    assert not harness.is_applied(Topic.DAYPARTING_TICKS)
    harness.partition.begin(harness.partition.inbox.positions(), {})
    harness.tick(again=True)
    assert sorted(await harness.emitted_until(Topic.DAYPARTING_TICKS)) == resumes


async def test_a_resume_is_not_emitted_where_spend_between_two_turns_has_used_the_budget_up(
    harness: PartitionHarness, one_brand_a_turn: None
) -> None:
    resumes = _many_paused(harness)
    emitted = await _part_of_a_midnight(harness, resumes)
    harness.spend("puma", "10", MIDNIGHT + 1)
    emitted += await harness.emitted_until(Topic.SPEND_EVENTS)
    assert sorted(emitted) == resumes[:-1]


async def test_spend_of_others_does_not_wait_for_the_resumes_of_a_midnight(
    harness: PartitionHarness, one_brand_a_turn: None
) -> None:
    resumes = _many_paused(harness)
    harness.paused_brand("far", "America/New_York")
    harness.read(Topic.SPEND_EVENTS, "far", spend_event("far", "far-1", "-5", "refund"))
    await harness.emitted_until(Topic.SPEND_EVENTS)
    await _part_of_a_midnight(harness, resumes)
    harness.spend("far", "5", MIDNIGHT + 1)
    assert "pause far-1" in harness.emitted()


async def test_many_brands_of_a_tick_wait_for_a_flush_and_spend_does_not(
    harness: PartitionHarness, one_brand_a_turn: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    resumes = _many_paused(harness)
    monkeypatch.setattr(applying_order, "_WRITES_OF_TURNS", 10)
    harness.tick()
    for _ in range(100):
        await asyncio.sleep(0)
    dirty = harness.partition.state.dirty_brands
    assert 10 < len(dirty) <= 12
    harness.spend("puma", "1", MIDNIGHT + 1)
    assert harness.partition.state.brands["puma"] in dirty
    assert harness.partition._urgent.is_set(), "it asks for the flush"
    assert sorted(await harness.emitted_until(Topic.DAYPARTING_TICKS)) == resumes


async def test_resumes_of_a_midnight_gather_for_a_flush_and_a_pause_does_not_wait_for_them(
    harness: PartitionHarness, one_brand_a_turn: None
) -> None:
    _many_paused(harness)
    harness.paused_brand("far", "America/New_York")  # its midnight is four hours later
    far = {"kind": "brand", "brand_id": "far", "version": 2, "currency": "USD", "daily_budget": "10"}
    zones = [{"time_zone": "America/New_York", "from": None}]
    harness.read(Topic.CATALOG, "far", {**far, "zones": zones, "alert_percents": []})  # alerts do not wait either
    harness.read(Topic.SPEND_EVENTS, "far", spend_event("far", "far-1", "-5", "refund"))
    await harness.emitted_until(Topic.SPEND_EVENTS)
    state, urgent = harness.partition.state, harness.partition._urgent
    state.alerts.clear()  # all that was decided counts as committed
    urgent.clear()
    harness.tick()
    await asyncio.sleep(0)
    await harness.answer()
    while len(state.commands) < 10:
        await asyncio.sleep(0)
    assert not urgent.is_set()
    assert harness.partition._changed.is_set(), "they do not wait for longer than other changes do"
    harness.spend("far", "5", MIDNIGHT + 1)
    assert urgent.is_set()
    urgent.clear()
    state.commands.clear()
    while state.pending_resumes or not harness.is_applied(Topic.DAYPARTING_TICKS):
        await asyncio.sleep(0)
    assert urgent.is_set(), "nothing more is to come"


async def test_a_partition_that_is_handed_over_amid_a_tick_is_flushed_once(
    harness: PartitionHarness, one_brand_a_turn: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would flush again and again, each flush because of the one before, until it is closed."""
    _many_paused(harness)
    monkeypatch.setattr(applying_order, "_WRITES_OF_TURNS", 10)
    partition = harness.partition
    harness.tick()
    for _ in range(100):
        await asyncio.sleep(0)
    assert partition._urgent.is_set()
    partition.suspended = True
    partition._changed.clear()
    partition.flushed = partition.inbox.positions()
    take_changes(partition.state, {}, {})  # what was decided is committed
    partition.state.alerts.clear()
    partition.work()
    assert not partition._changed.is_set()


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
