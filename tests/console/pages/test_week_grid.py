"""Windows as rectangles, and the mark of now."""

from console.pages.week_grid import LocalTime, stretches_of, week_grid, week_shares
from core.moment import parse_moment
from core.windows import END_OF_DAY, parse_window

MONDAY_NOON_UTC = parse_moment("2025-09-08T12:00:00Z")


def drawn(*windows: str) -> list[tuple[int, int, int]]:
    return [tuple(it) for it in stretches_of([parse_window(text) for text in windows])]


def test_a_window_of_some_days_is_one_stretch_on_each() -> None:
    assert drawn("mon,wed 09:00-17:00") == [(0, 540, 1020), (2, 540, 1020)]


def test_a_night_is_cut_at_midnight() -> None:
    assert drawn("fri 22:00-02:00") == [(4, 1320, END_OF_DAY), (5, 0, 120)]


def test_sunday_night_goes_on_on_monday() -> None:
    assert drawn("sun 22:00-02:00") == [(0, 0, 120), (6, 1320, END_OF_DAY)]


def test_a_window_up_to_midnight_leaves_the_next_day_alone() -> None:
    assert drawn("mon 22:00-24:00") == [(0, 1320, END_OF_DAY)]
    assert drawn("mon 22:00-00:00") == [(0, 1320, END_OF_DAY)]


def test_touching_and_overlapping_windows_are_one_stretch() -> None:
    assert drawn("mon 09:00-12:00", "mon 12:00-14:00", "mon 13:00-15:00") == [(0, 540, 900)]


def test_several_windows_a_day_stay_apart() -> None:
    assert drawn("mon 09:00-12:00", "mon 13:00-15:00") == [(0, 540, 720), (0, 780, 900)]


def test_no_windows_fill_the_week() -> None:
    grid = week_grid([], "UTC", MONDAY_NOON_UTC)
    assert grid.always
    assert [len(day) for day in grid.days] == [1] * 7
    assert grid.words()[0] == "mon: 00:00-24:00"


def test_now_is_marked_by_the_clock_of_the_brand() -> None:
    assert week_grid([], "Asia/Karachi", MONDAY_NOON_UTC).now == LocalTime(0, 17 * 60)
    assert week_grid([], "Pacific/Auckland", MONDAY_NOON_UTC).now == LocalTime(1, 0)


def test_every_day_is_told_in_words() -> None:
    grid = week_grid([parse_window("sat 22:00-04:00")], "UTC", MONDAY_NOON_UTC)
    assert grid.words()[4:] == ["fri: closed", "sat: 22:00-24:00", "sun: 00:00-04:00"]


def test_the_shares_of_many_campaigns_are_as_many_as_their_windows_differ() -> None:
    office, late = [parse_window("mon 09:00-17:00")], [parse_window("mon 12:00-20:00")]
    week = week_shares([office] * 2_999 + [late], "UTC", MONDAY_NOON_UTC)
    assert [(it.day, it.from_minute // 60, it.to_minute // 60, it.campaigns) for it in week.shares] == [
        (0, 9, 12, 2_999),
        (0, 12, 17, 3_000),
        (0, 17, 20, 1),
    ]
    assert (week.campaigns, week.now) == (3_000, LocalTime(0, 12 * 60))
    assert [it.opacity for it in week.shares] == [0.9, 0.9, 0.15]
    assert week.shares[2].text == "17:00-20:00: 1 of 3000"


def test_windows_that_touch_are_one_campaign_and_no_windows_are_the_whole_week() -> None:
    touching = [parse_window("tue 09:00-12:00"), parse_window("tue 12:00-13:00"), parse_window("tue 10:00-11:00")]
    assert [it[1:4] for it in week_shares([touching], "UTC", MONDAY_NOON_UTC).shares] == [(540, 780, 1)]
    assert [it.campaigns for it in week_shares([[], []], "UTC", MONDAY_NOON_UTC).shares] == [2] * 7
    assert week_shares([], "UTC", MONDAY_NOON_UTC).campaigns == 0
