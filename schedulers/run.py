"""The scheduler's process: ticks, resets, the catalog relay and the nightly reconcile, until SIGTERM or SIGINT."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import structlog

from core.moment import Moment
from schedulers.catalog_relay.relay import run_relay
from schedulers.nightly_reconcile import NightlyReconcile
from schedulers.publisher import Publisher
from schedulers.scheduler import Scheduler
from schedulers.time_zones import TimeZonesInUse, of_database
from streams.health import serve_health
from streams.settings import Settings
from streams.until_signal import run_until_signal

__all__ = ["now", "run"]

_METRICS_PORT: Final = 9101
_NANOSECONDS_PER_MILLISECOND: Final = 1_000_000

log = structlog.get_logger()


def now() -> Moment:
    return time.time_ns() // _NANOSECONDS_PER_MILLISECOND


async def run(
    settings: Settings, *, time_zones_in_use: TimeZonesInUse | None = None, clock: Callable[[], Moment] = now
) -> None:
    """Run until SIGTERM or SIGINT. An error that a retry does not resolve is logged and raised: restart the process."""
    publisher = Publisher(settings)
    scheduler = Scheduler(publisher, time_zones_in_use or of_database(settings), clock)
    port = _serve(settings, scheduler)
    log.info("scheduler_started", brokers=settings.brokers, metrics_port=port)
    try:
        await run_until_signal(_work(settings, scheduler, clock))
    finally:
        await publisher.close()
    log.info("scheduler_stopped")


async def _work(settings: Settings, scheduler: Scheduler, clock: Callable[[], Moment]) -> None:
    async with asyncio.TaskGroup() as group:
        for work in (scheduler.run(), run_relay(settings), NightlyReconcile(settings, clock).run()):
            group.create_task(work)


def _serve(settings: Settings, scheduler: Scheduler) -> int:
    port = _METRICS_PORT if settings.metrics_port is None else settings.metrics_port
    return serve_health(settings.metrics_host, port, lambda: scheduler.ready, scheduler.obstacles)
