"""What the system before this one got wrong and no agreed scenario says by itself; docs/old-system.md lists all."""

from itertools import permutations

import pytest

from tests.core.scenario import Scenario, check

MIDNIGHT = ("tick", "reset daily UTC", "reset monthly UTC", "spend a 10 t=10-01T00:00 id=new")


def test_a_daily_reset_out_of_hours_resumes_nothing() -> None:
    check("""
        day 2025-09-08
        04:00 brand nike zone=Asia/Karachi daily=100
        04:00 campaign a windows="daily 09:00-17:00"
        05:00 spend a 100
          -> pause a daily_budget resumes_at=09T04:00
        19:00 reset daily Asia/Karachi
        == a reasons=schedule
        09T04:00 tick
          -> resume a
    """)


def test_a_monthly_reset_resumes_nothing_that_the_day_or_the_hours_hold() -> None:
    check("""
        day 2025-09-30
        04:00 brand nike zone=UTC daily=100 monthly=100
        04:00 campaign a windows="daily 09:00-17:00"
        09:00 tick
          -> resume a
        10:00 spend a 100
          -> pause a daily_budget,monthly_budget
        10-01T00:00 reset monthly UTC
        == nike month=2025-10 monthly=0.00
        == a reasons=schedule
        10-01T10:00 spend a 100
        == a reasons=daily_budget,monthly_budget
        10-01T18:00 brand nike monthly=1000
        10-01T18:01 reset monthly UTC due=10-01T00:00
        == a reasons=daily_budget,schedule
    """)


@pytest.mark.parametrize("kind", ["daily", "monthly"])
def test_a_reset_that_is_late_by_hand_or_run_twice_takes_nothing_away(kind: str) -> None:
    check(f"""
        day 2025-09-30
        12:00 brand nike zone=Asia/Karachi daily=100 monthly=1000
        12:00 campaign a
        12:00 spend a 30
        19:00 reset {kind} Asia/Karachi
        == nike day=2025-10-01 month=2025-10 daily=0.00 monthly=0.00
        20:00 spend a 40
        20:01 reset {kind} Asia/Karachi due=19:00
        20:01 reset {kind} Asia/Karachi due=19:00
        == nike day=2025-10-01 month=2025-10 daily=40.00 monthly=40.00
        10-01T20:00 reset {kind} Asia/Karachi
        10-01T20:00 reset {kind} Asia/Karachi
        == nike day=2025-10-02 month=2025-10 daily=0.00 monthly=40.00
        == a total=70.00
    """)


def test_a_reset_that_never_came_is_made_up_for_by_the_next_record_whatever_it_is() -> None:
    check("""
        day 2025-09-05
        12:00 brand nike zone=UTC daily=100
        12:00 campaign a
        12:00 spend a 100
          -> pause a daily_budget
        07T19:46 tick
          -> resume a
        == nike day=2025-09-07 daily=0.00
    """)


def test_a_spend_beside_the_reset_brings_no_yesterday_back() -> None:
    check("""
        day 2025-09-08
        12:00 brand nike zone=UTC daily=100
        12:00 campaign a
        12:00 spend a 90
        09T00:00 reset daily UTC
        09T00:00 spend a 10
        == nike day=2025-09-09 daily=10.00
        09T00:00 spend a 5 t=08T23:59:59.999
        == nike day=2025-09-09 daily=10.00
        == a total=105.00
    """)


def test_a_day_of_ticks_moves_no_total_and_no_edit() -> None:
    check("""
        day 2025-09-08
        00:00 brand nike zone=UTC daily=100
        00:00 campaign a
        00:00 spend a 75
        00:01 brand nike daily=500
        00:02 tick until=23:59
        == nike daily=75.00
        == a total=75.00 reasons=none
        23:59 spend a 424.999999
        23:59 spend a 0.000001
          -> pause a daily_budget
    """)


def test_a_dollar_a_second_against_a_hundred_stops_at_a_hundred() -> None:
    scenario = Scenario()
    scenario.run("day 2025-09-08")
    scenario.run("10:00 brand nike zone=UTC daily=100")
    scenario.run("10:00 campaign a")
    for second in range(100):
        assert len(scenario.commands) == 1, second  # its first state alone
        scenario.run(f"10:{second // 60:02}:{second % 60:02} spend a 1")
    assert scenario.commands[-1].brand.daily_spent == "100.00"
    assert scenario.commands[-1].decided_at == "2025-09-08T10:01:39Z"


def test_what_falls_on_one_midnight_ends_the_same_in_any_order() -> None:
    ends = {_midnight(order) for order in permutations(MIDNIGHT)}
    assert ends == {("2025-10-01", "2025-10-01", 10_000_000, 10_000_000, 110_000_000, "resume 2025-10-01T00:00:00Z")}


def _midnight(order: tuple[str, ...]) -> tuple[object, ...]:
    scenario = check("""
        day 2025-09-30
        12:00 brand nike zone=UTC daily=100 monthly=100
        12:00 campaign a
        12:00 spend a 100
          -> pause a daily_budget,monthly_budget
    """)
    for record in order:
        scenario.run(f"10-01T00:00 {record}")
    brand = scenario.brand()
    assert brand.day and brand.month
    observed = " ".join(f"{it.action} {it.decided_at}" for it in scenario.commands[2:])
    total = brand.campaigns["a"].total_micros
    return (
        brand.day.date.isoformat(),
        brand.month.first.isoformat(),
        brand.daily_micros,
        brand.monthly_micros,
        total,
        observed,
    )
