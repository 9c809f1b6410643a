"""The scheduler's process: ticks, resets, the catalog relay and the nightly reconcile, until SIGTERM or SIGINT."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from core.moment import Moment
from schedulers.catalog_relay.relay import run_relay
from schedulers.nightly_reconcile import NightlyReconcile
from schedulers.publisher import Publisher
from schedulers.scheduler import Scheduler
from schedulers.time_zones import TimeZonesInUse, of_database
from streams.clock import current_moment
from streams.health import serve_health
from streams.kafka.missing_rights import keep_checking_rights
from streams.kafka.rights import Process
from streams.settings import Settings
from streams.until_signal import run_until_signal

__all__ = ["run"]

_METRICS_PORT: Final = 9101

log = structlog.get_logger()


async def run(
    settings: Settings, *, time_zones_in_use: TimeZonesInUse | None = None, clock: Callable[[], Moment] = current_moment
) -> None:
    """Run until SIGTERM or SIGINT. An error that a retry does not resolve is logged and raised: restart the process.
    Raises NotAllowed where it lacks a right; a broker that is away is waited for."""
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
    rights = keep_checking_rights(settings, Process.SCHEDULER)
    async with asyncio.TaskGroup() as group:
        for work in (rights, scheduler.run(), run_relay(settings), NightlyReconcile(settings, clock).run()):
            group.create_task(work)


def _serve(settings: Settings, scheduler: Scheduler) -> int:
    port = _METRICS_PORT if settings.metrics_port is None else settings.metrics_port
    return serve_health(settings.metrics_host, port, lambda: scheduler.ready, scheduler.obstacles)
