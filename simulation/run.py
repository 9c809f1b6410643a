"""Publishes plans: a day as fast as the broker takes it, and live traffic at a steady rate."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from simulation.day import DayPlan
from simulation.publisher import PlanPublisher, plan_publisher
from simulation.traffic import SpendGenerator
from streams.clock import current_moment
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["publish_day", "publish_traffic"]

#: Called with the number of events so far.
ReportCount = Callable[[int], None]

STEP_SECONDS: Final = 0.02
_CLOCKED: Final = (Topic.DAYPARTING_TICKS, Topic.BUDGET_RESETS)


async def publish_day(settings: Settings, plan: DayPlan, report: ReportCount, *, speed: float | None = None) -> None:
    """Publish a day. `speed` is a multiple of real time; None is as fast as the broker takes it."""
    started_at, clock = time.monotonic(), 0
    async with plan_publisher(settings) as publisher:
        for record in plan.records():
            if record.topic is not Topic.CATALOG and not clock:
                # As with every edit, the catalog is on the broker before any spend.
                await publisher.finish()
                clock = plan.starts_at
            if record.topic in _CLOCKED and record.at > clock:
                # A tick must not overtake the spend before it.
                clock = record.at
                await publisher.flush()
                report(plan.generator.counts["events"])
                if speed is not None:
                    due_at = started_at + (clock - plan.starts_at) / 1_000 / speed
                    await asyncio.sleep(max(0.0, due_at - time.monotonic()))
            await publisher.add(record)
        await publisher.finish()
    report(plan.generator.counts["events"])


async def publish_traffic(
    settings: Settings,
    generator: SpendGenerator,
    report: ReportCount,
    *,
    rate: float,
    events: int | None,
    stop: asyncio.Event,
) -> None:
    """Publish `rate` events a second until there are `events` or `stop` is set; returns when the broker has all of
    them."""
    started_at = time.monotonic()
    async with plan_publisher(settings) as publisher:
        while not stop.is_set() and (events is None or generator.counts["events"] < events):
            due = int((time.monotonic() - started_at) * rate) + 1
            await _catch_up(publisher, generator, due if events is None else min(due, events))
            report(generator.counts["events"])
            await asyncio.sleep(STEP_SECONDS)
        await publisher.finish()


async def _catch_up(publisher: PlanPublisher, generator: SpendGenerator, due: int) -> None:
    while generator.counts["events"] < due:
        for record in generator.spend_at(current_moment()):
            await publisher.add(record)
    await publisher.flush()
