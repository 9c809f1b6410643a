"""The spend curve of a day against its budget: the ledger's hourly sums, ending at the controller's total. Pure.

Coordinates are per mille of the day and of the scale: a day of 23 or 25 hours has the same width.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import Final, NamedTuple

from core.calendar import zone
from core.moment import HOUR, SECOND, Moment
from core.money import MICROS

__all__ = ["HourSpend", "Label", "SpendCurve", "spend_curve"]

#: The full width and height.
FULL: Final = 1000
_LABEL_EVERY_HOURS: Final = 4
_GRID_LINES: Final = 4
#: Leading digits of scales that _GRID_LINES divide evenly.
_NICE: Final = (10, 12, 16, 20, 24, 28, 32, 40, 48, 60, 80, 100)


class HourSpend(NamedTuple):
    """Spend booked in an hour of the day, and the day's total at the end of the hour or, in the open hour, now."""

    starts_at: Moment
    local: str
    spent_micros: int
    total_micros: int


class Label(NamedTuple):
    place: int
    text: str
    #: Shown on narrow screens too.
    always: bool = True


@dataclass(frozen=True, slots=True)
class SpendCurve:
    """`points` are (x, y) from the lower left corner. Negative totals, by refunds, are drawn at 0."""

    points: tuple[tuple[int, int], ...]
    hours: tuple[HourSpend, ...]
    x_labels: tuple[Label, ...]
    #: (y, micros) of the grid lines, from 0 to the top of the scale.
    y_labels: tuple[tuple[int, int], ...]
    #: y of the budget line; None without a budget.
    budget_y: int | None
    #: x of now; None when the day is over.
    now_x: int | None


def spend_curve(
    sums: Mapping[Moment, int],
    *,
    total_micros: int,
    budget_micros: int | None,
    starts_at: Moment,
    ends_at: Moment,
    now: Moment,
    time_zone: str,
) -> SpendCurve:
    """`sums` are the ledger's micros by the start of the hour.

    The ledger may lag behind the controller, and spend booked to the day need not have occurred in one of its hours: so
    the last point is the controller's total, and sums above it are drawn as they are.
    """
    until = min(max(now, starts_at), ends_at)
    hours = _hours(sums, total_micros, starts_at, until, time_zone)
    top = _top(max([total_micros, budget_micros or 0, *(hour.total_micros for hour in hours)]))
    points = [(0, 0)]
    for hour in hours:
        at = min(hour.starts_at + HOUR, until)
        points.append((_place(at, starts_at, ends_at), _height(hour.total_micros, top)))
    return SpendCurve(
        points=tuple(points),
        hours=tuple(hours),
        x_labels=tuple(_x_labels(starts_at, ends_at, time_zone)),
        y_labels=tuple((FULL * step // _GRID_LINES, top * step // _GRID_LINES) for step in range(_GRID_LINES + 1)),
        budget_y=None if budget_micros is None else _height(budget_micros, top),
        now_x=_place(until, starts_at, ends_at) if now < ends_at else None,
    )


def _hours(
    sums: Mapping[Moment, int], total_micros: int, starts_at: Moment, until: Moment, time_zone: str
) -> list[HourSpend]:
    """Hours are counted from the day's start: each is 60 minutes, also where clocks change by half an hour."""
    starts = list(range(starts_at, max(until, starts_at + 1), HOUR))
    booked = [sum(micros for at, micros in sums.items() if start <= at < start + HOUR) for start in starts]
    totals = list(accumulate(booked))
    booked[-1] += total_micros - totals[-1]
    totals[-1] = total_micros
    return [
        HourSpend(start, _clock(start, time_zone), spent, total)
        for start, spent, total in zip(starts, booked, totals, strict=True)
    ]


def _x_labels(starts_at: Moment, ends_at: Moment, time_zone: str) -> list[Label]:
    """Every fourth hour of the wall clock: not evenly spaced on a day of 23 or 25 hours."""
    labels = [Label(0, _clock(starts_at, time_zone))]
    for at in range(starts_at + HOUR, ends_at - HOUR, HOUR):
        text = _clock(at, time_zone)
        if text.endswith(":00") and int(text[:2]) % _LABEL_EVERY_HOURS == 0 and text != labels[-1].text:
            labels.append(Label(_place(at, starts_at, ends_at), text, int(text[:2]) % (2 * _LABEL_EVERY_HOURS) == 0))
    return [*labels, Label(FULL, "24:00")]


def _top(highest_micros: int) -> int:
    """The top of the scale in micros: a round amount at least 5 % above what is drawn."""
    least_top = max(highest_micros + highest_micros // 20, MICROS // 100)
    unit: int = 10 ** (len(str(least_top)) - 2)
    return next(nice * unit for nice in _NICE if nice * unit >= least_top)


def _place(at: Moment, starts_at: Moment, ends_at: Moment) -> int:
    return FULL * (at - starts_at) // max(1, ends_at - starts_at)


def _height(micros: int, top: int) -> int:
    return max(0, min(FULL, FULL * micros // top))


def _clock(at: Moment, time_zone: str) -> str:
    return f"{datetime.fromtimestamp(at // SECOND, UTC).astimezone(zone(time_zone)):%H:%M}"
