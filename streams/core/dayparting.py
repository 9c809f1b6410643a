"""Dayparting: when windows and flight let a campaign run, and when that changes next."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import chain, count
from typing import NamedTuple

from streams.core.calendar import Zones, day_starts_at, local_date, span_at, wall_moment
from streams.core.moment import HOUR, Moment

__all__ = [
    "DAY_NAMES",
    "END_OF_DAY",
    "EVERY_DAY",
    "Openness",
    "Schedule",
    "Window",
    "changes",
    "format_minute",
    "format_window",
    "next_boundary",
    "next_close",
    "next_open",
    "openness",
    "parse_window",
    "window_from_document",
]

DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY = tuple(range(7))
END_OF_DAY = 24 * 60

_WEEK = 7 * END_OF_DAY
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Window:
    """Wall clock minutes `[from, to)` on some weekdays; with `to` ≤ `from` it runs past midnight."""

    #: 0 is Monday; sorted, each once.
    days: tuple[int, ...]
    from_minute: int
    #: 1440 is the end of the day, however long the day is.
    to_minute: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """The windows of a campaign, none = always, and the dates of its flight, both inclusive."""

    windows: tuple[Window, ...] = ()
    starts_on: date | None = None
    ends_on: date | None = None


class Openness(NamedTuple):
    """The two halves of a schedule, apart, because each is a reason of its own."""

    in_flight: bool
    in_window: bool


class Stretch(NamedTuple):
    """A stretch of time, `[starts_at, ends_at)`."""

    starts_at: Moment
    ends_at: Moment


OPEN = Openness(True, True)


def openness(schedule: Schedule, zones: Zones, moment: Moment) -> Openness:
    """Whether the moment lies in the flight and in a window, by the clock of the zone in force."""
    span, _ = span_at(zones, moment)
    in_window, _ = _window_state(schedule.windows, span.time_zone, moment)
    return Openness(_in_flight(schedule, span.time_zone, moment), in_window)


def next_boundary(schedule: Schedule, zones: Zones, moment: Moment) -> Moment | None:
    """The first moment after this one at which openness changes; None when it never does again."""
    now = openness(schedule, zones, moment)
    at = _next_candidate(schedule, zones, moment)
    while at is not None and openness(schedule, zones, at) == now:
        at = _next_candidate(schedule, zones, at)
    return at


def next_open(schedule: Schedule, zones: Zones, moment: Moment) -> Moment | None:
    """The first moment, this one included, at which windows and flight are both open."""
    at: Moment | None = moment
    while at is not None and (state := openness(schedule, zones, at)) != OPEN:
        # Windows before a far flight are not worth a look, and after it there may be no end to them.
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


def parse_window(text: str) -> Window:
    """Read `mon-fri 09:00-17:00`; also `mon,wed`, `sat-mon` and `daily`."""
    match text.lower().split():
        case [days, clock] if clock.count("-") == 1:
            from_, to = clock.split("-")
            return _window(_days_from_text(days), from_, to)
    raise ValueError(f"{text[:64]!r} is not a window: write days and times, such as 'mon-fri 09:00-17:00'.")


def window_from_document(days: Sequence[str], from_: str, to: str) -> Window:
    """Read the form that a campaign's document has in the catalog."""
    return _window([_day(name) for name in days], from_, to)


def format_window(window: Window) -> str:
    """Write what `parse_window` reads."""
    days = "daily" if window.days == EVERY_DAY else ",".join(_ranges(window.days))
    return f"{days} {format_minute(window.from_minute)}-{format_minute(window.to_minute)}"


