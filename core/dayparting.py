"""Dayparting: when windows and flight let a campaign run, and when that changes next.

The rules are those of docs/contract.md, "Windows and flights". None in place of a moment means: at no moment any more.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from core.calendar import Zones, day_starts_at, local_date, next_day, span_at, wall_moment
from core.moment import END_OF_TIME, HOUR, NEVER, Moment
from core.windows import END_OF_DAY, EVERY_DAY, Window, merged_on

__all__ = [
    "Openness",
    "Schedule",
    "changes",
    "flight_is_over",
    "next_boundary",
    "next_close",
    "next_open",
    "openness",
]


_WEEK = 7 * END_OF_DAY
_ALL_DAYS = date.max.toordinal()


@dataclass(frozen=True, slots=True)
class Schedule:
    """The windows of a campaign, none = always, and the dates of its flight, both inclusive."""

    windows: tuple[Window, ...] = ()
    starts_on: date | None = None
    ends_on: date | None = None

    @property
    def is_always(self) -> bool:
        """Whether it never stops the campaign."""
        return not self.windows and self.starts_on is None and self.ends_on is None


class Openness(NamedTuple):
    """Whether a moment lies in the flight and in a window: apart, because each is a reason of its own."""

    in_flight: bool
    in_window: bool


class Interval(NamedTuple):
    """An interval of time, `[starts_at, ends_at)`."""

    starts_at: Moment
    ends_at: Moment


OPEN = Openness(True, True)


def openness(schedule: Schedule, zones: Zones, moment: Moment) -> Openness:
    """Whether the moment lies in the flight and in a window, by the clock of the zone in force."""
    if schedule.is_always:
        return OPEN
    span, _ = span_at(zones, moment)
    in_window, _ = _window_state(schedule.windows, span.time_zone, moment)
    return Openness(_in_flight(schedule, span.time_zone, moment), in_window)


def flight_is_over(schedule: Schedule, zones: Zones, moment: Moment) -> bool:
    """Whether the last day of the flight has passed, by the clock of the zone in force."""
    span, _ = span_at(zones, moment)
    _, ends_at = _flight(schedule, span.time_zone)
    return ends_at is not None and ends_at <= moment


def next_boundary(schedule: Schedule, zones: Zones, moment: Moment) -> Moment | None:
    """The first moment after this one at which openness changes; None when it never does again."""
    if schedule.is_always:
        return None
    now = openness(schedule, zones, moment)
    at = _next_candidate(schedule, zones, moment)
    while at is not None and openness(schedule, zones, at) == now:
        at = _next_candidate(schedule, zones, at)
    return at


def next_open(schedule: Schedule, zones: Zones, moment: Moment) -> Moment | None:
    """The first moment, this one included, at which windows and flight are both open."""
    at: Moment | None = moment
    while at is not None and (state := openness(schedule, zones, at)) != OPEN:
        # Outside the flight windows do not matter: there may be very many before it, and no end of them after it.
        at = _next_candidate(schedule, zones, at, windows=state.in_flight)
    return at


def next_close(schedule: Schedule, zones: Zones, moment: Moment) -> Moment | None:
    """The first moment after this one at which the campaign stops being open."""
    at = next_open(schedule, zones, moment)
    return None if at is None else next_boundary(schedule, zones, at)


def changes(schedule: Schedule, zones: Zones, since: Moment, until: Moment) -> Iterator[tuple[Moment, bool]]:
    """Each opening (True) and closing (False) in `[since, until)`."""
    is_open = openness(schedule, zones, since - 1) == OPEN
    at = next_close(schedule, zones, since - 1) if is_open else next_open(schedule, zones, since)
    while at is not None and at < until:
        is_open = not is_open
        yield at, is_open
        at = next_close(schedule, zones, at) if is_open else next_open(schedule, zones, at)


def _next_candidate(schedule: Schedule, zones: Zones, moment: Moment, *, windows: bool = True) -> Moment | None:
    """The first moment after this one at which openness can change: window, flight or zone begins or ends."""
    span, span_ends_at = span_at(zones, moment)
    candidates = [span_ends_at, *_flight(schedule, span.time_zone)]
    if windows:
        candidates.append(_window_state(schedule.windows, span.time_zone, moment)[1])
    return min((at for at in candidates if at is not None and moment < at <= END_OF_TIME), default=None)


def _in_flight(schedule: Schedule, time_zone: str, moment: Moment) -> bool:
    starts_at, ends_at = _flight(schedule, time_zone)
    return (starts_at is None or starts_at <= moment) and (ends_at is None or moment < ends_at)


def _flight(schedule: Schedule, time_zone: str) -> tuple[Moment | None, Moment | None]:
    starts_on, ends_on = schedule.starts_on, schedule.ends_on
    return (
        None if starts_on is None else day_starts_at(time_zone, starts_on),
        None if ends_on is None else day_starts_at(time_zone, next_day(ends_on)),
    )


def _window_state(windows: tuple[Window, ...], time_zone: str, moment: Moment) -> tuple[bool, Moment | None]:
    """Whether a window is open and until when it stays so. Looked up by the hour, because at a midnight very many
    campaigns ask about few sets of windows."""
    week = _week(windows)
    is_open, until = _window_state_at(week, time_zone, moment - moment % HOUR)
    while until is not None and until <= moment:
        is_open, until = _window_state_at(week, time_zone, until)
    return is_open, until


@dataclass(frozen=True, slots=True, eq=False)
class _Week:
    """A set of windows, hashed by identity as a key of caches: the hash of some hundred windows takes long."""

    #: Merged, by the weekday on which they start, so that thousands of adjoining windows cost little.
    windows: tuple[tuple[Window, ...], ...]
    is_filled: bool


@lru_cache(maxsize=4_096)
def _week(windows: tuple[Window, ...]) -> _Week:
    by_weekday = tuple(tuple(merged_on(day, windows)) for day in EVERY_DAY)
    return _Week(by_weekday, not windows or _fill_the_week(tuple(chain.from_iterable(by_weekday))))


@lru_cache(maxsize=65_536)
def _window_state_at(week: _Week, time_zone: str, moment: Moment) -> tuple[bool, Moment | None]:
    if week.is_filled:
        return True, None
    until = _open_until(week, time_zone, moment)
    if until is None:
        return False, _next_start(week, time_zone, moment)
    while (later := _open_until(week, time_zone, until)) is not None:
        until = later
    return True, None if until == NEVER else until


def _open_until(week: _Week, time_zone: str, moment: Moment) -> Moment | None:
    """The latest end among the intervals that hold the moment; None when none does."""
    today = local_date(time_zone, moment)
    # Tomorrow's may have begun where clocks went back over midnight; yesterday's run past it.
    nearby = (interval for day in _dates(today, -1, 2) for interval in _intervals(week, time_zone, day))
    return max((ends_at for starts_at, ends_at in nearby if starts_at <= moment < ends_at), default=None)


def _next_start(week: _Week, time_zone: str, moment: Moment) -> Moment | None:
    """The next start of a window; None only in the calendar's last week. The search is short: windows come again every
    week, and no zone skips the same hours of a weekday for ever."""
    for day in _dates(local_date(time_zone, moment), 0, _ALL_DAYS):
        starts = [starts_at for starts_at, _ in _intervals(week, time_zone, day) if starts_at > moment]
        if starts:
            return min(starts)
    return None


def _dates(day: date, since: int, until: int) -> Iterator[date]:
    """The dates from `since` days after this one to those before `until`, as far as the calendar has them."""
    today = day.toordinal()
    yield from map(date.fromordinal, range(max(today + since, 1), min(today + until, _ALL_DAYS + 1)))


@lru_cache(maxsize=65_536)
def _intervals(week: _Week, time_zone: str, day: date) -> tuple[Interval, ...]:
    """The intervals of the windows that start on this date, without those that fall into a gap of the clock."""
    intervals = (_interval(window, time_zone, day) for window in week.windows[day.weekday()])
    return tuple(interval for interval in intervals if interval.starts_at < interval.ends_at)


def _interval(window: Window, time_zone: str, day: date) -> Interval:
    starts_at = wall_moment(time_zone, _wall(day, window.from_minute), second=False)
    if window.to_minute == END_OF_DAY:
        return Interval(starts_at, day_starts_at(time_zone, next_day(day)))
    last_day = day if window.to_minute > window.from_minute else next_day(day)
    if last_day is None:
        return Interval(starts_at, NEVER)
    return Interval(starts_at, wall_moment(time_zone, _wall(last_day, window.to_minute), second=True))


def _wall(day: date, minute: int) -> datetime:
    return datetime.combine(day, time(minute // 60, minute % 60))


def _fill_the_week(windows: tuple[Window, ...]) -> bool:
    """Whether no minute of the week is left out. Then clocks that change leave none out either: a window's end is
    the later one of two, its start the earlier."""
    filled_to = 0
    for starts_at, ends_at in sorted(chain.from_iterable(map(_minutes_of_the_week, windows))):
        if starts_at > filled_to:
            break
        filled_to = max(filled_to, ends_at)
    return filled_to >= _WEEK


def _minutes_of_the_week(window: Window) -> Iterator[tuple[int, int]]:
    """Counted from Monday's first minute, in weeks of 168 hours; Sunday's night reaches into Monday."""
    length = (window.to_minute - window.from_minute) % END_OF_DAY or END_OF_DAY
    for day in window.days:
        starts_at = day * END_OF_DAY + window.from_minute
        yield starts_at, starts_at + length
        yield starts_at - _WEEK, starts_at + length - _WEEK
