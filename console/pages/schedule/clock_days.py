"""The effect of the next clock changes on a schedule, in words. Pure."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final, NamedTuple

from console.pages.week import day_label
from console.rendering.clock_words import length_text, local_time
from core.calendar import Zones, ZoneSpan, day_starts_at, local_date, span_at
from core.dayparting import Schedule, changes, openness
from core.moment import Moment
from operations.schedule_preview import day_remark

__all__ = ["ClockDay", "clock_days"]

#: Every zone that changes its clocks does so within a year.
_LOOK_AHEAD: Final = timedelta(days=370)
_ONE_DAY: Final = timedelta(days=1)
_ONE_WEEK: Final = timedelta(days=7)


class ClockDay(NamedTuple):
    """A day that is not 24 hours long: what the clocks do, and the effect on the windows."""

    date: date
    remark: str
    effect: str


class _Open(NamedTuple):
    """The open stretches of a day in local time, and their real duration in milliseconds."""

    text: str
    length: int


def clock_days(schedule: Schedule, zones: Zones, now: Moment, most: int = 2) -> list[ClockDay]:
    """The next `most` clock days within the flight, by the brand's last zone; budgets are not considered."""
    time_zone = zones[-1].time_zone
    found: list[ClockDay] = []
    for day in _days(schedule, local_date(span_at(zones, now)[0].time_zone, now)):
        if (remark := day_remark(time_zone, day)) is not None:
            found.append(ClockDay(day, remark, _day_sentence(Schedule(schedule.windows), time_zone, day)))
        if len(found) == most:
            break
    return found


def _days(schedule: Schedule, today: date) -> Iterator[date]:
    day = max(today, schedule.starts_on or today)
    last = min(today + _LOOK_AHEAD, schedule.ends_on or date.max)
    while day <= last:
        yield day
        day += _ONE_DAY


def _day_sentence(windows: Schedule, time_zone: str, day: date) -> str:
    if not windows.windows:
        return "No windows: it stays open through the change."
    that_day, usual = _open_on(windows, time_zone, day), _open_on(windows, time_zone, _usual_day(time_zone, day))
    if that_day.length == usual.length:
        return f"{that_day.text}, as on any {day_label(day.weekday())}."
    return f"{that_day.text}: {length_text(that_day.length)} instead of {length_text(usual.length)}."


def _usual_day(time_zone: str, day: date) -> date:
    """The same weekday a week before or after, where that has no clock change."""
    nearby = (day - _ONE_WEEK, day + _ONE_WEEK)
    return next((it for it in nearby if day_remark(time_zone, it) is None), day)


def _open_on(windows: Schedule, time_zone: str, day: date) -> _Open:
    stretches = list(_stretches(windows, time_zone, day))
    texts = [f"{_clock(time_zone, day, at)}-{_clock(time_zone, day, until)}" for at, until in stretches]
    length = sum(until - at for at, until in stretches)
    return _Open(f"Open {' and '.join(texts)}" if texts else "Closed", length)


def _stretches(windows: Schedule, time_zone: str, day: date) -> Iterator[tuple[Moment, Moment]]:
    """The open stretches of the day; a window past midnight is cut at midnight."""
    zones = (ZoneSpan(time_zone, None),)
    starts_at, ends_at = day_starts_at(time_zone, day), day_starts_at(time_zone, day + _ONE_DAY)
    opened_at = starts_at if openness(windows, zones, starts_at).in_window else None
    for at, opens in changes(windows, zones, starts_at + 1, ends_at):
        if opened_at is not None and not opens:
            yield opened_at, at
        opened_at = at if opens else None
    if opened_at is not None:
        yield opened_at, ends_at


def _clock(time_zone: str, day: date, at: Moment) -> str:
    local = local_time(time_zone, at)
    return "24:00" if local.date() > day else f"{local:%H:%M}"
