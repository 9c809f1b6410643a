"""Reading what the controller holds, from records that are written as the controller writes them."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from typing import Final

import pytest
from aiokafka import AIOKafkaProducer

from core.decide import decide_spend
from core.decide_catalog import decide_brand, decide_campaign
from core.decide_time import Tick, decide_tick
from core.duplicates import DuplicateWindow
from core.emission import release_resumes
from core.errors import ConfigurationError, SpendgateError, Unreachable
from core.moment import parse_moment
from core.partitioner import partition_of
from core.reasons import Reason
from core.records import BrandDocument, CampaignDocument, SpendEvent, WindowDocument, ZoneDocument
from core.spend import Spend, read_spend
from core.state import Origin, PartitionState
from core.state_changes import take_changes
from streams.kafka.codec import encode
from streams.kafka.options import client_options
from streams.kafka.topics import INPUTS, Topic
from streams.live_state import LiveState, find_brand_id, read_brand
from streams.reconnecting import Reconnecting
from streams.settings import Settings
from streams.worker.offset_queries import OffsetQueries
from streams.worker.transaction import PartitionWriter
from streams.worker.writes import Write
from tests.streams.broker import brand_in
from tests.topics import make_anew, make_topics

PARTITION: Final = 1
NINE: Final = parse_moment("2025-09-08T09:00:00Z")
AT_ONCE: Final = 0.0


class Controller:
    """One partition that decides and writes like the worker, but when the test says so."""

    def __init__(self, settings: Settings) -> None:
        self.state = PartitionState(PARTITION, DuplicateWindow(1_000_000))
        self.positions = dict.fromkeys(INPUTS, 0)
        self.brand_id = brand_in(PARTITION, settings.partitions, "brand")
        self._settings = settings
        self._writer = PartitionWriter(f"{settings.topic_prefix}writer", settings)
        self._offsets = OffsetQueries(settings)
        self._version = 0
        self._events = 0

    async def __aenter__(self) -> "Controller":
        await self._writer.open()
        await self._offsets.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._writer.close()
        await self._offsets.stop()

    def brand(self, daily_budget: str | None = None, at: int = NINE) -> None:
        self._version += 1
        zones = [ZoneDocument("Asia/Karachi")]
        document = BrandDocument(self.brand_id, self._version, zones, "USD", daily_budget=daily_budget)
        decide_brand(self.state, self.brand_id, encode(document), Origin(Topic.CATALOG, 0, at))

    def campaign(self, campaign_id: str, *windows: WindowDocument) -> None:
        self._version += 1
        document = CampaignDocument(self.brand_id, campaign_id, self._version, windows=list(windows))
        origin = Origin(Topic.CATALOG, 0, NINE)
        decide_campaign(self.state, self.brand_id, campaign_id, encode(document), origin)

    def spend(self, campaign_id: str, amount: str, at: str, occurred_at: str | None = None) -> None:
        self._events += 1
        event = SpendEvent(f"e{self._events}", self.brand_id, campaign_id, amount, occurred_at=occurred_at or at)
        spend = read_spend(encode(event).replace(b',"attributes":', b""))
        assert isinstance(spend, Spend)
        decide_spend(self.state, spend, Topic.SPEND_EVENTS, 0, parse_moment(at))

    def tick(self, at: str) -> None:
        decide_tick(self.state, Tick(parse_moment(at)), Origin(Topic.DAYPARTING_TICKS, 0, parse_moment(at)))

    def release(self) -> None:
        release_resumes(self.state, self.state.pending_resumes.values())

    async def flush(self) -> None:
        """One transaction, whose marker is then the last offset of the log and can be read."""
        ids = dict.fromkeys(INPUTS, "id")
        await self.write(take_changes(self.state, ids, {str(topic): at for topic, at in self.positions.items()}))

    async def write(self, entries: list[tuple[bytes, bytes | None]]) -> None:
        topic = self._settings.topic(Topic.CONTROLLER_STATE)
        assert await self._writer.attempt([Write(topic, PARTITION, key, value) for key, value in entries]) == []
        async with asyncio.timeout(60):  # a commit returns before its marker is written
            while await self._end(stable=True) != await self._end(stable=False):
                await asyncio.sleep(0.01)

    async def _end(self, stable: bool) -> int:
        return await self._offsets.end(Topic.CONTROLLER_STATE, PARTITION, stable)


@pytest.fixture
async def controller(settings: Settings) -> AsyncIterator[Controller]:
    await make_topics(settings, *INPUTS, Topic.CONTROLLER_STATE)
    async with Controller(settings) as controller:
        yield controller


async def test_a_look_tells_totals_reasons_sequence_and_when_it_resumes(
    settings: Settings, controller: Controller
) -> None:
    controller.brand(daily_budget="100")
    controller.campaign("a")
    controller.release()
    controller.spend("a", "100.5", "2025-09-08T11:00:00Z")
    await controller.flush()
    held = await read_brand(settings, controller.brand_id)
    assert held and held.is_current
    campaign = held.state.campaigns["a"]
    assert (held.state.daily_micros, campaign.total_micros, campaign.sequence) == (100_500_000, 100_500_000, 2)
    assert campaign.reasons == Reason.DAILY_BUDGET
    assert held.resumes_at(campaign) == parse_moment("2025-09-08T19:00:00Z")
    assert held.pauses_at(campaign) is None


async def test_a_running_campaign_tells_when_time_will_pause_it(settings: Settings, controller: Controller) -> None:
    controller.brand()
    controller.campaign("a", WindowDocument(["mon"], from_="09:00", to="17:00"))
    controller.release()
    await controller.flush()
    held = await read_brand(settings, controller.brand_id)
    assert held
    campaign = held.state.campaigns["a"]
    assert (held.resumes_at(campaign), held.pauses_at(campaign)) == (None, parse_moment("2025-09-08T12:00:00Z"))


async def test_a_day_that_ended_since_the_campaigns_record_shows_what_was_dated_ahead(
    settings: Settings, controller: Controller
) -> None:
    controller.brand()
    controller.campaign("a")
    controller.campaign("b")
    controller.release()
    controller.spend("a", "7", "2025-09-08T18:50:00Z")
    controller.spend("a", "3", "2025-09-08T18:59:00Z", occurred_at="2025-09-08T19:01:00Z")
    await controller.flush()
    controller.spend("b", "1", "2025-09-08T19:05:00Z")  # of the next day in Karachi; writes the brand and b, not a
    await controller.flush()
    held = await read_brand(settings, controller.brand_id)
    assert held and held.state.day
    assert (str(held.state.day.date), held.state.daily_micros) == ("2025-09-09", 4_000_000)
    totals = {it.campaign_id: (it.daily_micros, it.total_micros) for it in held.state.campaigns.values()}
    assert totals == {"a": (3_000_000, 10_000_000), "b": (1_000_000, 1_000_000)}


async def test_a_million_remembered_ids_do_not_make_a_look_slow(settings: Settings, controller: Controller) -> None:
    controller.brand()
    controller.campaign("a")
    controller.release()
    await controller.flush()
    await controller.write([(b"seen/%d" % number, os.urandom(512 * 1024)) for number in range(32)])
    started_at = time.monotonic()
    held = await read_brand(settings, controller.brand_id)
    assert held and held.is_current
    assert time.monotonic() - started_at < 1.5


async def test_what_an_aborted_transaction_left_behind_is_neither_seen_nor_waited_for(
    settings: Settings, controller: Controller
) -> None:
    controller.brand()
    controller.campaign("a")
    controller.release()
    await controller.flush()
    producer = AIOKafkaProducer(
        **client_options(settings), transactional_id=f"{settings.topic_prefix}aborted", enable_idempotence=True
    )
    async with producer:
        await producer.begin_transaction()
        key = f"brand/{controller.brand_id}".encode()
        await producer.send_and_wait(settings.topic(Topic.CONTROLLER_STATE), b"{", key=key, partition=PARTITION)
        await producer.abort_transaction()
    started_at = time.monotonic()
    held = await read_brand(settings, controller.brand_id)
    assert held and held.state.campaigns["a"].sequence == 1
    assert time.monotonic() - started_at < 1.5


async def test_a_look_waits_until_what_was_published_before_it_is_applied(
    settings: Settings, controller: Controller
) -> None:
    controller.brand()
    controller.campaign("a")
    await controller.flush()  # the first state of `a` is decided and not yet told
    async with AIOKafkaProducer(**client_options(settings)) as producer:
        await producer.send_and_wait(settings.topic(Topic.CATALOG), b"{}", key=b"other", partition=PARTITION)
    impatient = await read_brand(settings, controller.brand_id, AT_ONCE)
    assert impatient and not impatient.is_current
    look = asyncio.create_task(read_brand(settings, controller.brand_id, patience_seconds=20))
    controller.positions[Topic.CATALOG] = 1
    await controller.flush()
    controller.release()
    await controller.flush()
    patient = await look
    assert patient and patient.is_current
    assert patient.state.campaigns["a"].sequence == 1


async def test_a_brand_of_which_nothing_is_held_is_none(settings: Settings, controller: Controller) -> None:
    assert await read_brand(settings, controller.brand_id) is None
    controller.brand()
    await controller.flush()
    other = next(it for it in (f"other-{n}" for n in range(999)) if partition_of(it, settings.partitions) == PARTITION)
    assert await read_brand(settings, other) is None


async def test_the_brand_of_a_campaign_is_found_in_any_partition(settings: Settings, controller: Controller) -> None:
    controller.brand()
    controller.campaign("a")
    await controller.flush()
    assert await find_brand_id(settings, "a") == controller.brand_id
    assert await find_brand_id(settings, "b") is None


async def test_a_program_that_stays_sees_every_change_once(settings: Settings, controller: Controller) -> None:
    controller.brand(daily_budget="100")
    controller.campaign("a")
    controller.release()
    await controller.flush()
    async with LiveState(settings) as live, asyncio.timeout(30):
        assert live.brand_ids() == [controller.brand_id]
        found = live.campaign("a")
        assert found and found[1].sequence == 1
        observed = live.changes()
        waiting = asyncio.create_task(anext(observed))
        await asyncio.sleep(0)  # so that it watches before the change
        controller.spend("a", "100", "2025-09-08T11:00:00Z")
        await controller.flush()
        assert await waiting == {controller.brand_id}
        found = live.campaign("a")
        assert found and (found[1].sequence, found[1].reasons) == (2, Reason.DAILY_BUDGET)
        assert found[0].resumes_at(found[1]) == parse_moment("2025-09-08T19:00:00Z")
        await observed.aclose()


async def test_the_clock_of_a_quiet_brand_is_that_of_its_partition(settings: Settings, controller: Controller) -> None:
    controller.brand()
    controller.campaign("a")
    controller.release()
    await controller.flush()
    controller.tick("2025-09-08T10:00:00Z")
    await controller.flush()
    held = await read_brand(settings, controller.brand_id)
    assert held and held.clock == parse_moment("2025-09-08T10:00:00Z")
    async with LiveState(settings) as live:
        lived = live.brand(controller.brand_id)
        assert lived and lived.clock == held.clock


async def test_a_state_topic_made_anew_is_read_from_its_start_and_the_old_brands_are_gone(
    settings: Settings, controller: Controller
) -> None:
    controller.brand()
    await controller.flush()
    async with Reconnecting("state", Unreachable, lambda: LiveState(settings)) as state, asyncio.timeout(60):
        while not state.is_ready():
            await asyncio.sleep(0.02)
        first = state.current()
        assert first.brand_ids() == [controller.brand_id]
        await make_anew(settings, Topic.CONTROLLER_STATE)
        with pytest.raises(SpendgateError):
            async for _ in first.changes():
                pass
        while not state.is_ready() or state.current() is first:
            await asyncio.sleep(0.02)
        assert state.current().brand_ids() == []


async def test_a_removed_record_of_a_brand_is_gone_for_who_looks_and_for_who_follows(
    settings: Settings, controller: Controller
) -> None:
    controller.brand()
    controller.campaign("a")
    controller.release()
    await controller.flush()
    async with LiveState(settings) as live, asyncio.timeout(30):
        assert live.campaign("a")
        observed = live.changes()
        waiting = asyncio.create_task(anext(observed))
        await asyncio.sleep(0)  # so that it watches before the change
        names = (f"doc/{controller.brand_id}/a", f"brand/{controller.brand_id}")  # it has the campaign's totals
        await controller.write([(name.encode(), None) for name in names])
        assert await waiting == {controller.brand_id}
        assert live.campaign("a") is None
        held = await read_brand(settings, controller.brand_id)
        assert held and not held.state.campaigns
        await observed.aclose()


async def test_topics_that_are_not_there_are_told(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="spendgate topics create"):
        await read_brand(settings, "brand")


async def test_a_broker_that_is_not_there_is_told(settings: Settings) -> None:
    away = settings.replace(brokers="127.0.0.1:9")
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9"):
        await read_brand(away, "brand")
    with pytest.raises(Unreachable):
        async with LiveState(away):
            pass
