"""What is drawn in a week, in words and as rectangles."""

import pytest

from console.pages.schedule.grid import blocks_of
from console.pages.schedule.rows import WindowRow, check_rows, rows_from_windows
from console.pages.week import in_words
from core.windows import parse_window


@pytest.mark.parametrize(
    ("windows", "words"),
    [
        ([], "Always"),
        (["daily 00:00-24:00"], "Always"),
        (["daily 12:00-00:00", "daily 00:00-12:00"], "Always"),
        (["mon-fri 09:00-17:00"], "Mon-Fri 09:00-17:00"),
        (["mon-fri 09:00-17:00", "fri 22:00-06:00"], "Mon-Fri 09:00-17:00, Fri 22:00 until Sat 06:00"),
        (["mon,wed,fri 09:00-17:30"], "Mon, Wed and Fri 09:00-17:30"),
        (["mon-wed,sun 09:00-10:00"], "Mon-Wed and Sun 09:00-10:00"),
        (["daily 22:00-06:00"], "Every day 22:00 until 06:00 of the next day"),
        (["sun 22:00-06:00"], "Sun 22:00 until Mon 06:00"),
        (["sat,sun 00:00-24:00"], "Sat and Sun all day"),
        (["mon,wed 00:00-24:00"], "Mon and Wed all day"),
        (["fri 22:00-24:00", "sat,sun 00:00-24:00"], "Fri 22:00 until Sun 24:00"),
        (["mon 20:00-24:00"], "Mon 20:00-24:00"),
        (["mon 20:00-00:00"], "Mon 20:00-24:00"),
        (["mon 09:00-12:00", "mon 11:00-14:00"], "Mon 09:00-14:00"),
        (["mon 09:00-12:00", "mon 12:00-14:00"], "Mon 09:00-14:00"),
        (["mon 09:00-12:00", "mon 13:00-14:00"], "Mon 09:00-12:00, Mon 13:00-14:00"),
        (["mon 05:00-09:00", "sun 22:00-06:00"], "Sun 22:00 until Mon 09:00"),
    ],
)
def test_a_week_is_told_as_the_union_of_its_windows(windows: list[str], words: str) -> None:
    assert in_words([parse_window(text) for text in windows]) == words


def test_a_window_is_one_block_on_each_day_and_a_night_two_on_neighbouring_lines() -> None:
    blocks = blocks_of({4: parse_window("mon,tue 09:00-17:00"), 7: parse_window("sun 22:00-06:00")})
    drawn = [(it.row, it.day, it.is_head, it.line, it.from_minute, it.to_minute) for it in blocks]
    assert drawn == [
        (4, 0, True, 0, 540, 1020),
        (4, 1, True, 1, 540, 1020),
        (7, 6, True, 6, 1320, 1440),
        (7, 6, False, 0, 0, 360),
    ]
    assert blocks[0].label == "Mon 09:00-17:00"
    assert {it.label for it in blocks[2:]} == {"Sun 22:00 until Mon 06:00"}


def test_a_window_that_ends_at_midnight_has_no_part_on_the_next_day() -> None:
    assert [(it.line, it.width) for it in blocks_of({0: parse_window("mon 20:00-00:00")})] == [(0, 240)]


def test_rows_that_are_saved_are_read_back_as_the_same_windows() -> None:
    windows = [parse_window("mon-fri 09:00-17:30"), parse_window("sat 22:00-24:00")]
    checked = check_rows(rows_from_windows(windows))
    assert list(checked.windows.values()) == windows
    assert not checked.errors


def test_a_blank_row_is_not_there_and_a_wrong_one_says_what_to_write() -> None:
    rows = {
        0: WindowRow(),
        1: WindowRow(("mon",), "09:00", "09:00"),
        2: WindowRow((), "09:00", "10:00"),
        3: WindowRow(("mon",), "9", "10:00"),
        4: WindowRow(("mon",), "24:00", "10:00"),
        5: WindowRow(("someday",), "09:00", "10:00"),
        6: WindowRow(("mon",), "09:00", "24:00"),
    }
    checked = check_rows(rows)
    assert list(checked.windows) == [6]
    assert checked.errors[1] == "A window from 09:00 to 09:00 is empty: for a whole day write 00:00-24:00."
    assert "days" in checked.errors[2]
    assert "'9' is not a time of day" in checked.errors[3]
    assert "24:00 as an end" in checked.errors[4]
    assert "'someday' is not a day" in checked.errors[5]
