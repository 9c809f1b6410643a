"""When a schedule is due: tables of schedule, since, until and what is due in between."""

from datetime import datetime

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from core.calendar import ZoneSpan, budget_day, budget_month, day_starts_at, zone
from core.moment import HOUR, MINUTE, Moment, format_moment
from schedulers.schedules import TICK, PeriodicTask, TaskKind
from schedulers.ticks_due import Due, latest_due, next_minute, ticks_due
from tests.core.clock_changes import at, clock_changes, zone_and_moment

DAY = 24 * HOUR


def observed(dues: list[Due]) -> list[str]:
    return [f"{due.wall:%Y-%m-%d} {format_moment(due.due_at)}" for due in dues]


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("2025-09-08T03:59:59.999Z", "2025-09-08T04:00:00Z", ["2025-09-08T04:00:00Z"]),
        ("2025-09-08T04:00:00Z", "2025-09-08T04:00:59.999Z", []),
        ("2025-09-08T04:00:00.001Z", "2025-09-08T04:01:00Z", ["2025-09-08T04:01:00Z"]),
        ("2025-12-31T23:58:30Z", "2026-01-01T00:00:30Z", ["2025-12-31T23:59:00Z", "2026-01-01T00:00:00Z"]),
        ("2025-09-08T04:00:00Z", "2025-09-08T03:00:00Z", []),
    ],
)
def test_a_tick_is_due_each_minute_on_the_minute(since: str, until: str, expected: list[str]) -> None:
    assert [format_moment(due.due_at) for due in ticks_due(TICK, at(since), at(until))] == expected


@pytest.mark.parametrize(
    ("time_zone", "since", "until", "expected"),
    [
        (
            "Asia/Karachi",
            "2025-09-08T18:59:59Z",
            "2025-09-10T18:59:59Z",
            ["2025-09-09 2025-09-08T19:00:00Z", "2025-09-10 2025-09-09T19:00:00Z"],
        ),
        # A day of 23 hours, and one of 25.
        (
            "America/New_York",
            "2026-03-08T00:00:00Z",
            "2026-03-09T12:00:00Z",
            ["2026-03-08 2026-03-08T05:00:00Z", "2026-03-09 2026-03-09T04:00:00Z"],
        ),
        (
            "America/New_York",
            "2026-11-01T00:00:00Z",
            "2026-11-02T12:00:00Z",
            ["2026-11-01 2026-11-01T04:00:00Z", "2026-11-02 2026-11-02T05:00:00Z"],
        ),
        # No midnight: right after the gap.
        ("America/Santiago", "2025-09-07T00:00:00Z", "2025-09-07T12:00:00Z", ["2025-09-07 2025-09-07T04:00:00Z"]),
        # Two midnights: the first, once.
        ("America/Havana", "2025-11-02T00:00:00Z", "2025-11-02T12:00:00Z", ["2025-11-02 2025-11-02T04:00:00Z"]),
        ("America/Havana", "2025-11-02T04:00:00Z", "2025-11-02T12:00:00Z", []),
        ("America/St_Johns", "2005-10-30T02:30:30Z", "2005-10-30T04:00:00Z", []),
        ("America/St_Johns", "2005-10-30T02:45:00Z", "2005-10-30T04:00:00Z", []),
        # Of a skipped date the reset comes together with that of the next.
        (
            "Pacific/Apia",
            "2011-12-29T12:00:00Z",
            "2011-12-30T12:00:00Z",
            ["2011-12-30 2011-12-30T10:00:00Z", "2011-12-31 2011-12-30T10:00:00Z"],
        ),
    ],
)
def test_a_daily_reset_is_due_when_the_local_day_begins(
    time_zone: str, since: str, until: str, expected: list[str]
) -> None:
    assert observed(ticks_due(PeriodicTask(TaskKind.DAILY, time_zone), at(since), at(until))) == expected


@pytest.mark.parametrize(
    ("time_zone", "since", "until", "expected"),
    [
        ("Asia/Karachi", "2025-09-01T00:00:00Z", "2025-10-30T00:00:00Z", ["2025-10-01 2025-09-30T19:00:00Z"]),
        (
            "America/Los_Angeles",
            "2025-10-15T00:00:00Z",
            "2025-12-15T00:00:00Z",
            ["2025-11-01 2025-11-01T07:00:00Z", "2025-12-01 2025-12-01T08:00:00Z"],
        ),
        ("Asia/Beirut", "2023-02-28T00:00:00Z", "2023-03-02T00:00:00Z", ["2023-03-01 2023-02-28T22:00:00Z"]),
    ],
)
def test_a_monthly_reset_is_due_when_the_local_month_begins(
    time_zone: str, since: str, until: str, expected: list[str]
) -> None:
    assert observed(ticks_due(PeriodicTask(TaskKind.MONTHLY, time_zone), at(since), at(until))) == expected


