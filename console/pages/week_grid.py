"""Daypart windows and the present time on a grid of seven days. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final, NamedTuple

from core.calendar import zone
from core.moment import SECOND, Moment
from core.windows import DAY_NAMES, END_OF_DAY, Window, format_minute

__all__ = ["LocalTime", "WeekGrid", "WeekShares", "WeekdayStretch", "stretches_of", "week_grid", "week_shares"]

#: So dark is a stretch at least, and by so much more where all campaigns may run.
_LIGHTEST: Final = 0.15
_DARKER: Final = 0.75


class WeekdayStretch(NamedTuple):
    """Open minutes `[from, to)` of one weekday, 0 = Monday; a window past midnight has one on each side of it."""

    day: int
    from_minute: int
    to_minute: int

    @property
    def text(self) -> str:
        return f"{format_minute(self.from_minute)}-{format_minute(self.to_minute)}"

    @property
    def opacity(self) -> float:
        return 0.8


_WHOLE_WEEK: Final = [WeekdayStretch(day, 0, END_OF_DAY) for day in range(7)]


class LocalTime(NamedTuple):
    """A local wall clock time."""

    day: int
    minute: int


class WeekGrid(NamedTuple):
    #: From Monday, each with its stretches in order.
    days: tuple[tuple[WeekdayStretch, ...], ...]
    now: LocalTime
    always: bool

    def words(self) -> list[str]:
        """A line for each day, for screen readers."""
        return [f"{DAY_NAMES[day]}: {_of_day(stretches)}" for day, stretches in enumerate(self.days)]


class Share(NamedTuple):
    """Minutes `[from, to)` of one weekday in which `campaigns` campaigns may run."""

    day: int
    from_minute: int
    to_minute: int
    campaigns: int
    of_all: int

    @property
    def text(self) -> str:
        return f"{format_minute(self.from_minute)}-{format_minute(self.to_minute)}: {self.campaigns} of {self.of_all}"

    @property
    def opacity(self) -> float:
        return round(_LIGHTEST + _DARKER * self.campaigns / self.of_all, 3)


class WeekShares(NamedTuple):
    """How many of `campaigns` campaigns have a window open, over the week; nothing where none has."""

    shares: tuple[Share, ...]
    now: LocalTime
    campaigns: int


def week_shares(windows_of_each: Iterable[Iterable[Window]], time_zone: str, now: Moment) -> WeekShares:
    """How many of these campaigns may run, over the week. The result grows with the number of their different windows,
    not of the campaigns."""
    alike = Counter(frozenset(windows) for windows in windows_of_each)
    changes: dict[int, Counter[int]] = defaultdict(Counter)
    for windows, campaigns in alike.items():
        for day, from_minute, to_minute in stretches_of(windows) if windows else _WHOLE_WEEK:
            changes[day][from_minute] += campaigns
            changes[day][to_minute] -= campaigns
    shares = []
    for day, of_day in sorted(changes.items()):
        minutes, open_now = sorted(of_day), 0
        for from_minute, to_minute in pairwise(minutes):
            open_now += of_day[from_minute]
            if open_now:
                shares.append(Share(day, from_minute, to_minute, open_now, alike.total()))
    return WeekShares(tuple(shares), _local_time(time_zone, now), alike.total())


def week_grid(windows: Iterable[Window], time_zone: str, now: Moment) -> WeekGrid:
    """The union of the windows, as touching windows make no pause; no windows are the whole week."""
    windows = tuple(windows)
    stretches = stretches_of(windows) if windows else _WHOLE_WEEK
    days = tuple(tuple(it for it in stretches if it.day == day) for day in range(7))
    return WeekGrid(days, _local_time(time_zone, now), always=not windows)


def stretches_of(windows: Iterable[Window]) -> list[WeekdayStretch]:
    """Sorted and merged: no two of one day overlap or touch."""
    minutes = sorted(piece for window in windows for piece in _pieces(window))
    merged: list[list[int]] = []
    for day, from_minute, to_minute in minutes:
        if merged and merged[-1][0] == day and from_minute <= merged[-1][2]:
            merged[-1][2] = max(merged[-1][2], to_minute)
        else:
            merged.append([day, from_minute, to_minute])
    return [WeekdayStretch(*one) for one in merged]


def _pieces(window: Window) -> Iterable[tuple[int, int, int]]:
    """(day, from, to): a window past midnight is split there; that of Sunday continues on Monday."""
    for day in window.days:
        if window.to_minute > window.from_minute:
            yield day, window.from_minute, window.to_minute
            continue
        yield day, window.from_minute, END_OF_DAY
        if window.to_minute:
            yield (day + 1) % 7, 0, window.to_minute


def _local_time(time_zone: str, now: Moment) -> LocalTime:
    local = datetime.fromtimestamp(now // SECOND, UTC).astimezone(zone(time_zone))
    return LocalTime(local.weekday(), local.hour * 60 + local.minute)


def _of_day(stretches: tuple[WeekdayStretch, ...]) -> str:
    return ", ".join(it.text for it in stretches) or "closed"
