"""Schedulers whose clocks are an hour ahead and an hour behind, two of each: no day ends or begins by them."""

from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest

from core.moment import SECOND
from schedulers.publisher import Publisher
from schedulers.run import now
from schedulers.scheduler import Scheduler
from streams.settings import Settings, Timestamps
from tests.streams.broker import Broker
from tests.streams.worker_process import WorkerProcess

HOUR = 3_600 * SECOND

pytestmark = pytest.mark.parametrize("timestamps", [Timestamps.APPEND])


@pytest.fixture
def zone() -> str:
    """One whose day ends at the next full hour."""
    hour = (datetime.now(UTC) + timedelta(hours=1)).hour
    return f"Etc/GMT{hour if hour <= 12 else hour - 24:+d}"


@pytest.fixture
async def schedulers(settings: Settings, zone: str) -> AsyncIterator[list[Scheduler]]:
    async def zones() -> Collection[str]:
        return [zone]

    async with AsyncExitStack() as stack:
        made = []
        for wrong_by in (HOUR, -HOUR, HOUR, -HOUR):
            publisher = Publisher(settings)
            stack.push_async_callback(publisher.close)
            made.append(Scheduler(publisher, zones, lambda wrong_by=wrong_by: now() + wrong_by))  # type: ignore[misc]
        yield made


async def test_clocks_that_are_an_hour_wrong_end_and_begin_no_day(
    broker: Broker, worker: WorkerProcess, schedulers: list[Scheduler], zone: str
) -> None:
    today = datetime.now(UTC) - timedelta(hours=int(zone.removeprefix("Etc/GMT")))
    tomorrow = f"{today + timedelta(days=1):%Y-%m-%d}"
    await broker.brand("nike", zone=zone)
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