@pytest.mark.parametrize(
    ("schedule", "until", "expected"),
    [
        (TICK, "2025-09-08T04:00:00Z", "2025-09-08 2025-09-08T04:00:00Z"),
        (TICK, "2025-09-08T04:00:59.999Z", "2025-09-08 2025-09-08T04:00:00Z"),
        (PeriodicTask(TaskKind.DAILY, "Asia/Karachi"), "2025-09-08T18:59:59.999Z", "2025-09-08 2025-09-07T19:00:00Z"),
        (PeriodicTask(TaskKind.DAILY, "Asia/Karachi"), "2025-09-08T19:00:00Z", "2025-09-09 2025-09-08T19:00:00Z"),
        (PeriodicTask(TaskKind.MONTHLY, "Asia/Karachi"), "2025-09-30T18:59:59Z", "2025-09-01 2025-08-31T19:00:00Z"),
        (PeriodicTask(TaskKind.MONTHLY, "Asia/Karachi"), "2025-09-30T19:00:00Z", "2025-10-01 2025-09-30T19:00:00Z"),
        # The wall shows Saturday again, but Sunday has begun.
        (PeriodicTask(TaskKind.DAILY, "America/St_Johns"), "2005-10-30T02:45:00Z", "2005-10-30 2005-10-30T02:30:00Z"),
        (PeriodicTask(TaskKind.DAILY, "America/Havana"), "2025-11-02T05:00:00Z", "2025-11-02 2025-11-02T04:00:00Z"),
        (PeriodicTask(TaskKind.DAILY, "Pacific/Apia"), "2011-12-30T12:00:00Z", "2011-12-31 2011-12-30T10:00:00Z"),
    ],
)
def test_after_an_outage_the_latest_is_what_counts(schedule: PeriodicTask, until: str, expected: str) -> None:
    assert observed([latest_due(schedule, at(until))]) == [expected]


@given(zone_and_moment())
@settings(deadline=None)
def test_resets_are_due_when_the_calendars_days_and_months_begin(case: tuple[str, Moment]) -> None:
    time_zone, moment = case
    zones = (ZoneSpan(time_zone, None),)
    daily, monthly = PeriodicTask(TaskKind.DAILY, time_zone), PeriodicTask(TaskKind.MONTHLY, time_zone)
    for due in ticks_due(daily, moment - 3 * DAY, moment + 3 * DAY):
        assert due.due_at == day_starts_at(time_zone, due.wall.date())
    assert latest_due(daily, moment).due_at == budget_day(zones, moment).starts_at
    assert latest_due(monthly, moment).due_at == budget_month(zones, moment).starts_at


@given(zone_and_moment(), st.integers(0, 4 * 24 * 60), st.integers(0, 4 * 24 * 60))
@settings(deadline=None)
def test_what_is_due_does_not_depend_on_how_often_one_looks(case: tuple[str, Moment], first: int, second: int) -> None:
    schedule, since = PeriodicTask(TaskKind.DAILY, case[0]), case[1]
    middle = since + first * MINUTE
    until = middle + second * MINUTE
    halves = ticks_due(schedule, since, middle) + ticks_due(schedule, middle, until)
    assert halves == ticks_due(schedule, since, until)
    assert all(since < due.due_at <= until for due in halves)


@pytest.mark.parametrize(
    "time_zone", ["America/New_York", "Europe/Berlin", "Australia/Sydney", "America/Santiago", "America/Havana"]
)
@pytest.mark.parametrize(("kind", "count"), [(TaskKind.DAILY, 354), (TaskKind.MONTHLY, 11)])
def test_another_cron_library_names_the_same_moments(time_zone: str, kind: TaskKind, count: int) -> None:
    assert len(clock_changes(time_zone, 2025)) == 2
    since, until = at("2025-01-05T12:00:00Z"), at("2025-12-25T12:00:00Z")
    schedule = PeriodicTask(kind, time_zone)
    others = CronSim(schedule.cron, datetime(2025, 1, 5, 12, tzinfo=zone(time_zone)))
    dues = [due.due_at for due in ticks_due(schedule, since, until)]
    assert len(dues) == count
    assert dues == [int(other.timestamp()) * 1_000 for other, _ in zip(others, dues, strict=False)]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2025-09-08T04:00:00Z", "2025-09-08T04:01:00Z"),
        ("2025-09-08T04:00:59.999Z", "2025-09-08T04:01:00Z"),
        ("2025-09-08T23:59:30Z", "2025-09-09T00:00:00Z"),
    ],
)
def test_the_scheduler_wakes_at_the_next_whole_minute(now: str, expected: str) -> None:
    assert next_minute(at(now)) == at(expected)


def test_ticks_follow_each_other_by_a_minute_over_a_whole_day() -> None:
    since = at("2026-03-08T00:00:00Z")
    moments = [due.due_at for due in ticks_due(TICK, since, since + DAY)]
    assert moments == list(range(since + MINUTE, since + DAY + MINUTE, MINUTE))
