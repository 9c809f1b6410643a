"""What a scheduler sends as its clock goes on, on real Kafka: the latest of everything, once."""

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field

import pytest

from core.errors import ConfigurationError
from local.kafka import LocalKafka
from models.errors import DatabaseAway
from schedulers.publisher import Publisher
from schedulers.scheduler import Scheduler
from streams.kafka.reader import topic_reader
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.core.clock_changes import at
from tests.schedulers.sent_messages import OURS, PARTITIONS, Reader, everywhere
from tests.topics import make_topics


@dataclass
class SchedulerHarness:
    """The clock and the zones in use, as a test sets them, and a scheduler in it."""

    settings: Settings
    reader: Reader
    now: str = "2025-09-08T18:58:30Z"
    time_zones: Collection[str] | DatabaseAway = ("Asia/Karachi",)
    publishers: list[Publisher] = field(default_factory=list)

    def scheduler(self) -> Scheduler:
        self.publishers.append(Publisher(self.settings))
        return Scheduler(self.publishers[-1], self.time_zones_in_use, lambda: at(self.now))

    async def time_zones_in_use(self) -> Collection[str]:
        if isinstance(self.time_zones, DatabaseAway):
            raise self.time_zones
        return self.time_zones

    async def step(self, scheduler: Scheduler, now: str) -> None:
        self.now = now
        await scheduler.ask_for_time_zones()
        await scheduler.send_due()


@pytest.fixture
async def world(kafka: LocalKafka, topic_prefix: str) -> AsyncIterator[SchedulerHarness]:
    settings = Settings(brokers=kafka.brokers, topic_prefix=topic_prefix)
    await make_topics(settings, *OURS, partitions=PARTITIONS)
    reader = Reader(settings)
    await reader.start()
    made = SchedulerHarness(settings, reader)
    yield made
    await reader.stop()
    for publisher in made.publishers:
        await publisher.close()


async def test_each_message_is_sent_once_at_its_time(world: SchedulerHarness) -> None:
    scheduler = world.scheduler()
    await world.step(scheduler, "2025-09-30T18:58:30Z")
    assert await world.reader.new() == everywhere(
        "daily:Asia/Karachi:2025-09-30", "monthly:Asia/Karachi:2025-09", "2025-09-30T18:58:00Z"
    )
    await world.step(scheduler, "2025-09-30T18:58:59.999Z")
    assert await world.reader.new() == []
    await world.step(scheduler, "2025-09-30T18:59:00Z")
    assert await world.reader.new() == everywhere("2025-09-30T18:59:00Z")
    await world.step(scheduler, "2025-09-30T19:00:00Z")
    assert await world.reader.new() == everywhere(
        "daily:Asia/Karachi:2025-10-01", "monthly:Asia/Karachi:2025-10", "2025-09-30T19:00:00Z"
    )


async def test_after_an_outage_only_the_latest_tick_and_resets_are_sent(world: SchedulerHarness) -> None:
    scheduler = world.scheduler()
    await world.step(scheduler, "2025-09-08T18:58:30Z")
    await world.reader.new()
    await world.step(scheduler, "2025-11-20T03:00:10Z")
    assert await world.reader.new() == everywhere(
        "daily:Asia/Karachi:2025-11-20", "monthly:Asia/Karachi:2025-11", "2025-11-20T03:00:00Z"
    )


async def test_two_schedulers_and_one_started_anew_say_the_same_things(world: SchedulerHarness) -> None:
    for _ in range(2):
        await world.step(world.scheduler(), "2025-09-08T18:58:30Z")
    first = everywhere("daily:Asia/Karachi:2025-09-08", "monthly:Asia/Karachi:2025-09", "2025-09-08T18:58:00Z")
    assert await world.reader.new() == sorted(2 * first)


async def test_a_zone_that_comes_into_use_is_told_its_day_and_month(world: SchedulerHarness) -> None:
    scheduler = world.scheduler()
    await world.step(scheduler, "2025-09-08T18:58:30Z")
    await world.reader.new()
    world.time_zones = ("Asia/Karachi", "America/Havana")
    await world.step(scheduler, "2025-09-08T18:58:40Z")
    assert await world.reader.new() == everywhere("daily:America/Havana:2025-09-08", "monthly:America/Havana:2025-09")


