"""What an owned partition decides of what it was given, and which end offsets it asks the broker for."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from aiokafka import ConsumerRecord

from streams.core.duplicates import DuplicateWindow
from streams.core.moment import parse_moment
from streams.core.state import PartitionState
from streams.partition import OwnedPartition
from streams.settings import Settings, Timestamps
from streams.topics import INPUTS, Topic
from streams.writer import PartitionWriter
from tests.streams.broker import spend_event

NOON = parse_moment("2025-09-08T12:00:00Z")


class Desk:
    """A partition with two paused brands, and the broker's answers in the test's hands. Nothing is written."""

    def __init__(self) -> None:
        settings = Settings(partitions=1, timestamps=Timestamps.CREATE)
        writer = PartitionWriter("never-opened", {})
        state = PartitionState(0, DuplicateWindow(100))
        self.asked: list[asyncio.Future[int]] = []
        self.partition = OwnedPartition(state, writer, settings, {}, self._end_offset)
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

    def told(self) -> list[str]:
        commands, self.partition.state.commands = self.partition.state.commands, []
        return [f"{it.action} {it.campaign_id}" for it in commands]

    async def _end_offset(self, topic: Topic, number: int) -> int:
        assert (topic, number) == (Topic.SPEND_EVENTS, 0)
        self.asked.append(asyncio.get_running_loop().create_future())
        return await self.asked[-1]


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    for brand_id in ("nike", "puma"):
        brand = {"kind": "brand", "brand_id": brand_id, "version": 1, "currency": "USD", "daily_budget": "10"}
        desk.read(Topic.CATALOG, brand_id, {**brand, "zones": [{"time_zone": "UTC", "from": None}]})
        desk.spend(brand_id, "10")
        campaign = {"kind": "campaign", "brand_id": brand_id, "campaign_id": f"{brand_id}-1", "version": 1}
        desk.read(Topic.CATALOG, f"{brand_id}/{brand_id}-1", campaign)
    assert desk.told() == ["pause nike-1", "pause puma-1"]
    yield desk
    await desk.partition.close()


async def test_a_resume_that_came_up_while_another_was_awaited_is_told_though_no_record_follows(desk: Desk) -> None:
    desk.spend("nike", "-5")
    await asyncio.sleep(0)
    desk.spend("puma", "-5")
    await desk.answer()
    assert desk.told() == ["resume nike-1"]
    await desk.answer()
    assert desk.told() == ["resume puma-1"]


async def test_an_answer_of_before_a_rebalance_releases_nothing_after_it(desk: Desk) -> None:
    desk.spend("nike", "-5")
    await asyncio.sleep(0)
    desk.partition.begin(desk.partition.inbox.positions(), {})
    await asyncio.sleep(0)
    await desk.answer()
    assert desk.told() == []
    await desk.answer()
    assert desk.told() == ["resume nike-1"]
