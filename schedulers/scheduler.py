"""The running scheduler: sends what is due, waits for the next minute, and continues while Kafka or PostgreSQL is down.

What was sent is remembered in memory only. After a start the latest tick and resets are simply sent once more: they may
come twice and in any order (docs/contract.md, "dayparting-ticks and budget-resets"), so a restart needs nothing that
could be lost or wrong.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog

from core.calendar import check_time_zone
from core.errors import SpendgateError
from core.moment import SECOND, Moment, format_moment
from schedulers.messages import message_of, topic_of
from schedulers.publisher import Publisher
from schedulers.scheduler_metrics import FAILURES, LAST_TICK, LATENESS, SENT, TIME_ZONES
from schedulers.schedules import TICK, PeriodicTask, schedules_of
from schedulers.ticks_due import Due, latest_due, next_minute
from schedulers.time_zones import TimeZonesInUse

__all__ = ["Scheduler"]

RETRY_SECONDS: Final = 2

log = structlog.get_logger()


class Scheduler:
    """`clock` returns the current moment. Two schedulers at once send each message twice, which changes no decision."""

    def __init__(self, publisher: Publisher, time_zones_in_use: TimeZonesInUse, clock: Callable[[], Moment]) -> None:
        self._publisher = publisher
        self._time_zones_in_use = time_zones_in_use
        self._clock = clock
        self._time_zones: frozenset[str] = frozenset()
        self._time_zones_changed = asyncio.Event()
        self._sent: dict[PeriodicTask, Due] = {}
        self.ready = False
        self._obstacle: str | None = None

    def obstacles(self) -> list[str]:
        """The sentence on why the last attempt to send failed, where it did."""
        return [] if self._obstacle is None else [self._obstacle]

    async def run(self) -> None:
        """Send until cancelled. Another task reads the time zones: a hanging database must not delay a tick."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._send_forever())
            group.create_task(self._refresh_time_zones_forever())

    async def send_due(self) -> None:
        """Send the latest message of each schedule that was not sent yet. Raises when the broker does not have all;
        ticks are sent although resets are refused."""
        dues = self._unsent(self._clock())
        refused: list[SpendgateError] = []
        for topic in sorted({topic_of(schedule) for schedule in dues}):  # resets first
            try:
                await self._send({schedule: due for schedule, due in dues.items() if topic_of(schedule) is topic})
            except SpendgateError as error:
                refused.append(error)
        if refused:
            raise refused[0]

    async def _send(self, dues: dict[PeriodicTask, Due]) -> None:
        messages = [message_of(schedule, due) for schedule, due in dues.items()]
        await self._publisher.send(messages)
        self._sent.update(dues)
        for topic, _ in messages:
            SENT.labels(topic).inc()
        if TICK in dues:
            LAST_TICK.set(dues[TICK].due_at / SECOND)
            LATENESS.set((self._clock() - dues[TICK].due_at) / SECOND)
        log.info("due_sent", at=format_moment(max(due.due_at for due in dues.values())), messages=len(messages))

    async def ask_for_time_zones(self) -> None:
        """Read the time zones in use. Where they cannot be read the last ones stay; zones that tzdata lacks are left
        out."""
        try:
            named = await self._time_zones_in_use()
        except SpendgateError as error:
            FAILURES.labels("time_zones").inc()
            log.warning("time_zones_unknown", why=str(error), known=len(self._time_zones))
            return
        time_zones = frozenset(filter(_is_known, named))
        if time_zones != self._time_zones:
            self._time_zones = time_zones
            self._time_zones_changed.set()
            TIME_ZONES.set(len(time_zones))
            log.info("time_zones_changed", time_zones=sorted(time_zones))

    async def _send_forever(self) -> None:
        while True:
            started_at = self._clock()
            try:
                await self.send_due()
                self.ready, self._obstacle = True, None
                wake_at = next_minute(started_at)
            except SpendgateError as error:
                self.ready, self._obstacle = False, str(error)
                FAILURES.labels("send").inc()
                log.warning("send_failed", why=str(error), again_in_seconds=RETRY_SECONDS)
                wake_at = self._clock() + RETRY_SECONDS * SECOND
            with suppress(TimeoutError):
                async with asyncio.timeout(self._seconds_until(wake_at)):
                    await self._time_zones_changed.wait()
            self._time_zones_changed.clear()

    async def _refresh_time_zones_forever(self) -> None:
        while True:
            await self.ask_for_time_zones()
            await asyncio.sleep(self._seconds_until(next_minute(self._clock())))

    def _unsent(self, now: Moment) -> dict[PeriodicTask, Due]:
        """The schedules whose latest due time differs from the last one sent: not later ones alone, because a wrong
        clock may be set back."""
        latest = {schedule: latest_due(schedule, now) for schedule in schedules_of(self._time_zones)}
        return {schedule: due for schedule, due in latest.items() if due != self._sent.get(schedule)}

    def _seconds_until(self, moment: Moment) -> float:
        return (moment - self._clock()) / SECOND


def _is_known(time_zone: str) -> bool:
    try:
        check_time_zone(time_zone)
    except ValueError as error:
        log.error("time_zone_refused", why=str(error))
        return False
    return True
