"""The union of windows over a week of the wall clock, and in words. Pure; no time zone."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from core.windows import DAY_NAMES, END_OF_DAY, EVERY_DAY, Window, format_minute, format_window

__all__ = ["WEEK", "WeekStretch", "day_label", "in_words", "week_stretches"]

WEEK: Final = 7 * END_OF_DAY


class WeekStretch(NamedTuple):
    """`[starts, ends)` in minutes from Monday 00:00; one past Sunday's midnight ends above WEEK."""

    starts: int
    ends: int


def week_stretches(windows: Iterable[Window]) -> list[WeekStretch]:
    """The union of the windows, sorted; windows that overlap or touch are one stretch."""
    merged: list[WeekStretch] = []
    for piece in sorted(piece for window in windows for piece in _pieces(window)):
        if merged and piece.starts <= merged[-1].ends:
            merged[-1] = merged[-1]._replace(ends=max(merged[-1].ends, piece.ends))
        else:
            merged.append(piece)
    while len(merged) > 1 and merged[-1].ends - WEEK >= merged[0].starts:
        first = merged.pop(0)
        merged[-1] = merged[-1]._replace(ends=max(merged[-1].ends, first.ends + WEEK))
    return merged


def in_words(windows: Sequence[Window]) -> str:
    """The union of the windows in words, such as `Mon-Fri 09:00-17:00, Fri 22:00 until Sat 06:00`."""
    stretches = week_stretches(windows)
    if not stretches or stretches[0].ends - stretches[0].starts >= WEEK:
        return "Always"
    return ", ".join(_phrases(stretches))


def day_label(day: int) -> str:
    """0 is `Mon`, 7 is `Mon` again."""
    return DAY_NAMES[day % 7].capitalize()


def _pieces(window: Window) -> Iterable[WeekStretch]:
    length = (window.to_minute - window.from_minute) % END_OF_DAY or END_OF_DAY
    for day in window.days:
        starts = day * END_OF_DAY + window.from_minute
        yield WeekStretch(starts, starts + length)


def _phrases(stretches: list[WeekStretch]) -> Iterable[str]:
    """Stretches of the same hours in one phrase, in the order of their first day."""
    groups: dict[tuple[int, int], list[int]] = {}
    for starts, ends in stretches:
        day, from_minute = divmod(starts, END_OF_DAY)
        length = ends - starts
        if from_minute == 0 and length % END_OF_DAY == 0:
            days = [(day + step) % 7 for step in range(length // END_OF_DAY)]
            groups.setdefault((0, END_OF_DAY), []).extend(days)
        else:
            groups.setdefault((from_minute, length), []).append(day)
    for (from_minute, length), days in groups.items():
        yield _phrase(sorted(days), from_minute, from_minute + length)


def _phrase(days: list[int], from_minute: int, ends: int) -> str:
    if (from_minute, ends) == (0, END_OF_DAY):
        return f"{_days_text(days)} all day"
    later_days, to_minute = divmod(ends - 1, END_OF_DAY)
    from_, to = format_minute(from_minute), format_minute(to_minute + 1)
    if later_days == 0:
        return f"{_days_text(days)} {from_}-{to}"
    if later_days == 1 and len(days) > 1:
        return f"{_days_text(days)} {from_} until {to} of the next day"
    return ", ".join(f"{day_label(day)} {from_} until {day_label(day + later_days)} {to}" for day in days)


def _days_text(days: list[int]) -> str:
    """Such as `Mon-Fri`, `Mon and Wed`, `Every day`."""
    if tuple(days) == EVERY_DAY:
        return "Every day"
    names, _ = format_window(Window(tuple(days), 0, END_OF_DAY)).split()
    parts = ["-".join(name.capitalize() for name in part.split("-")) for part in names.split(",")]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
