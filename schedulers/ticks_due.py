"""Computes when a schedule is due. Pure: time is an argument.

croniter gets naive wall clock times only, because with aware ones it is wrong on days when clocks change; core.calendar
maps them to moments, so that a reset is due exactly when its budget day begins.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from croniter import croniter

from core.calendar import wall_moment, zone
from core.moment import MINUTE, SECOND, Moment
from schedulers.schedules import PeriodicTask

__all__ = ["Due", "latest_due", "next_minute", "ticks_due"]


class Due(NamedTuple):
    """A wall clock time of a schedule and the moment at which it is due."""

    wall: datetime
    due_at: Moment


def ticks_due(schedule: PeriodicTask, since: Moment, until: Moment) -> list[Due]:
    """Everything due in `(since, until]`, in order. A wall clock time that occurs twice is due the first time; one that
    is skipped is due right after the gap."""
    return list(_ticks_due(schedule, since, until))


def latest_due(schedule: PeriodicTask, until: Moment) -> Due:
    """The last one due at or before `until`; after an outage the earlier ones are not needed."""
    wall: datetime = croniter(schedule.cron, _wall(schedule, until)).get_prev(datetime)
    # The wall clock may have gone back since the latest was due, and `until` itself may be due.
    return ticks_due(schedule, _due(schedule, wall).due_at - 1, until)[-1]


def next_minute(now: Moment) -> Moment:
    """The next moment at which anything can be due."""
    return now - now % MINUTE + MINUTE


def _ticks_due(schedule: PeriodicTask, since: Moment, until: Moment) -> Iterator[Due]:
    walls = croniter(schedule.cron, _wall(schedule, since))
    while (due := _due(schedule, walls.get_next(datetime))).due_at <= until:
        if due.due_at > since:  # false where the wall clock went back just before `since`
            yield due


def _due(schedule: PeriodicTask, wall: datetime) -> Due:
    return Due(wall, wall_moment(schedule.time_zone, wall, second=False))


def _wall(schedule: PeriodicTask, moment: Moment) -> datetime:
    utc = datetime.fromtimestamp(moment // SECOND, tz=UTC)
    return utc.astimezone(zone(schedule.time_zone)).replace(tzinfo=None)
