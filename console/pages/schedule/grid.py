"""The rectangles of the week grid: a line for each day, a unit of width for each minute. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from console.pages.week import day_label
from core.windows import END_OF_DAY, Window, format_minute

__all__ = ["DAY_HEIGHT", "Block", "blocks_of"]

#: Height of a line in SVG units; a minute is one unit wide. The page scales both.
DAY_HEIGHT: Final = 60
_GAP: Final = 6


class Block(NamedTuple):
    """A window on one of its days, or its part past midnight, which is drawn on the next line."""

    #: The row of the form, and the day on which the window starts (0 is Monday).
    row: int
    day: int
    #: False for the part past midnight.
    is_head: bool
    line: int
    from_minute: int
    to_minute: int
    label: str

    @property
    def y(self) -> int:
        return self.line * DAY_HEIGHT + _GAP

    @property
    def width(self) -> int:
        return self.to_minute - self.from_minute

    @property
    def height(self) -> int:
        return DAY_HEIGHT - 2 * _GAP


def blocks_of(windows: Mapping[int, Window]) -> list[Block]:
    """The blocks in the order of the form's rows, then of days."""
    return [block for row, window in windows.items() for day in window.days for block in _blocks(row, window, day)]


def _blocks(row: int, window: Window, day: int) -> Iterable[Block]:
    label = _label(window, day)
    if window.to_minute > window.from_minute:
        yield Block(row, day, True, day, window.from_minute, window.to_minute, label)
        return
    yield Block(row, day, True, day, window.from_minute, END_OF_DAY, label)
    if window.to_minute > 0:
        yield Block(row, day, False, (day + 1) % 7, 0, window.to_minute, label)


def _label(window: Window, day: int) -> str:
    from_, to = format_minute(window.from_minute), format_minute(window.to_minute)
    if window.to_minute > window.from_minute:
        return f"{day_label(day)} {from_}-{to}"
    return f"{day_label(day)} {from_} until {day_label(day + 1)} {to}"
