"""Daypart windows: parsing and formatting of their text and document, and merging of overlapping ones."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from core.records import WindowDocument

__all__ = [
    "DAY_NAMES",
    "END_OF_DAY",
    "EVERY_DAY",
    "WINDOWS_MAX",
    "Window",
    "format_minute",
    "format_window",
    "merged",
    "merged_on",
    "parse_window",
    "window_document",
    "window_from_document",
]

DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY = tuple(range(7))
END_OF_DAY = 24 * 60
#: Of one campaign, in API, CLI and pages.
WINDOWS_MAX = 500

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class Window:
    """Wall clock minutes `[from, to)` on some weekdays; with `to` ≤ `from` it runs past midnight."""

    #: 0 is Monday; sorted, each once.
    days: tuple[int, ...]
    from_minute: int
    #: 1440 is the end of the day, however long the day is.
    to_minute: int


def parse_window(text: str) -> Window:
    """Read `mon-fri 09:00-17:00`; also `mon,wed`, `sat-mon` and `daily`. Raises ValueError, its text for people."""
    match text.lower().split():
        case [days, clock] if clock.count("-") == 1:
            from_, to = clock.split("-")
            return _window(_days_from_text(days), from_, to)
    raise ValueError(f"{text[:64]!r} is not a window: write days and times, such as 'mon-fri 09:00-17:00'.")


def window_from_document(days: Sequence[str], from_: str, to: str) -> Window:
    """Read a window of a campaign's catalog document. Raises ValueError with a sentence for people."""
    return _window([_day(name) for name in days], from_, to)


def window_document(window: Window) -> WindowDocument:
    """Write what `window_from_document` reads."""
    days = [DAY_NAMES[day] for day in window.days]
    return WindowDocument(days, from_=format_minute(window.from_minute), to=format_minute(window.to_minute))


def format_window(window: Window) -> str:
    """Write what `parse_window` reads."""
    days = "daily" if window.days == EVERY_DAY else ",".join(_ranges(window.days))
    return f"{days} {format_minute(window.from_minute)}-{format_minute(window.to_minute)}"


def format_minute(minute: int) -> str:
    """Minutes of a day as `HH:MM`, the end of the day as `24:00`."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def merged(windows: tuple[Window, ...]) -> tuple[Window, ...]:
    """Windows of one weekday each that together are open when these are: at most 722 a weekday."""
    return tuple(chain.from_iterable(merged_on(day, windows) for day in EVERY_DAY))


def merged_on(day: int, windows: tuple[Window, ...]) -> Iterator[Window]:
    """The windows that start on a weekday, merged. Clock changes keep the union the same: of two wall clock times the
    earlier is never the later moment."""
    starting = {(it.from_minute, it.to_minute) for it in windows if day in it.days}
    yield from _joined(day, sorted(it for it in starting if it[0] < it[1]))
    overnight = [it for it in starting if it[0] > it[1]]
    if overnight:
        # All of them hold the midnight: the first to start and the last to end hold all the others.
        longest = {min(overnight), max(overnight, key=lambda it: it[1])}
        yield from (Window((day,), *it) for it in sorted(longest))


def _joined(day: int, spans: Sequence[tuple[int, int]]) -> Iterator[Window]:
    """Spans of minutes in rising order, those that touch or overlap as one."""
    joined: tuple[int, int] | None = None
    for starts_at, ends_at in spans:
        if joined is not None and starts_at <= joined[1]:
            joined = joined[0], max(joined[1], ends_at)
            continue
        if joined is not None:
            yield Window((day,), *joined)
        joined = starts_at, ends_at
    if joined is not None:
        yield Window((day,), *joined)


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
