"""The calendar is total: whatever the dates, zones and moments are, every one of them has a day, and nothing raises."""

from datetime import date, datetime, time, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from core.budget import open_period
from core.calendar import (
    ZoneSpan,
    budget_day,
    budget_month,
    date_of,
    date_starts_at,
    local_date,
    next_day,
    next_month,
    time_zone_names,
    wall_moment,
)
from core.dayparting import Schedule, changes, next_boundary, next_close, next_open
from core.moment import ALWAYS, END_OF_TIME, HOUR, NEVER, Moment, format_moment
from core.windows import END_OF_DAY, Window
from tests.core.scenario import Scenario, check

DAY = 24 * HOUR
BEGINNING = -62_135_596_800_000  # 0001-01-01T00:00:00Z
INT64 = 1 << 63

zone_names = st.sampled_from(sorted(time_zone_names()))
#: Around the first and the last date, around those of a Kafka timestamp, and anywhere.
moments = (
    st.integers(BEGINNING - 2 * DAY, BEGINNING + 40 * DAY)
    | st.integers(END_OF_TIME - 40 * DAY, END_OF_TIME + 2 * DAY)
    | st.integers(-INT64, -INT64 + 5)
    | st.integers(INT64 - 5, INT64 - 1)
    | st.integers(-INT64, INT64 - 1)
)
dates = (
    st.dates(date.min, date.min + timedelta(days=40))
    | st.dates(date.max - timedelta(days=40), date.max)
    | st.dates(date.min, date.max)
)
minutes = st.integers(0, END_OF_DAY - 1)


@st.composite
def zones_of(draw: st.DrawFn) -> tuple[ZoneSpan, ...]:
    later = draw(st.lists(st.integers(0, END_OF_TIME) | moments, unique=True, max_size=3))
    names = draw(st.lists(zone_names, min_size=len(later) + 1, max_size=len(later) + 1))
    return tuple(map(ZoneSpan, names, (None, *sorted(later))))


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    windows = draw(
        st.lists(
            st.builds(
                Window,
                st.lists(st.integers(0, 6), min_size=1, unique=True).map(lambda days: tuple(sorted(days))),
                minutes,
                minutes | st.just(END_OF_DAY),
            ).filter(lambda window: window.from_minute != window.to_minute),
            max_size=3,
        )
    )
    return Schedule(tuple(windows), draw(st.none() | dates), draw(st.none() | dates))


@given(zones=zones_of(), moment=moments)
def test_every_int64_moment_lies_in_the_day_and_month_that_are_said_to_hold_it(
    zones: tuple[ZoneSpan, ...], moment: Moment
) -> None:
    day, month = budget_day(zones, moment), budget_month(zones, moment)
    assert day.starts_at <= moment < day.ends_at
    assert month.starts_at <= day.starts_at
    assert day.ends_at <= month.ends_at
    assert (day.date.year, day.date.month) == (month.first.year, month.first.month)
    assert day.starts_at == ALWAYS or date_of(zones, day.starts_at - 1) < day.date
    assert day.ends_at == NEVER or date_of(zones, day.ends_at) > day.date


@given(zones=zones_of(), day=dates)
def test_every_date_begins_no_later_than_the_next(zones: tuple[ZoneSpan, ...], day: date) -> None:
    starts_at = date_starts_at(zones, day)
    assert starts_at <= date_starts_at(zones, next_day(day))
    assert starts_at in (ALWAYS, NEVER) or date_of(zones, starts_at) >= day


@given(time_zone=zone_names, day=dates, minute=minutes, second=st.booleans())
def test_every_wall_clock_time_is_a_moment_that_can_be_written_or_none(
    time_zone: str, day: date, minute: int, second: bool
) -> None:
    moment = wall_moment(time_zone, datetime.combine(day, time(minute // 60, minute % 60)), second=second)
    assert moment == NEVER or moment <= END_OF_TIME
    local_date(time_zone, moment)


@given(schedule=schedules(), zones=zones_of(), moment=moments)
@example(
    Schedule((Window((0,), 0, 60),)), (ZoneSpan("UTC", None), ZoneSpan("Asia/Karachi", END_OF_TIME + 1)), END_OF_TIME
)
@example(Schedule(), (ZoneSpan("UTC", None), ZoneSpan("Asia/Karachi", INT64 - 5)), END_OF_TIME)
def test_every_boundary_can_be_written_or_is_none(
    schedule: Schedule, zones: tuple[ZoneSpan, ...], moment: Moment
) -> None:
    for ask in (next_boundary, next_open, next_close):
        at = ask(schedule, zones, moment)
        assert at is None or moment <= at
        if at is not None and at != moment and moment >= BEGINNING + 2 * DAY:
            format_moment(at)
    list(changes(schedule, zones, moment, moment + DAY))


def test_the_last_day_and_month_never_end_and_the_first_began_always() -> None:
    karachi = (ZoneSpan("Asia/Karachi", None),)
    assert budget_day(karachi, END_OF_TIME).ends_at == NEVER
    assert budget_month(karachi, END_OF_TIME) == (date(9999, 12, 1), budget_month(karachi, END_OF_TIME)[1], NEVER)
    assert budget_day(karachi, BEGINNING)[:2] == (date.min, ALWAYS)
    assert next_month(date(9999, 12, 1)) is None
    assert next_month(date(9999, 11, 1)) == date(9999, 12, 1)


def test_a_brand_with_very_many_changes_of_zone_has_days_as_any_other() -> None:
    names = ("Asia/Karachi", "America/New_York")
    zones = tuple(ZoneSpan(names[number % 2], number * DAY if number else None) for number in range(5_000))
    assert budget_day(zones, 6_000 * DAY).date == date(1970, 1, 1) + timedelta(days=6_000 - 1)


def test_a_flight_that_starts_or_ends_on_the_last_date_stops_nobody() -> None:
    check("""
        first
        day 2025-09-08
        09:00 brand nike zone=America/New_York
        09:00 campaign a starts_on=9999-12-31
          -> pause a flight resumes_at=9999-12-31T05:00
        09:00 campaign b ends_on=9999-12-31
          -> resume b pauses_at=none
        09:00 campaign c starts_on=9999-12-31 ends_on=9999-12-31 windows="sun 10:00-11:00"
          -> pause c flight,schedule resumes_at=none
        09:00 campaign d starts_on=0001-01-01 ends_on=0001-01-01
          -> pause d flight resumes_at=none
        09:00 campaign e starts_on=9999-12-31 windows="daily 22:00-06:00"
          -> pause e flight resumes_at=9999-12-31T05:00
        restart
        10:00 spend b 1
        """)


def test_a_worker_that_lives_to_the_last_day_decides_on_it() -> None:
    scenario = Scenario()
    for line in (
        "day 9999-12-31",
        "22:00 brand nike zone=UTC daily=10 monthly=20",
        '22:00 campaign a windows="daily 09:00-23:00"',
        "22:01 spend a 10",
        "22:02 correct a 10 on=9999-12-31",
        "22:02 correct a 10 on=0001-01-01",
        "23:30 tick",
        "restart",
        "23:31 reset daily UTC",
        "23:59 spend a -15",
    ):
        scenario.run(line)
    assert scenario.commands[-1].resumes_at is None
    brand = scenario.brand("nike")
    assert brand.day
    assert brand.month
    open_period(brand, brand.config, INT64 - 1)  # type: ignore[arg-type]
    assert (brand.day_ends_at, brand.month.ends_at) == (NEVER, NEVER)
