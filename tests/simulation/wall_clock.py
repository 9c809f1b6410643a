"""When windows and flights are open, from the offsets of a zone alone: slow, and not the way the product does it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from typing import Any

from core.calendar import zone
from core.moment import MINUTE, Moment

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ONE_DAY = timedelta(days=1)
FAR = 1 << 60

#: [starts_at, ends_at) in which a zone's wall clock is `offset` milliseconds ahead of UTC.
Segment = tuple[Moment, Moment, int]


def in_window(windows: Sequence[dict[str, Any]], time_zone: str, moment: Moment) -> bool:
    return not windows or any(_in_one_window(window, time_zone, moment) for window in windows)


def in_flight(starts_on: str | None, ends_on: str | None, time_zone: str, moment: Moment) -> bool:
    near = moment // (86_400_000 * 365)
    begun = starts_on is None or moment >= first_moment(time_zone, near, _midnight(date.fromisoformat(starts_on)))
    over = ends_on is not None and moment >= first_moment(
        time_zone, near, _midnight(date.fromisoformat(ends_on) + ONE_DAY)
    )
    return begun and not over


def day_begins_at(time_zone: str, day: date) -> Moment:
    wall = _midnight(day)
    return first_moment(time_zone, _as_moment(wall) // (86_400_000 * 365), wall)


@cache
def first_moment(time_zone: str, near: int, wall: datetime) -> Moment:
    """The first moment at which the wall shows `wall` or later."""
    shown = _as_moment(wall)
    candidates = [
        max(starts_at, shown - offset)
        for starts_at, ends_at, offset in _segments(time_zone, near)
        if max(starts_at, shown - offset) < ends_at
    ]
    return min(candidates)


@cache
def last_moment(time_zone: str, near: int, wall: datetime) -> Moment:
    """The last moment at which the wall comes to show `wall`, or passes it where it is skipped."""
    shown = _as_moment(wall)
    return max(
        min(ends_at, shown - offset)
        for starts_at, ends_at, offset in _segments(time_zone, near)
        if starts_at + offset <= shown
    )


def _in_one_window(window: dict[str, Any], time_zone: str, moment: Moment) -> bool:
    near = moment // (86_400_000 * 365)
    today = (EPOCH + timedelta(milliseconds=moment)).date()
    for day in (today + days * ONE_DAY for days in range(-3, 3)):
        if DAY_NAMES[day.weekday()] in window["days"]:
            starts_at = first_moment(time_zone, near, _wall(day, window["from"]))
            if starts_at <= moment < _end(window, time_zone, near, day):
                return True
    return False


def _end(window: dict[str, Any], time_zone: str, near: int, day: date) -> Moment:
    if window["to"] == "24:00":
        return first_moment(time_zone, near, _midnight(day + ONE_DAY))
    return last_moment(time_zone, near, _wall(day if window["to"] > window["from"] else day + ONE_DAY, window["to"]))


@cache
def _segments(time_zone: str, near: int) -> tuple[Segment, ...]:
    """The stretches of equal offset in the year around, found by looking every quarter of an hour."""
    step = 15 * MINUTE
    since = (near - 1) * 86_400_000 * 365 // step * step
    rules = zone(time_zone)
    offsets: list[tuple[Moment, timedelta]] = []
    for moment in range(since, since + 3 * 365 * 86_400_000, step):
        offset = datetime.fromtimestamp(moment / 1000, tz=rules).utcoffset()
        assert offset is not None
        if not offsets or offsets[-1][1] != offset:
            offsets.append((moment, offset))
    edges = [-FAR, *(moment for moment, _ in offsets[1:]), FAR]
    return tuple(
        (starts_at, ends_at, offset // timedelta(milliseconds=1))
        for (starts_at, ends_at), (_, offset) in zip(pairwise(edges), offsets, strict=True)
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def _wall(day: date, clock: str) -> datetime:
    hour, minute = clock.split(":")
    return datetime.combine(day, time(int(hour), int(minute)))


def _as_moment(wall: datetime) -> Moment:
    return (wall.replace(tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)
