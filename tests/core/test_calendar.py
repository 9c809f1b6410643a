"""Days and months begin at the first moment that bears their date, in every zone and over every change of zone."""

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.calendar import (
    Zones,
    ZoneSpan,
    budget_day,
    budget_month,
    check_time_zone,
    date_of,
    day_starts_at,
    local_date,
    wall_moment,
)
from core.moment import HOUR, MINUTE, Moment
from tests.core.clock_changes import TIME_ZONES, at, wall, zone_and_moment
from tests.lengths import length

DAY = 24 * HOUR


def only(time_zone: str) -> Zones:
    return (ZoneSpan(time_zone, None),)


KARACHI_THEN_LOS_ANGELES = (
    ZoneSpan("Asia/Karachi", None),
    ZoneSpan("America/Los_Angeles", at("2025-09-08T20:00:00Z")),
)


@pytest.mark.parametrize(
    ("time_zone", "day", "starts_at", "ends_at"),
    [
        ("Asia/Karachi", "2025-09-09", "2025-09-08T19:00:00Z", "2025-09-09T19:00:00Z"),
        # T3c: 23 and 25 hours.
        ("America/New_York", "2026-03-08", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"),
        ("America/New_York", "2026-11-01", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"),
        # T3d: no midnight, and two of them.
        ("America/Santiago", "2025-09-07", "2025-09-07T04:00:00Z", "2025-09-08T03:00:00Z"),
        ("America/Havana", "2026-10-31", "2026-10-31T04:00:00Z", "2026-11-01T04:00:00Z"),
        ("America/Havana", "2025-11-02", "2025-11-02T04:00:00Z", "2025-11-03T05:00:00Z"),
        # Clocks went from 00:01 back to 23:01: the day that had begun goes on.
        ("America/St_Johns", "2005-10-30", "2005-10-30T02:30:00Z", "2005-10-31T03:30:00Z"),
        # A date that was skipped: the 29th is followed by the 31st.
        ("Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"),
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"),
    ],
)
def test_a_day_begins_at_the_first_moment_that_bears_its_date(
    time_zone: str, day: str, starts_at: str, ends_at: str
) -> None:
    expected = (date.fromisoformat(day), at(starts_at), at(ends_at))
    assert day_starts_at(time_zone, expected[0]) == at(starts_at)
    assert budget_day(only(time_zone), at(starts_at)) == expected
    assert budget_day(only(time_zone), at(ends_at) - 1) == expected


def test_a_day_begins_after_a_gap_that_began_before_its_midnight() -> None:
    # In Toronto 23:30 became 00:30; before 1970, so as seconds.
    assert day_starts_at("America/Toronto", date(1919, 3, 31)) == -1_601_753_400_000


def test_a_date_that_a_zone_skipped_is_empty() -> None:
    assert day_starts_at("Pacific/Apia", date(2011, 12, 30)) == day_starts_at("Pacific/Apia", date(2011, 12, 31))
    assert date_of(only("Pacific/Apia"), at("2011-12-30T10:00:00Z") - 1) == date(2011, 12, 29)


def test_spend_before_midnight_of_a_long_day_is_booked_to_it() -> None:
    assert date_of(only("America/New_York"), at("2026-11-02T04:30:00Z")) == date(2026, 11, 1)


def test_a_month_begins_with_its_first_day() -> None:
    month = (date(2025, 9, 1), at("2025-08-31T19:00:00Z"), at("2025-09-30T19:00:00Z"))
    assert budget_month(only("Asia/Karachi"), at("2025-09-30T18:59:59.999Z")) == month
    assert budget_month(only("Asia/Karachi"), at("2025-09-30T19:00:00Z")).first == date(2025, 10, 1)
    assert budget_month(only("UTC"), at("2025-12-31T23:59:59Z")).ends_at == at("2026-01-01T00:00:00Z")


def test_t16_the_day_open_at_a_change_of_zone_keeps_its_start_and_ends_with_the_new_zones_midnight() -> None:
    day = (date(2025, 9, 9), at("2025-09-08T19:00:00Z"), at("2025-09-10T07:00:00Z"))
    for moment in ("2025-09-08T19:30:00Z", "2025-09-08T20:00:00Z", "2025-09-09T02:00:00Z", "2025-09-10T06:59:59.999Z"):
        assert budget_day(KARACHI_THEN_LOS_ANGELES, at(moment)) == day
    assert budget_day(KARACHI_THEN_LOS_ANGELES, at("2025-09-10T07:00:00Z")).date == date(2025, 9, 10)


def test_a_change_to_an_earlier_zone_does_not_reopen_the_month_that_ended() -> None:
    zones = (ZoneSpan("Asia/Karachi", None), ZoneSpan("America/Los_Angeles", at("2025-09-30T20:00:00Z")))
    october = (date(2025, 10, 1), at("2025-09-30T19:00:00Z"), at("2025-11-01T07:00:00Z"))
    assert budget_month(zones, at("2025-09-30T19:30:00Z")) == october
    assert budget_month(zones, at("2025-10-01T03:00:00Z")) == october


def test_a_change_to_a_zone_that_is_a_date_ahead_ends_the_day_at_once() -> None:
    change = at("2025-09-09T03:00:00Z")
    zones = (ZoneSpan("America/Los_Angeles", None), ZoneSpan("Asia/Karachi", change))
    assert budget_day(zones, change - 1) == (date(2025, 9, 8), at("2025-09-08T07:00:00Z"), change)
    assert budget_day(zones, change) == (date(2025, 9, 9), change, at("2025-09-09T19:00:00Z"))


def test_days_stay_consecutive_over_three_zones_within_a_day() -> None:
    zones = (
        ZoneSpan("Pacific/Kiritimati", None),
        ZoneSpan("Etc/GMT+12", at("2025-09-08T11:00:00Z")),
        ZoneSpan("Asia/Karachi", at("2025-09-08T18:00:00Z")),
    )
    assert budget_day(zones, at("2025-09-08T18:30:00Z")) == (
        date(2025, 9, 9),
        at("2025-09-08T10:00:00Z"),
        at("2025-09-09T19:00:00Z"),
    )


@pytest.mark.parametrize(
    ("time_zone", "wall_time", "first", "second"),
    [
        ("Asia/Karachi", "2025-09-08T09:00", "2025-09-08T04:00:00Z", "2025-09-08T04:00:00Z"),
        ("America/New_York", "2026-11-01T01:00", "2026-11-01T05:00:00Z", "2026-11-01T06:00:00Z"),
        ("America/New_York", "2026-11-01T02:00", "2026-11-01T07:00:00Z", "2026-11-01T07:00:00Z"),
        ("America/New_York", "2026-03-08T02:00", "2026-03-08T07:00:00Z", "2026-03-08T07:00:00Z"),
        ("America/New_York", "2026-03-08T02:59", "2026-03-08T07:00:00Z", "2026-03-08T07:00:00Z"),
        ("Australia/Lord_Howe", "2025-10-05T02:15", "2025-10-04T15:30:00Z", "2025-10-04T15:30:00Z"),
        ("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z"),
    ],
)
def test_a_wall_time_is_the_moment_after_its_gap_or_the_first_or_second_of_two(
    time_zone: str, wall_time: str, first: str, second: str
) -> None:
    naive = datetime.fromisoformat(wall_time)
    assert wall_moment(time_zone, naive, second=False) == at(first)
    assert wall_moment(time_zone, naive, second=True) == at(second)


def test_the_local_date_goes_back_where_the_wall_clock_does() -> None:
    assert local_date("America/St_Johns", at("2005-10-30T02:30:30Z")) == date(2005, 10, 30)
    assert local_date("America/St_Johns", at("2005-10-30T02:31:00Z")) == date(2005, 10, 29)
    assert date_of(only("America/St_Johns"), at("2005-10-30T02:31:00Z")) == date(2005, 10, 30)


@pytest.mark.parametrize("name", ["Asia/Karachi", "UTC", "Etc/GMT+12", "America/Argentina/Buenos_Aires", "US/Eastern"])
def test_an_iana_name_is_a_time_zone(name: str) -> None:
    check_time_zone(name)


def test_a_day_that_has_begun_goes_on_when_clocks_go_back_over_midnight() -> None:
    """St John's went back from 00:01 to 23:01: what showed 7 November for a minute shows 6 November again."""
    moments = {"02:29:59": 6, "02:30:00": 7, "02:31:00": 7, "03:29:59": 7, "03:30:00": 7}
    for clock, day in moments.items():
        assert date_of(only("America/St_Johns"), at(f"2010-11-07T{clock}Z")) == date(2010, 11, day)


@pytest.mark.parametrize(("changed_at", "day"), [("19:00:00Z", 8), ("19:00:00.001Z", 9), ("19:00:00.002Z", 9)])
def test_a_zone_that_changes_at_midnight_has_not_begun_the_day_after(changed_at: str, day: int) -> None:
    """Karachi's 9 September begins at 19:00 UTC, when New York has 8 September."""
    change = at(f"2025-09-08T{changed_at}")
    zones = (ZoneSpan("Asia/Karachi", None), ZoneSpan("America/New_York", change))
    assert date_of(zones, change) == date_of(zones, change + HOUR) == date(2025, 9, day)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "asia/karachi",
        "Asia",
        "Asia/",
        "America/Argentina",
        "localtime",
        "posixrules",
        "Factory",
        "posix/UTC",
        "right/UTC",
        "tzdata.zi",
        "../etc/passwd",
        "/etc/localtime",
        "Asia/../UTC",
        "UTC\n",
        "UTC\0",
        "+05:00",
        "PKT",
        "x" * 100_000,
    ],
)
def test_any_other_name_is_refused_with_a_sentence(name: str) -> None:
    with pytest.raises(ValueError, match=r"is not a time zone: write an IANA name such as .+\.") as refusal:
        check_time_zone(name)
    assert len(str(refusal.value)) < 300