def format_minute(minute: int) -> str:
    """Minutes of a day as `HH:MM`, the end of the day as `24:00`."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _next_candidate(schedule: Schedule, zones: Zones, moment: Moment, *, windows: bool = True) -> Moment | None:
    """The first moment after this one at which openness can change: window, flight or zone begins or ends."""
    span, span_ends_at = span_at(zones, moment)
    candidates = [span_ends_at, *_flight(schedule, span.time_zone)]
    if windows:
        candidates.append(_window_state(schedule.windows, span.time_zone, moment)[1])
    return min((at for at in candidates if at is not None and at > moment), default=None)


def _in_flight(schedule: Schedule, time_zone: str, moment: Moment) -> bool:
    starts_at, ends_at = _flight(schedule, time_zone)
    return (starts_at is None or starts_at <= moment) and (ends_at is None or moment < ends_at)


def _flight(schedule: Schedule, time_zone: str) -> tuple[Moment | None, Moment | None]:
    starts_on, ends_on = schedule.starts_on, schedule.ends_on
    return (
        None if starts_on is None else day_starts_at(time_zone, starts_on),
        None if ends_on is None or ends_on == date.max else day_starts_at(time_zone, ends_on + _ONE_DAY),
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
    """A set of windows that is looked up by what it is, because the hash of some hundred windows takes long."""

    windows: tuple[Window, ...]
    is_filled: bool


@lru_cache(maxsize=4_096)
def _week(windows: tuple[Window, ...]) -> _Week:
    return _Week(windows, not windows or _fill_the_week(windows))


@lru_cache(maxsize=65_536)
def _window_state_at(week: _Week, time_zone: str, moment: Moment) -> tuple[bool, Moment | None]:
    if week.is_filled:
        return True, None
    until = _open_until(week, time_zone, moment)
    if until is None:
        return False, _next_start(week, time_zone, moment)
    while (later := _open_until(week, time_zone, until)) is not None:
        until = later
    return True, until


def _open_until(week: _Week, time_zone: str, moment: Moment) -> Moment | None:
    """The latest end among the stretches that hold the moment; None when none does."""
    today = local_date(time_zone, moment)
    # Tomorrow's may have begun where clocks went back over midnight; yesterday's run past it.
    nearby = (stretch for days in (-1, 0, 1) for stretch in _stretches(week, time_zone, today + days * _ONE_DAY))
    return max((ends_at for starts_at, ends_at in nearby if starts_at <= moment < ends_at), default=None)


def _next_start(week: _Week, time_zone: str, moment: Moment) -> Moment:
    """Ends, because a window comes again every week, and no zone skips the same hours of a weekday for ever."""
    today = local_date(time_zone, moment)
    for days in count():
        stretches = _stretches(week, time_zone, today + days * _ONE_DAY)
        starts = [starts_at for starts_at, _ in stretches if starts_at > moment]
        if starts:
            return min(starts)
    raise AssertionError("count() does not end")


@lru_cache(maxsize=65_536)
def _stretches(week: _Week, time_zone: str, day: date) -> tuple[Stretch, ...]:
    """What the windows that start on this date come to; one that lies in a gap of the clock comes to nothing."""
    stretches = (_stretch(window, time_zone, day) for window in week.windows if day.weekday() in window.days)
    return tuple(stretch for stretch in stretches if stretch.starts_at < stretch.ends_at)


def _stretch(window: Window, time_zone: str, day: date) -> Stretch:
    starts_at = wall_moment(time_zone, _wall(day, window.from_minute), second=False)
    if window.to_minute == END_OF_DAY:
        return Stretch(starts_at, day_starts_at(time_zone, day + _ONE_DAY))
    last_day = day if window.to_minute > window.from_minute else day + _ONE_DAY
    return Stretch(starts_at, wall_moment(time_zone, _wall(last_day, window.to_minute), second=True))


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


def _window(days: Sequence[int], from_: str, to: str) -> Window:
    if not days:
        raise ValueError("A window needs at least one day: mon, tue, wed, thu, fri, sat, sun.")
    from_minute = _minute(from_)
    to_minute = END_OF_DAY if to == "24:00" else _minute(to)
    if from_minute == to_minute:
        raise ValueError(f"A window from {from_} to {to} is empty: for a whole day write 00:00-24:00.")
    return Window(tuple(sorted(set(days))), from_minute, to_minute)


def _minute(text: str) -> int:
    clock = _CLOCK.fullmatch(text)
    if clock is None:
        raise ValueError(f"{text[:64]!r} is not a time of day: write HH:MM, 00:00 to 23:59, or 24:00 as an end.")
    return int(clock[1]) * 60 + int(clock[2])


def _day(name: str) -> int:
    if name not in DAY_NAMES:
        raise ValueError(f"{name[:64]!r} is not a day: write mon, tue, wed, thu, fri, sat or sun.")
    return DAY_NAMES.index(name)


def _days_from_text(text: str) -> list[int]:
    if text in ("daily", "all"):
        return list(EVERY_DAY)
    days: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        length = (_day(last) - _day(first)) % 7 if dash else 0
        days.extend((_day(first) + step) % 7 for step in range(length + 1))
    return days


def _ranges(days: tuple[int, ...]) -> Iterator[str]:
    """Neighbours of three days or more as `mon-fri`, the others one by one."""
    at = 0
    while at < len(days):
        run = at
        while run + 1 < len(days) and days[run + 1] == days[run] + 1:
            run += 1
        if run - at >= 2:
            yield f"{DAY_NAMES[days[at]]}-{DAY_NAMES[days[run]]}"
            at = run + 1
        else:
            yield DAY_NAMES[days[at]]
            at += 1
