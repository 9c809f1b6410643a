"""The curve of a day: hours from the ledger, its end from the controller."""

from console.pages.spend_curve import SpendCurve, spend_curve
from core.calendar import Zones, ZoneSpan, budget_day
from core.moment import HOUR, MINUTE, Moment, parse_moment

START = parse_moment("2025-09-08T00:00:00Z")
DOLLAR = 1_000_000


def curve(sums: dict[int, int], total: int, *, budget: int | None = 100, now: Moment = START + 3 * HOUR) -> SpendCurve:
    """Hours of the day -> dollars."""
    return spend_curve(
        {START + hour * HOUR: dollars * DOLLAR for hour, dollars in sums.items()},
        total_micros=total * DOLLAR,
        budget_micros=None if budget is None else budget * DOLLAR,
        starts_at=START,
        ends_at=START + 24 * HOUR,
        now=now,
        time_zone="UTC",
    )


def totals(it: SpendCurve) -> list[int]:
    return [hour.total_micros // DOLLAR for hour in it.hours]


def test_each_hour_adds_to_the_hours_before() -> None:
    assert totals(curve({0: 10, 1: 20, 2: 5}, 35)) == [10, 30, 35]


def test_the_last_point_is_what_the_controller_holds_now() -> None:
    it = curve({0: 10, 1: 20}, 42, now=START + 2 * HOUR + 30 * MINUTE)
    assert totals(it) == [10, 30, 42]
    assert it.hours[-1].spent_micros == 12 * DOLLAR
    assert it.points[-1][0] == it.now_x == 1000 * 150 // 1440


def test_a_refund_bends_the_curve_down_and_never_below_the_floor() -> None:
    it = curve({0: 10, 1: -20, 2: 5}, -5)
    assert totals(it) == [10, -10, -5]
    assert [y for _, y in it.points][2:] == [0, 0]


def test_the_scale_has_room_over_the_budget_and_over_spend_that_passed_it() -> None:
    assert curve({0: 10}, 10).y_labels[-1] == (1000, 120 * DOLLAR)
    assert curve({0: 10}, 10, budget=90).y_labels[-1] == (1000, 100 * DOLLAR)
    assert curve({0: 350}, 350).y_labels[-1] == (1000, 400 * DOLLAR)


def test_the_budget_is_a_line_and_unlimited_is_none() -> None:
    assert curve({0: 10}, 10).budget_y == 833
    assert curve({0: 10}, 10, budget=None).budget_y is None


def test_nothing_spent_and_a_budget_of_zero_still_make_a_scale() -> None:
    it = curve({}, 0, budget=0)
    assert it.budget_y == 0
    assert it.y_labels[-1][1] > 0


def test_at_the_very_start_of_a_day_there_is_one_hour() -> None:
    assert totals(curve({}, 0, now=START)) == [0]


def test_a_day_that_is_over_ends_at_its_end() -> None:
    it = curve({23: 5}, 5, now=START + 30 * HOUR)
    assert len(it.hours) == 24
    assert it.points[-1][0] == 1000
    assert it.now_x is None


def test_a_day_of_25_hours_has_25_and_its_labels_are_those_of_the_wall_clock() -> None:
    zones: Zones = (ZoneSpan("America/New_York", None),)
    day = budget_day(zones, parse_moment("2025-11-02T18:00:00Z"))
    it = spend_curve(
        {},
        total_micros=0,
        budget_micros=None,
        starts_at=day.starts_at,
        ends_at=day.ends_at,
        now=day.ends_at,
        time_zone="America/New_York",
    )
    assert [hour.local for hour in it.hours][:4] == ["00:00", "01:00", "01:00", "02:00"]
    assert len(it.hours) == 25
    assert [label.text for label in it.x_labels] == ["00:00", "04:00", "08:00", "12:00", "16:00", "20:00", "24:00"]
    assert it.x_labels[1].place == 200  # four o'clock is the sixth of 25 hours
