"""Schedulers whose clocks are hours ahead and hours behind, two of each: no day ends or begins by them."""

from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from core.moment import HOUR
from schedulers.publisher import Publisher
from schedulers.scheduler import Scheduler
from streams.clock import current_moment
from streams.settings import Settings, Timestamps
from tests.streams.broker import Broker
from tests.streams.worker_process import WorkerProcess

#: So long before the end of its day the test has to be through.
LEAST: Final = timedelta(minutes=2)
_SECOND: Final = timedelta(seconds=1)


class EndingZone(NamedTuple):
    name: str
    wrong_by: int  # so many hours ahead, it is the next day there


def ending_zone(at: datetime) -> EndingZone:
    """The zone whose day ends at the next full hour or, where that is too near for the test, at the one after it."""
    ends_at = at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    wrong_by = 1
    if ends_at - at < LEAST:
        ends_at, wrong_by = ends_at + timedelta(hours=1), 2
    hour = ends_at.hour
    return EndingZone(f"Etc/GMT{hour if hour <= 12 else hour - 24:+d}", wrong_by)


@pytest.fixture
def zone() -> EndingZone:
    return ending_zone(datetime.now(UTC))


@pytest.fixture
async def schedulers(settings: Settings, zone: EndingZone) -> AsyncIterator[list[Scheduler]]:
    async def zones() -> Collection[str]:
        return [zone.name]

    async with AsyncExitStack() as stack:
        made = []
        for hours in (zone.wrong_by, -zone.wrong_by, zone.wrong_by, -zone.wrong_by):
            publisher = Publisher(settings)
            stack.push_async_callback(publisher.close)
            made.append(Scheduler(publisher, zones, lambda wrong_by=hours * HOUR: current_moment() + wrong_by))  # type: ignore[misc]
        yield made


def test_the_zone_has_minutes_left_and_none_by_the_clocks_that_are_ahead() -> None:
    for minute in range(24 * 60):
        at = datetime(2026, 11, 27, tzinfo=UTC) + timedelta(minutes=minute)
        zone = ending_zone(at)
        days = [(at + ahead).astimezone(ZoneInfo(zone.name)).date() for ahead in (timedelta(0), LEAST - _SECOND)]
        assert days[0] == days[1], at
        assert (at + timedelta(hours=zone.wrong_by)).astimezone(ZoneInfo(zone.name)).date() > days[0], at


@pytest.mark.parametrize("timestamps", [Timestamps.APPEND])
async def test_clocks_that_are_hours_wrong_end_and_begin_no_day(
    broker: Broker, worker: WorkerProcess, schedulers: list[Scheduler], zone: EndingZone
) -> None:
    today = datetime.now(ZoneInfo(zone.name))
    tomorrow = f"{today + timedelta(days=1):%Y-%m-%d}"
    await broker.brand("nike", zone=zone.name)
    await broker.campaign("nike", "spent", daily_budget="10")
    await broker.campaign("nike", "ending", ends_on=f"{today:%Y-%m-%d}")
    await broker.campaign("nike", "coming", starts_on=tomorrow)
    await broker.spend("nike", "spent", "11", event_id="all of it")
    await broker.until_settled()
    before = list(broker.commands)
    last = {it.campaign_id: it.action for it in before}
    assert last == {"spent": "pause", "ending": "resume", "coming": "pause"}

    for scheduler in schedulers:
        await scheduler.ask_for_time_zones()
        await scheduler.send_due()
    for partition in range(broker.settings.partitions):
        await broker.tick(partition, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
    await broker.until_settled()
    assert broker.commands == before
    assert broker.state_of("nike").daily_micros == 11_000_000
