"""What a schedule comes to on days on which clocks change."""

from datetime import date

import pytest

from console.pages.schedule.clock_days import clock_days
from core.calendar import ZoneSpan
from core.dayparting import Schedule
from core.moment import parse_moment
from core.windows import parse_window

NOW = parse_moment("2026-11-24T12:00:00Z")
BERLIN = (ZoneSpan("Europe/Berlin", None),)


def _observed(*windows: str, time_zone: str = "Europe/Berlin") -> list[tuple[str, str]]:
    schedule = Schedule(tuple(parse_window(text) for text in windows))
    days = clock_days(schedule, (ZoneSpan(time_zone, None),), NOW)
    return [(it.date.isoformat(), it.effect) for it in days]


@pytest.mark.parametrize(
    ("window", "in_spring", "in_autumn"),
    [
        ("daily 09:00-17:00", "Open 09:00-17:00, as on any Sun.", "Open 09:00-17:00, as on any Sun."),
        ("sun 00:00-06:00", "Open 00:00-06:00: 5 h instead of 6 h.", "Open 00:00-06:00: 7 h instead of 6 h."),
        (
            "sun 02:30-05:00",
            "Open 03:00-05:00: 2 h instead of 2 h 30 min.",
            "Open 02:30-05:00: 3 h 30 min instead of 2 h 30 min.",
        ),
        ("sun 02:10-02:50", "Closed: 0 min instead of 40 min.", "Open 02:10-02:50: 1 h 40 min instead of 40 min."),
        ("sat 22:00-06:00", "Open 00:00-06:00: 5 h instead of 6 h.", "Open 00:00-06:00: 7 h instead of 6 h."),
        ("mon 09:00-10:00", "Closed, as on any Sun.", "Closed, as on any Sun."),
        ("sun 00:00-24:00", "Open 00:00-24:00: 23 h instead of 24 h.", "Open 00:00-24:00: 25 h instead of 24 h."),
    ],
)
def test_the_next_change_each_way_is_told(window: str, in_spring: str, in_autumn: str) -> None:
    assert _observed(window) == [("2027-03-28", in_spring), ("2027-10-31", in_autumn)]


def test_without_windows_nothing_happens_and_without_clock_changes_there_is_nothing_to_tell() -> None:
    assert _observed()[0] == ("2027-03-28", "No windows: it stays open through the change.")
    assert _observed("daily 09:00-17:00", time_zone="Asia/Karachi") == []


def test_a_day_whose_midnight_does_not_exist_begins_later() -> None:
    days = dict(_observed("daily 00:00-02:00", time_zone="America/Santiago"))
    assert days["2027-09-05"] == "Open 01:00-02:00: 1 h instead of 2 h."


def test_only_days_of_the_flight_are_looked_at() -> None:
    windows = (parse_window("daily 00:00-06:00"),)
    schedule = Schedule(windows, starts_on=date(2027, 4, 1), ends_on=date(2027, 12, 31))
    assert [it.date for it in clock_days(schedule, BERLIN, NOW)] == [date(2027, 10, 31)]
    assert clock_days(Schedule(windows, ends_on=date(2027, 3, 27)), BERLIN, NOW) == []
