"""Daypart windows as rectangles on a grid of seven days: where each lies, and where now is. Pure, no pixels."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from streams.core.calendar import zone
from streams.core.dayparting import DAY_NAMES, END_OF_DAY, Window, format_minute
from streams.core.moment import SECOND, Moment

__all__ = ["Mark", "Stretch", "WeekGrid", "stretches_of", "week_grid"]


class Stretch(NamedTuple):
    """Open minutes `[from, to)` of one weekday, 0 = Monday; a night is two of them, one on each side of midnight."""

    day: int
    from_minute: int
    to_minute: int
    #: The other half lies on the day before, or after.
    from_before: bool = False
    goes_on: bool = False

    @property
    def text(self) -> str:
        return f"{format_minute(self.from_minute)}-{format_minute(self.to_minute)}"


class Mark(NamedTuple):
    """A local wall clock time."""

    day: int
    minute: int


class WeekGrid(NamedTuple):
    #: Seven columns from Monday, each with its stretches in order.
    days: tuple[tuple[Stretch, ...], ...]
    now: Mark
    always: bool

    def words(self) -> list[str]:
        """One sentence a day, for those who do not see the grid."""
        return [f"{DAY_NAMES[day]}: {_of_day(stretches)}" for day, stretches in enumerate(self.days)]


def week_grid(windows: Iterable[Window], time_zone: str, now: Moment) -> WeekGrid:
    """The union of the windows, as touching ones make no pause between them; no windows are a full week."""
    windows = tuple(windows)
    stretches = stretches_of(windows) if windows else [Stretch(day, 0, END_OF_DAY) for day in range(7)]
    days = tuple(tuple(it for it in stretches if it.day == day) for day in range(7))
    return WeekGrid(days, _mark(time_zone, now), always=not windows)


def stretches_of(windows: Iterable[Window]) -> list[Stretch]:
    """Sorted, none touching another of its day."""
    minutes = sorted(piece for window in windows for piece in _pieces(window))
    merged: list[list[int]] = []
    for day, from_minute, to_minute in minutes:
        if merged and merged[-1][0] == day and from_minute <= merged[-1][2]:
            merged[-1][2] = max(merged[-1][2], to_minute)
        else:
            merged.append([day, from_minute, to_minute])
    ends = {day for day, _, to_minute in merged if to_minute == END_OF_DAY}
    starts = {day for day, from_minute, _ in merged if from_minute == 0}
    return [
        Stretch(
            day,
            from_minute,
            to_minute,
            from_before=from_minute == 0 and (day - 1) % 7 in ends,
            goes_on=to_minute == END_OF_DAY and (day + 1) % 7 in starts,
        )
        for day, from_minute, to_minute in merged
    ]


def _pieces(window: Window) -> Iterable[tuple[int, int, int]]:
    """What runs past midnight belongs to the next column from there on; Sunday's night to Monday's."""
    for day in window.days:
        if window.to_minute > window.from_minute:
            yield day, window.from_minute, window.to_minute
            continue
        yield day, window.from_minute, END_OF_DAY
        if window.to_minute:
            yield (day + 1) % 7, 0, window.to_minute


def _mark(time_zone: str, now: Moment) -> Mark:
    local = datetime.fromtimestamp(now // SECOND, UTC).astimezone(zone(time_zone))
    return Mark(local.weekday(), local.hour * 60 + local.minute)


def _of_day(stretches: tuple[Stretch, ...]) -> str:
    return ", ".join(it.text for it in stretches) or "closed"
