"""Windows and flights open and close at the moments that docs/contract.md, "Time rules", names."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.calendar import Zones, ZoneSpan
from core.dayparting import Openness, Schedule, changes, flight_is_over, next_boundary, next_close, next_open, openness
from core.moment import HOUR, MINUTE, Moment, format_moment
from core.records import WindowDocument
from core.windows import (
    END_OF_DAY,
    EVERY_DAY,
    Window,
    format_window,
    parse_window,
    window_document,
    window_from_document,
)
from tests.core.clock_changes import TIME_ZONES, at, wall, zone_and_moment
from tests.lengths import length

DAY = 24 * HOUR


def only(time_zone: str) -> Zones:
    return (ZoneSpan(time_zone, None),)


def windows(*texts: str, starts_on: str | None = None, ends_on: str | None = None) -> Schedule:
    return Schedule(
        tuple(parse_window(text) for text in texts),
        None if starts_on is None else date.fromisoformat(starts_on),
        None if ends_on is None else date.fromisoformat(ends_on),
    )


def observed(schedule: Schedule, zones: Zones, since: str, until: str) -> str:
    """The changes as a table of text: `+` opens, `-` closes."""
    moments = changes(schedule, zones, at(since), at(until))
    return " ".join(f"{'+' if opens else '-'}{format_moment(moment)}" for moment, opens in moments)


def test_t1_a_daily_window_is_wall_clock_of_the_brand() -> None:
    schedule = windows("daily 09:00-17:00")
    assert (
        observed(schedule, only("Asia/Karachi"), "2025-09-08T00:00:00Z", "2025-09-09T00:00:00Z")
        == "+2025-09-08T04:00:00Z -2025-09-08T12:00:00Z"
    )


def test_t2_an_overnight_window_belongs_to_the_day_it_starts_on() -> None:
    schedule, zones = windows("fri 22:00-06:00"), only("America/New_York")
    assert (
        observed(schedule, zones, "2025-09-11T00:00:00Z", "2025-09-15T00:00:00Z")
        == "+2025-09-13T02:00:00Z -2025-09-13T10:00:00Z"
    )
    friday_at_5, saturday_at_23 = at("2025-09-12T09:00:00Z"), at("2025-09-14T03:00:00Z")
    assert not openness(schedule, zones, friday_at_5).in_window
    assert not openness(schedule, zones, saturday_at_23).in_window


@pytest.mark.parametrize(
    ("window", "time_zone", "day", "expected"),
    [
        # T3a: one stretch over the hour that comes twice.
        ("daily 01:00-02:00", "America/New_York", "2026-11-01", "+2026-11-01T05:00:00Z -2026-11-01T07:00:00Z"),
        ("daily 01:30-01:45", "America/New_York", "2026-11-01", "+2026-11-01T05:30:00Z -2026-11-01T06:45:00Z"),
        # T3b: nothing of a window in the gap, and what is left of one over it.
        ("daily 02:00-03:00", "America/New_York", "2026-03-08", ""),
        ("daily 02:10-02:50", "America/New_York", "2026-03-08", ""),
        ("sun 01:30-03:30", "America/New_York", "2026-03-08", "+2026-03-08T06:30:00Z -2026-03-08T07:30:00Z"),
        ("daily 02:30-03:30", "America/New_York", "2026-03-08", "+2026-03-08T07:00:00Z -2026-03-08T07:30:00Z"),
        # T3d: no midnight, and two of them.
        ("sun 00:00-01:30", "America/Santiago", "2025-09-07", "+2025-09-07T04:00:00Z -2025-09-07T04:30:00Z"),
        ("sat 23:00-24:00", "America/Santiago", "2025-09-07", "+2025-09-07T03:00:00Z -2025-09-07T04:00:00Z"),
        ("sun 00:00-24:00", "America/Santiago", "2025-09-07", "+2025-09-07T04:00:00Z -2025-09-08T03:00:00Z"),
        ("sun 00:00-00:30", "America/Havana", "2025-11-02", "+2025-11-02T04:00:00Z -2025-11-02T05:30:00Z"),
        ("sat 23:00-24:00", "America/Havana", "2025-11-02", "+2025-11-02T03:00:00Z -2025-11-02T04:00:00Z"),
        # "24:00" is the end of the day, "00:00" a time on the wall that comes twice.
        ("sat 23:00-00:00", "America/Havana", "2025-11-02", "+2025-11-02T03:00:00Z -2025-11-02T05:00:00Z"),
        # Sunday began at 02:30Z; at 02:31Z the wall goes back to Saturday 23:01 and the window stays open.
        ("sun 00:00-01:00", "America/St_Johns", "2005-10-30", "+2005-10-30T02:30:00Z -2005-10-30T04:30:00Z"),
        # Friday the 30th did not exist: its day is empty, its night is what is left after the gap.
        ("fri 09:00-17:00", "Pacific/Apia", "2011-12-30", ""),
        ("fri 22:00-06:00", "Pacific/Apia", "2011-12-30", "+2011-12-30T10:00:00Z -2011-12-30T16:00:00Z"),
    ],
)
def test_a_window_on_the_day_a_clock_changes_is_one_stretch_or_none(
    window: str, time_zone: str, day: str, expected: str
) -> None:
    since = at(f"{day}T00:00:00Z")
    assert (
        observed(windows(window), only(time_zone), format_moment(since), format_moment(since + 30 * HOUR)) == expected
    )


def test_a_window_that_falls_into_a_gap_opens_again_a_week_later() -> None:
    schedule, zones = windows("sun 02:00-03:00"), only("America/New_York")
    assert next_open(schedule, zones, at("2026-03-01T08:00:00Z")) == at("2026-03-15T06:00:00Z")


def test_t12e_a_whole_day_is_open_without_end_and_from_equal_to_to_is_refused() -> None:
    schedule, zones = windows("daily 00:00-24:00"), only("America/New_York")
    now = at("2026-03-01T08:00:00Z")
    assert openness(schedule, zones, now) == (True, True)
    assert next_boundary(schedule, zones, now) is None
    assert next_close(schedule, zones, now) is None
    with pytest.raises(ValueError, match="is empty: for a whole day write 00:00-24:00"):
        parse_window("daily 00:00-00:00")


def test_t14_a_flight_runs_from_the_start_of_its_first_to_the_end_of_its_last_local_date() -> None:
    schedule, zones = windows(starts_on="2025-10-05", ends_on="2025-10-06"), only("America/Chicago")
    starts_at, ends_at = at("2025-10-05T05:00:00Z"), at("2025-10-07T05:00:00Z")
    assert list(changes(schedule, zones, at("2025-01-01T00:00:00Z"), at("2030-01-01T00:00:00Z"))) == [
        (starts_at, True),
        (ends_at, False),
    ]
    assert next_close(schedule, zones, starts_at) == ends_at
    assert next_open(schedule, zones, ends_at) is None
    assert openness(schedule, zones, ends_at) == Openness(in_flight=False, in_window=True)


def test_an_overnight_window_on_the_last_day_of_a_flight_stops_at_its_midnight() -> None:
    schedule = windows("daily 22:00-06:00", starts_on="2025-09-08", ends_on="2025-09-08")
    # The window of the 7th is open when the flight starts.
    assert (
        observed(schedule, only("UTC"), "2025-09-01T00:00:00Z", "2025-10-01T00:00:00Z")
        == "+2025-09-08T00:00:00Z -2025-09-08T06:00:00Z +2025-09-08T22:00:00Z -2025-09-09T00:00:00Z"
    )


def test_t16_a_change_of_zone_cuts_the_windows_of_the_old_one() -> None:
    zones = (ZoneSpan("Asia/Karachi", None), ZoneSpan("America/Los_Angeles", at("2025-09-08T10:00:00Z")))
    # In Karachi it was 15:00, in Los Angeles it is 03:00 of the same day.
    assert (
        observed(windows("daily 09:00-17:00"), zones, "2025-09-08T00:00:00Z", "2025-09-09T12:00:00Z")
        == "+2025-09-08T04:00:00Z -2025-09-08T10:00:00Z +2025-09-08T16:00:00Z -2025-09-09T00:00:00Z"
    )


def test_a_window_of_the_new_zone_may_be_open_at_the_change() -> None:
    zones = (ZoneSpan("Asia/Karachi", None), ZoneSpan("America/Los_Angeles", at("2025-09-08T20:00:00Z")))
    assert (
        observed(windows("daily 09:00-17:00"), zones, "2025-09-08T12:00:00Z", "2025-09-09T12:00:00Z")
        == "-2025-09-08T12:00:00Z +2025-09-08T20:00:00Z -2025-09-09T00:00:00Z"
    )


def test_a_flight_is_counted_in_the_dates_of_the_zone_in_force() -> None:
    change = at("2025-09-08T20:00:00Z")
    zones = (ZoneSpan("Asia/Karachi", None), ZoneSpan("America/Los_Angeles", change))
    # The 9th began in Karachi at 19:00Z; in Los Angeles it has not begun when the zone changes.
    assert (
        observed(windows(starts_on="2025-09-09"), zones, "2025-09-01T00:00:00Z", "2025-10-01T00:00:00Z")
        == "+2025-09-08T19:00:00Z -2025-09-08T20:00:00Z +2025-09-09T07:00:00Z"
    )


@pytest.mark.parametrize(
    "texts",
    [
        ("mon 09:00-12:00", "mon 12:00-17:00"),
        ("mon 09:00-13:00", "mon 11:00-17:00"),
        ("mon 09:00-17:00", "mon 10:00-11:00"),
        ("mon,wed 09:00-12:00", "mon-tue 12:00-17:00"),
    ],
)
def test_touching_and_overlapping_windows_make_no_boundary_between_them(texts: tuple[str, ...]) -> None:
    schedule, zones = windows(*texts), only("UTC")
    assert next_boundary(schedule, zones, at("2025-09-08T09:00:00Z")) == at("2025-09-08T17:00:00Z")


def test_windows_that_touch_at_midnight_make_no_boundary() -> None:
    schedule, zones = windows("mon 18:00-24:00", "tue 00:00-03:00", "tue 03:00-04:00"), only("Asia/Karachi")
    assert (
        observed(schedule, zones, "2025-09-08T00:00:00Z", "2025-09-12T00:00:00Z")
        == "+2025-09-08T13:00:00Z -2025-09-08T23:00:00Z"
    )


def test_windows_that_fill_the_week_together_never_close() -> None:
    schedule, zones = windows("daily 22:00-06:00", "daily 06:00-22:00"), only("America/Havana")
    assert next_boundary(schedule, zones, at("2025-01-01T00:00:00Z")) is None


def test_no_windows_and_no_flight_are_open_for_ever() -> None:
    now = at("2025-09-08T00:00:00Z")
    assert openness(Schedule(), only("UTC"), now) == (True, True)
    assert next_open(Schedule(), only("UTC"), now) == now
    assert next_boundary(Schedule(), only("UTC"), now) is None
    assert list(changes(Schedule(), only("UTC"), now, now + 400 * DAY)) == []


def test_a_flight_far_ahead_opens_in_its_own_windows() -> None:
    schedule = windows("mon 09:00-10:00", starts_on="2125-01-01", ends_on="2125-01-31")
    assert next_open(schedule, only("UTC"), at("2025-09-08T00:00:00Z")) == at("2125-01-01T09:00:00Z")


def test_a_flight_with_no_window_in_it_never_opens() -> None:
    schedule = windows("mon 09:00-10:00", starts_on="2025-09-09", ends_on="2025-09-12")
    assert next_open(schedule, only("UTC"), at("2025-09-01T00:00:00Z")) is None
    assert next_close(schedule, only("UTC"), at("2025-09-01T00:00:00Z")) is None


def test_a_flight_that_ends_before_it_starts_never_opens() -> None:
    schedule = windows(starts_on="2025-09-09", ends_on="2025-09-07")
    assert next_open(schedule, only("UTC"), at("2025-09-01T00:00:00Z")) is None


@pytest.mark.parametrize("ends_on", ["9999-12-30", "9999-12-31"])
def test_a_flight_may_last_for_ever(ends_on: str) -> None:
    schedule = windows(starts_on="0001-01-01", ends_on=ends_on)
    assert openness(schedule, only("Pacific/Apia"), at("2025-09-01T00:00:00Z")) == (True, True)


def test_before_and_after_a_flight_a_window_still_opens_and_closes_for_the_reasons_told() -> None:
    schedule = windows("mon 09:00-10:00", ends_on="2025-09-07")
    assert next_boundary(schedule, only("UTC"), at("2025-09-08T00:00:00Z")) == at("2025-09-08T09:00:00Z")


def test_changes_are_half_open_so_that_previews_can_be_joined() -> None:
    schedule, zones = windows("daily 09:00-17:00"), only("UTC")
    middle = "2025-09-08T09:00:00Z"
    assert observed(schedule, zones, "2025-09-08T00:00:00Z", middle) == ""
    assert observed(schedule, zones, middle, "2025-09-08T17:00:00Z") == f"+{middle}"


def test_changes_that_lie_a_millisecond_before_the_beginning_are_not_listed() -> None:
    schedule, zones = windows("daily 09:00-17:00"), only("UTC")
    closes = "-2025-09-08T17:00:00Z"
    assert observed(schedule, zones, "2025-09-08T09:00:00.001Z", "2025-09-09T00:00:00Z") == closes
    assert observed(schedule, zones, "2025-09-08T17:00:00.001Z", "2025-09-09T09:00:00.001Z") == "+2025-09-09T09:00:00Z"


def test_windows_that_leave_out_the_first_minute_of_the_week_are_closed_in_it() -> None:
    schedule, zones = windows("mon 00:01-24:00", "tue-sun 00:00-24:00"), only("UTC")
    since, until = "2025-09-07T12:00:00Z", "2025-09-14T12:00:00Z"
    assert observed(schedule, zones, since, until) == "-2025-09-08T00:00:00Z +2025-09-08T00:01:00Z"


def test_windows_are_open_on_the_first_day_of_the_calendar() -> None:
    schedule, zones, first_midnight = windows("daily 09:00-17:00"), only("UTC"), -62_135_596_800_000
    assert not openness(schedule, zones, first_midnight + 8 * HOUR).in_window
    assert openness(schedule, zones, first_midnight + 12 * HOUR).in_window


@pytest.mark.parametrize(
    ("text", "days", "from_minute", "to_minute", "written"),
    [
        ("mon-fri 09:00-17:00", (0, 1, 2, 3, 4), 540, 1020, "mon-fri 09:00-17:00"),
        ("mon,wed 00:00-24:00", (0, 2), 0, 1440, "mon,wed 00:00-24:00"),
        ("sat-mon 22:00-06:00", (0, 5, 6), 1320, 360, "mon,sat,sun 22:00-06:00"),
        ("fri-wed 22:00-00:00", (0, 1, 2, 4, 5, 6), 1320, 0, "mon-wed,fri-sun 22:00-00:00"),
        ("tue,mon,tue 09:00-09:01", (0, 1), 540, 541, "mon,tue 09:00-09:01"),
        ("sun-sun 09:00-17:00", (6,), 540, 1020, "sun 09:00-17:00"),
        ("daily 09:00-17:00", (0, 1, 2, 3, 4, 5, 6), 540, 1020, "daily 09:00-17:00"),
        ("all 09:00-17:00", (0, 1, 2, 3, 4, 5, 6), 540, 1020, "daily 09:00-17:00"),
        ("  MON   09:00-17:00 ", (0,), 540, 1020, "mon 09:00-17:00"),
    ],
)
def test_a_window_is_written_as_days_and_times(
    text: str, days: tuple[int, ...], from_minute: int, to_minute: int, written: str
) -> None:
    assert parse_window(text) == Window(days, from_minute, to_minute)
    assert format_window(parse_window(text)) == written


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is not a window: write days and times"),
        ("mon", "is not a window: write days and times"),
        ("09:00-17:00", "is not a window: write days and times"),
        ("mon 09:00", "is not a window: write days and times"),
        ("mon 09:00-10:00-11:00", "is not a window: write days and times"),
        ("mon tue 09:00-10:00", "is not a window: write days and times"),
        ("monday 09:00-10:00", "'monday' is not a day: write mon, tue"),
        ("mon, 09:00-10:00", "'' is not a day: write mon, tue"),
        ("mon-wed-fri 09:00-10:00", "'wed-fri' is not a day: write mon, tue"),
        ("mon 9:00-10:00", "'9:00' is not a time of day: write HH:MM"),
        ("mon 09:60-10:00", "'09:60' is not a time of day: write HH:MM"),
        ("mon 24:00-10:00", "'24:00' is not a time of day: write HH:MM"),
        ("mon 09:00-24:01", "'24:01' is not a time of day: write HH:MM"),
        ("mon ٠٩:00-10:00", "is not a time of day: write HH:MM"),
        ("mon 09:00-09:00", "is empty: for a whole day write 00:00-24:00"),
    ],
)
def test_what_is_no_window_is_refused_with_a_sentence_that_says_what_to_write(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_window(text)


def test_a_window_of_the_catalog_is_the_same_window() -> None:
    assert window_from_document(["tue", "mon", "mon"], "22:00", "06:00") == parse_window("mon,tue 22:00-06:00")
    assert window_from_document(["sun"], "00:00", "24:00") == parse_window("sun 00:00-24:00")


@pytest.mark.parametrize(
    ("text", "days", "from_", "to"),
    [
        ("mon,tue 22:00-06:00", ["mon", "tue"], "22:00", "06:00"),
        ("sun 00:00-24:00", ["sun"], "00:00", "24:00"),
        ("daily 09:05-17:30", ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "09:05", "17:30"),
    ],
)
def test_a_window_is_written_as_the_catalog_has_it(text: str, days: list[str], from_: str, to: str) -> None:
    document = window_document(parse_window(text))
    assert document == WindowDocument(days, from_=from_, to=to)
    assert window_from_document(document.days, document.from_, document.to) == parse_window(text)


@pytest.mark.parametrize("days", [[], ["Mon"], ["mon-fri"], ["daily"], [""]])
def test_a_window_of_the_catalog_needs_days(days: list[str]) -> None:
    with pytest.raises(ValueError, match=r"mon, tue, wed, thu, fri, sat"):
        window_from_document(days, "09:00", "17:00")


minutes_from = st.integers(0, 47).map(lambda half_hour: half_hour * 30)
minutes_to = st.integers(0, 48).map(lambda half_hour: half_hour * 30)
any_windows = st.builds(
    Window, st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days))), minutes_from, minutes_to
).filter(lambda window: window.from_minute != window.to_minute)
#: Two that fill the week together, over every midnight and every change of the clock.
filling_windows = (
    st.tuples(minutes_from, minutes_from)
    .filter(lambda pair: pair[0] != pair[1])
    .map(lambda pair: (Window(EVERY_DAY, *pair), Window(EVERY_DAY, *reversed(pair))))
)
window_lists = st.lists(any_windows, max_size=4).map(tuple) | filling_windows


@given(
    zone_and_moment(),
    st.sampled_from(TIME_ZONES),
    st.integers(-60, 60),
    window_lists,
    st.none() | st.integers(-3, 3),
    st.none() | st.integers(-3, 3),
)
@pytest.mark.long
@settings(max_examples=length(20, 100), deadline=None)
def test_openness_and_its_boundaries_are_what_the_wall_clock_says_minute_by_minute(
    case: tuple[str, Moment],
    next_zone: str,
    hours: int,
    some_windows: tuple[Window, ...],
    first_day: int | None,
    last_day: int | None,
) -> None:
    time_zone, moment = case
    change = moment + hours * HOUR
    zones = (ZoneSpan(time_zone, None), ZoneSpan(next_zone, change))
    today = wall(time_zone, moment).date()
    schedule = Schedule(
        some_windows,
        None if first_day is None else today + timedelta(days=first_day),
        None if last_day is None else today + timedelta(days=last_day),
    )
    minutes = range(moment - 2 * DAY, moment + 2 * DAY, MINUTE)
    before, after = read_off_the_wall(schedule, time_zone, minutes), read_off_the_wall(schedule, next_zone, minutes)
    expected = [after(minute) if minute >= change else before(minute) for minute in minutes]

    here = minutes.index(moment)
    assert openness(schedule, zones, moment) == expected[here]
    for find, wanted in (
        (next_boundary, lambda state: state != expected[here]),
        (next_open, lambda state: state == (True, True)),
    ):
        found = next((minutes[index] for index in range(here, len(minutes)) if wanted(expected[index])), None)
        assert_same_up_to(minutes[-1], find(schedule, zones, moment), found)
    told_changes = [
        (minutes[index], expected[index] == (True, True))
        for index in range(1, len(minutes))
        if (expected[index] == (True, True)) != (expected[index - 1] == (True, True))
    ]
    assert list(changes(schedule, zones, minutes[1], minutes[-1] + MINUTE)) == told_changes


@given(zone_and_moment(), window_lists)
@settings(deadline=None)
def test_the_next_close_follows_the_next_open(case: tuple[str, Moment], some_windows: tuple[Window, ...]) -> None:
    time_zone, moment = case
    schedule, zones = Schedule(some_windows), only(time_zone)
    opens_at = next_open(schedule, zones, moment)
    assert opens_at is not None
    assert opens_at >= moment
    closes_at = next_close(schedule, zones, moment)
    assume(closes_at is not None)
    assert closes_at is not None
    assert openness(schedule, zones, closes_at - 1).in_window
    assert not openness(schedule, zones, closes_at).in_window
    assert next_boundary(schedule, zones, opens_at) == closes_at


def assert_same_up_to(horizon: Moment, found: Moment | None, expected: Moment | None) -> None:
    assert (found if found is not None and found <= horizon else None) == expected


def read_off_the_wall(schedule: Schedule, time_zone: str, minutes: range) -> Callable[[Moment], Openness]:
    """The rules of docs/contract.md, "Windows and flights": each wall time is looked for on a clock."""
    scan = range(minutes[0] - 3 * DAY, minutes[-1] + 3 * DAY, MINUTE)
    shown = [wall(time_zone, minute) for minute in scan]

    def first_at_or_after(clock: datetime) -> Moment:
        return next((scan[index] for index, seen in enumerate(shown) if seen >= clock), scan[-1])

    def last_showing(clock: datetime) -> Moment:
        return max((scan[index] for index, seen in enumerate(shown) if seen == clock), default=first_at_or_after(clock))

    def starts_at(day: date) -> Moment:
        return first_at_or_after(datetime.combine(day, time()))

    open_minutes: set[Moment] = set()
    for day in sorted({seen.date() for seen in shown} | {seen.date() + timedelta(days=1) for seen in shown}):
        for window in schedule.windows:
            if day.weekday() not in window.days:
                continue
            start = first_at_or_after(datetime.combine(day, time()) + timedelta(minutes=window.from_minute))
            ends_on = day if window.to_minute > window.from_minute else day + timedelta(days=1)
            end_clock = datetime.combine(ends_on, time()) + timedelta(minutes=window.to_minute)
            end = starts_at(end_clock.date()) if window.to_minute == END_OF_DAY else last_showing(end_clock)
            open_minutes.update(range(start, end, MINUTE))

    flight_starts_at = scan[0] if schedule.starts_on is None else starts_at(schedule.starts_on)
    flight_ends_at = scan[-1] + DAY if schedule.ends_on is None else starts_at(schedule.ends_on + timedelta(days=1))
    return lambda minute: Openness(
        flight_starts_at <= minute < flight_ends_at, not schedule.windows or minute in open_minutes
    )


@pytest.mark.parametrize(
    ("moment", "is_over"),
    [
        ("2025-09-07T19:00:00Z", False),  # before it
        ("2025-09-09T18:59:59.999Z", False),
        ("2025-09-09T19:00:00Z", True),
    ],
)
def test_a_flight_is_over_from_the_midnight_after_its_last_day(moment: str, is_over: bool) -> None:
    flight = Schedule((), date(2025, 9, 9), date(2025, 9, 9))
    assert flight_is_over(flight, only("Asia/Karachi"), at(moment)) is is_over
    assert not flight_is_over(Schedule((), date(2025, 9, 9), None), only("Asia/Karachi"), at(moment))


def test_a_flight_is_over_by_the_clock_of_the_zone_that_is_in_force() -> None:
    changed_at = at("2025-09-09T12:00:00Z")
    zones = (ZoneSpan("Asia/Karachi", None), ZoneSpan("America/New_York", changed_at))
    flight = Schedule((), None, date(2025, 9, 9))
    assert not flight_is_over(flight, zones, at("2025-09-10T03:59:59.999Z"))
    assert flight_is_over(flight, zones, at("2025-09-10T04:00:00Z"))
    assert flight_is_over(Schedule((), None, date(2025, 9, 8)), zones, at("2025-09-08T19:00:00Z"))