@given(zone_and_moment())
@pytest.mark.long
@settings(max_examples=length(25, 100), deadline=None)
def test_days_are_what_a_clock_on_the_wall_first_shows(case: tuple[str, Moment]) -> None:
    time_zone, moment = case
    first_shown = dates_first_shown([(time_zone, None)], moment - 4 * DAY, moment + 4 * DAY)
    day = budget_day(only(time_zone), moment)
    assert (day.date, day.starts_at, day.ends_at) == stretch_around(first_shown, moment)
    assert date_of(only(time_zone), moment) == day.date


@given(zone_and_moment(), st.sampled_from(TIME_ZONES), st.integers(-30 * 60, 30 * 60))
@pytest.mark.long
@settings(max_examples=length(25, 100), deadline=None)
def test_days_go_on_over_a_change_of_zone(case: tuple[str, Moment], next_zone: str, minutes: int) -> None:
    time_zone, moment = case
    change = moment + minutes * MINUTE
    zones = (ZoneSpan(time_zone, None), ZoneSpan(next_zone, change))
    first_shown = dates_first_shown([(time_zone, None), (next_zone, change)], moment - 4 * DAY, moment + 4 * DAY)
    day = budget_day(zones, moment)
    assert (day.date, day.starts_at, day.ends_at) == stretch_around(first_shown, moment)


