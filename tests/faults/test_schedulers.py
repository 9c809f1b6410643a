"""Schedulers under traffic: two at once, none over a midnight, and clocks that are an hour wrong. Each day ends once,
at its midnight, and nothing is lost or doubled: the end is what a model says that shares no code with the product.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import pytest

from streams.settings import Timestamps
from tests.faults.daily_traffic import DailyTraffic, Days
from tests.faults.runs import SEED
from tests.faults.world import World
from tests.streams.worker_process import WorkerProcess

PATIENCE_SECONDS: Final = 120
#: Until its midnight comes a campaign gets spend for its day, and the schedulers begin.
BEFORE_SECONDS: Final = 50.0
AWAY_SECONDS: Final = 20.0
#: By the machine's clock no day may end before the test has.
LEAST_SECONDS: Final = 600.0

pytestmark = [
    pytest.mark.long_only,
    pytest.mark.timeout(900),
]


async def test_two_schedulers_at_once_end_each_day_once(topic_prefix: str, tmp_path: Path) -> None:
    async def fault(world: World, traffic: DailyTraffic) -> None:
        days = traffic.days
        schedulers = [_scheduler(world, number, days) for number in (1, 2)]
        await traffic.until_all_have_spent_their_day()
        await days.until(0)
        await traffic.until_hushed("resume")
        for scheduler in schedulers:  # it says the same once more
            sent = _times_sent(scheduler)
            scheduler.kill()
            scheduler.start()
            await _until(lambda it=scheduler, before=sent: _times_sent(it) > before)  # type: ignore[misc]

    await _is_exact("two schedulers over a midnight", fault, _soon, Timestamps.CREATE, topic_prefix, tmp_path)


async def test_a_scheduler_that_is_away_over_midnight_ends_the_day_when_it_is_back(
    topic_prefix: str, tmp_path: Path
) -> None:
    async def fault(world: World, traffic: DailyTraffic) -> None:
        days = traffic.days
        scheduler = _scheduler(world, 1, days)
        await traffic.until_all_have_spent_their_day()
        world.processes.remove(scheduler)
        scheduler.kill()
        await days.until(AWAY_SECONDS)
        await traffic.until_hushed("pause")  # nothing has told them
        scheduler.start()
        world.processes.append(scheduler)
        await traffic.until_hushed("resume")

    await _is_exact("a scheduler away over a midnight", fault, _soon, Timestamps.CREATE, topic_prefix, tmp_path)


async def test_schedulers_whose_clocks_are_an_hour_wrong_end_no_day(topic_prefix: str, tmp_path: Path) -> None:
    async def fault(world: World, traffic: DailyTraffic) -> None:
        days = traffic.days
        await traffic.until_all_have_spent_their_day()
        hours = (days.hours_left, -days.hours_left, 0)
        schedulers = [_scheduler(world, number, days, wrong_by) for number, wrong_by in enumerate(hours, 1)]
        for scheduler in schedulers:
            await _until(lambda it=scheduler: _times_sent(it) > 1)  # type: ignore[misc]

    await _is_exact("clocks an hour wrong", fault, _not_soon, Timestamps.APPEND, topic_prefix, tmp_path)


async def _is_exact(
    what: str,
    fault: Callable[[World, DailyTraffic], Awaitable[None]],
    days: Callable[[], Days],
    timestamps: Timestamps,
    topic_prefix: str,
    folder: Path,
) -> None:
    world = World(folder, topic_prefix, timestamps)
    async with world.running():
        await world.is_exact(what, DailyTraffic(*world.place, days=days(), seed=SEED), fault)


def _soon() -> Days:
    return Days.ending_in(BEFORE_SECONDS)


def _not_soon() -> Days:
    return Days.ending_within_hours(LEAST_SECONDS)


def _scheduler(world: World, number: int, days: Days, wrong_by_hours: int = 0) -> WorkerProcess:
    ahead = 3600 * wrong_by_hours - days.behind_seconds
    program = str(Path(__file__).with_name("own_scheduler.py"))
    command = [sys.executable, program, days.time_zone, str(ahead)]
    return world.begin(f"scheduler-{number}", command, PYTHONPATH=str(Path(__file__).parents[2]))


def _times_sent(scheduler: WorkerProcess) -> int:
    return scheduler.log.read_text().count("due_sent")


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.1)