async def test_a_zone_that_is_unknown_here_does_not_hold_up_the_others(world: SchedulerHarness) -> None:
    world.time_zones = ("Mars/Olympus_Mons", "Asia/Karachi")
    await world.step(world.scheduler(), "2025-09-08T18:58:30Z")
    assert await world.reader.new() == everywhere(
        "daily:Asia/Karachi:2025-09-08", "monthly:Asia/Karachi:2025-09", "2025-09-08T18:58:00Z"
    )


async def test_without_the_database_ticks_and_resets_of_the_known_zones_go_on(world: SchedulerHarness) -> None:
    scheduler = world.scheduler()
    await world.step(scheduler, "2025-09-08T18:58:30Z")
    await world.reader.new()
    world.time_zones = DatabaseAway()
    await world.step(scheduler, "2025-09-08T19:00:00Z")
    assert await world.reader.new() == everywhere("daily:Asia/Karachi:2025-09-09", "2025-09-08T19:00:00Z")


async def test_a_clock_that_is_set_back_goes_on_ticking(world: SchedulerHarness) -> None:
    scheduler = world.scheduler()
    world.time_zones = ()
    await world.step(scheduler, "2035-09-08T18:58:30Z")
    await world.step(scheduler, "2025-09-08T18:58:30Z")
    assert await world.reader.new() == everywhere("2025-09-08T18:58:00Z", "2035-09-08T18:58:00Z")


async def test_what_could_not_be_sent_is_sent_by_the_next_attempt(kafka: LocalKafka, topic_prefix: str) -> None:
    settings = Settings(brokers=kafka.brokers, topic_prefix=topic_prefix)
    world = SchedulerHarness(settings, Reader(settings))
    scheduler = world.scheduler()
    with pytest.raises(ConfigurationError):
        await world.step(scheduler, "2025-09-08T18:58:30Z")
    await make_topics(settings, *OURS, partitions=PARTITIONS)
    await world.reader.start()
    try:
        await world.step(scheduler, "2025-09-08T19:00:02Z")
        assert await world.reader.new() == everywhere(
            "daily:Asia/Karachi:2025-09-09", "monthly:Asia/Karachi:2025-09", "2025-09-08T19:00:00Z"
        )
    finally:
        await world.reader.stop()
        await world.publishers[0].close()


async def test_while_it_cannot_send_it_is_not_ready_and_says_why(kafka: LocalKafka, topic_prefix: str) -> None:
    settings = Settings(brokers=kafka.brokers, topic_prefix=topic_prefix)
    publisher = Publisher(settings)

    async def no_time_zones() -> Collection[str]:
        return ()

    scheduler = Scheduler(publisher, no_time_zones, lambda: at("2025-09-08T18:58:30Z"))
    running = asyncio.create_task(scheduler.run())
    try:
        async with asyncio.timeout(60):
            while not scheduler.obstacles():
                await asyncio.sleep(0.05)
            assert not scheduler.ready
            assert "is not there: run `spendgate topics create`" in scheduler.obstacles()[0]
            await make_topics(settings, *OURS, partitions=PARTITIONS)
            while not scheduler.ready:
                await asyncio.sleep(0.05)
            assert scheduler.obstacles() == []
    finally:
        running.cancel()
        await asyncio.wait([running])
        await publisher.close()


async def test_a_topic_that_is_gone_keeps_the_other_from_nothing(kafka: LocalKafka, topic_prefix: str) -> None:
    settings = Settings(brokers=kafka.brokers, topic_prefix=topic_prefix)
    await make_topics(settings, Topic.DAYPARTING_TICKS, partitions=PARTITIONS)
    publisher = Publisher(settings)

    async def time_zones() -> Collection[str]:
        return ["Asia/Karachi"]

    try:
        scheduler = Scheduler(publisher, time_zones, lambda: at("2025-09-08T18:58:30Z"))
        await scheduler.ask_for_time_zones()
        with pytest.raises(ConfigurationError, match="budget-resets is not there"):
            await scheduler.send_due()
        async with topic_reader(settings, Topic.DAYPARTING_TICKS) as reader:
            assert len([record async for record in reader.to_end()]) == PARTITIONS
    finally:
        await publisher.close()