@given(zone_and_moment(), st.sampled_from(TIME_ZONES), st.integers(-40, 40), st.integers(-400, 400))
@settings(deadline=None)
def test_a_month_is_that_of_the_date(case: tuple[str, Moment], next_zone: str, days: int, hours: int) -> None:
    time_zone, moment = case
    zones = (ZoneSpan(time_zone, None), ZoneSpan(next_zone, moment + hours * HOUR))
    at_moment = moment + days * DAY
    month = budget_month(zones, at_moment)
    assert month.first == date_of(zones, at_moment).replace(day=1)
    assert month.starts_at <= at_moment < month.ends_at
    assert date_of(zones, month.starts_at - 1) < month.first <= date_of(zones, month.starts_at)
    assert budget_month(zones, month.ends_at).starts_at == month.ends_at


@given(zone_and_moment())
@pytest.mark.long
@settings(max_examples=length(25, 100), deadline=None)
def test_a_wall_time_is_what_a_clock_shows_then(case: tuple[str, Moment]) -> None:
    time_zone, moment = case
    minutes = range(moment - 3 * DAY, moment + 3 * DAY, MINUTE)
    shown = [wall(time_zone, minute) for minute in minutes]
    wanted = wall(time_zone, moment).replace(second=0) + timedelta(hours=1)
    at_or_after = minutes[next(index for index, clock in enumerate(shown) if clock >= wanted)]
    last = max((minutes[index] for index, clock in enumerate(shown) if clock == wanted), default=at_or_after)
    assert wall_moment(time_zone, wanted, second=False) == at_or_after
    assert wall_moment(time_zone, wanted, second=True) == last


def dates_first_shown(
    zones: list[tuple[str, Moment | None]], since: Moment, until: Moment
) -> list[tuple[Moment, date]]:
    """Minute by minute, docs/contract.md, "Days and months": the latest date that the zone in force showed."""
    highest = {time_zone: date.min for time_zone, _ in zones}
    booked: list[tuple[Moment, date]] = [(since, date.min)]
    for minute in range(since, until, MINUTE):
        for time_zone in highest:
            highest[time_zone] = max(highest[time_zone], wall(time_zone, minute).date())
        in_force = [time_zone for time_zone, starts_at in zones if starts_at is None or starts_at <= minute][-1]
        if highest[in_force] > booked[-1][1]:
            booked.append((minute, highest[in_force]))
    return booked[1:]


def stretch_around(first_shown: list[tuple[Moment, date]], moment: Moment) -> tuple[date, Moment, Moment]:
    for (starts_at, day), (ends_at, _) in pairwise(first_shown):
        if starts_at <= moment < ends_at:
            return day, starts_at, ends_at
    raise AssertionError("the moment lies outside of what was scanned")
