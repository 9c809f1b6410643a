"""How a month's budget stands beside the time of the month that has passed."""

from typing import Final, NamedTuple

from core.moment import HOUR, Moment

__all__ = ["MonthProgress", "month_progress"]

_DAY: Final = 24 * HOUR
_WHOLE: Final = 100


class MonthProgress(NamedTuple):
    """Percentages are whole, rounded down; spent is below 0 where refunds outweigh it and above 100 of an overspend."""

    spent_percent: int
    passed_percent: int
    #: Of the budget, in micros; 0 when it is used up.
    left_micros: int
    #: Micros to be spent in each 24 hours, rounded up, so that nothing is left when the month ends; None when nothing
    #: is left, or no 24 hours are.
    needs_micros: int | None
    is_over: bool

    @property
    def points(self) -> int:
        """Points of the month by which spend is ahead of its time; below 0 it is behind. The difference of the two
        percentages as they are shown."""
        return self.spent_percent - self.passed_percent


def month_progress(
    spent_micros: int, budget_micros: int | None, starts_at: Moment, ends_at: Moment, now: Moment
) -> MonthProgress | None:
    """The progress of the month from `starts_at` until `ends_at`, as the brand's time zones have it; None for an
    unlimited or a zero budget."""
    if not budget_micros or starts_at >= ends_at:
        return None
    passed = max(0, min(now, ends_at) - starts_at)
    remaining = ends_at - starts_at - passed
    left_micros = max(0, budget_micros - spent_micros)
    return MonthProgress(
        spent_percent=spent_micros * _WHOLE // budget_micros,
        passed_percent=passed * _WHOLE // (ends_at - starts_at),
        left_micros=left_micros,
        needs_micros=-(-left_micros * _DAY // remaining) if left_micros and remaining >= _DAY else None,
        is_over=remaining == 0,
    )
