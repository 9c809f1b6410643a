"""A month's budget beside the month's time: percentages, points, and what each day needs."""

import pytest

from core.calendar import ZoneSpan, budget_month
from core.moment import Moment, parse_moment
from core.month_progress import MonthProgress, month_progress

MONEY = 1_000_000
DAY = 24 * 3_600_000
MONTH = 30 * DAY


def of(spent: int, budget: int | None, now: Moment, length: int = MONTH) -> MonthProgress:
    found = month_progress(spent, budget, 0, length, now)
    assert found
    return found


@pytest.mark.parametrize(
    ("spent", "passed_days", "percentages", "points", "needs"),
    [
        (0, 0, (0, 0), 0, 10 * MONEY),
        (216, 24, (72, 80), -8, 14 * MONEY),
        (240, 15, (80, 50), 30, 4 * MONEY),
        (-30, 0, (-10, 0), -10, 11 * MONEY),
        (299, 29, (99, 96), 3, 1 * MONEY),
        (300, 15, (100, 50), 50, None),
        (330, 15, (110, 50), 60, None),
        (299, 30, (99, 100), -1, None),
        (299, 45, (99, 100), -1, None),
        (30, -3, (10, 0), 10, 9 * MONEY),
    ],
)
def test_a_budget_of_300_in_a_month_of_30_days(
    spent: int, passed_days: int, percentages: tuple[int, int], points: int, needs: int | None
) -> None:
    found = of(spent * MONEY, 300 * MONEY, passed_days * DAY)
    assert (found.spent_percent, found.passed_percent) == percentages
    assert found.points == points
    assert found.needs_micros == needs
    assert found.left_micros == max(0, 300 - spent) * MONEY
    assert found.is_over == (passed_days >= 30)


def test_percentages_are_rounded_down_and_the_points_are_their_difference() -> None:
    found = of(719, 1000, MONTH * 801 // 1000)
    assert (found.spent_percent, found.passed_percent, found.points) == (71, 80, -9)


def test_what_a_day_needs_is_rounded_up_so_that_nothing_is_left() -> None:
    assert of(0, 100, 0, length=3 * DAY).needs_micros == 34


@pytest.mark.parametrize("remaining", [1, DAY - 1])
def test_with_less_than_a_day_left_no_day_needs_anything_and_the_rest_is_known(remaining: int) -> None:
    found = of(250 * MONEY, 300 * MONEY, MONTH - remaining)
    assert (found.needs_micros, found.left_micros, found.is_over) == (None, 50 * MONEY, False)


@pytest.mark.parametrize("budget", [None, 0])
def test_without_a_budget_nothing_is_ahead_or_behind(budget: int | None) -> None:
    assert month_progress(5, budget, 0, MONTH, DAY) is None


@pytest.mark.parametrize(
    ("zone", "now", "passed_percent"),
    [
        ("Pacific/Auckland", "2025-09-30T10:59:00Z", 99),
        ("Pacific/Auckland", "2025-09-30T11:00:00Z", 0),
        ("America/Los_Angeles", "2025-10-01T06:59:00Z", 99),
        ("America/Los_Angeles", "2025-10-01T07:00:00Z", 0),
        # The month of 721 hours in which clocks are set back; half of it is 360.5 hours.
        ("America/Los_Angeles", "2025-11-16T07:29:00Z", 49),
        ("America/Los_Angeles", "2025-11-16T07:30:00Z", 50),
    ],
)
def test_the_month_is_that_of_the_time_zone_of_the_brand(zone: str, now: str, passed_percent: int) -> None:
    at = parse_moment(now)
    month = budget_month((ZoneSpan(zone, None),), at)
    found = month_progress(0, MONEY, month.starts_at, month.ends_at, at)
    assert found and found.passed_percent == passed_percent


def test_a_month_without_time_is_none() -> None:
    assert month_progress(0, MONEY, DAY, DAY, DAY) is None


def test_what_remains_is_counted_from_the_beginning_of_the_month() -> None:
    progress = month_progress(0, 29 * MONEY, 5 * DAY, 5 * DAY + MONTH, 6 * DAY)
    assert progress is not None and progress.needs_micros == MONEY
