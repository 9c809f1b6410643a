"""How money, moments and lengths of time are shown."""

import pytest

from console.web.looks import axis_money, level, local, shown_money, span_words
from streams.core.moment import HOUR, MINUTE, parse_moment


@pytest.mark.parametrize(
    ("micros", "shown"),
    [
        (0, "0.00"),
        (12_500, "0.01"),
        (99_999_999, "99.99"),
        (1_234_567_891, "1,234.56"),
        (-1_500_000, "-1.50"),
        (-9_999, "0.00"),
        (-19_999, "-0.01"),
    ],
)
def test_money_is_rounded_towards_zero(micros: int, shown: str) -> None:
    assert shown_money(micros) == shown


def test_amounts_of_an_axis_are_as_short_as_they_can_be() -> None:
    assert [axis_money(micros) for micros in (0, 500_000, 1_250_000_000)] == ["0", "0.5", "1,250"]


def test_a_moment_is_shown_on_the_clock_of_its_zone() -> None:
    moment = parse_moment("2025-09-07T23:05:09Z")
    assert local(moment, "Asia/Karachi", "full") == "Mon 8 Sep 2025 04:05:09"
    assert local(moment, "America/New_York", "short") == "Sun 19:05"


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (0, "0 min"),
        (-5, "0 min"),
        (59 * MINUTE, "59 min"),
        (5 * HOUR + 2 * MINUTE, "5 h 02 min"),
        (50 * HOUR, "2 d 2 h"),
    ],
)
def test_lengths_of_time_are_told_as_people_do(length: int, words: str) -> None:
    assert span_words(length) == words


def test_a_bar_says_by_its_class_how_much_is_left() -> None:
    assert [level(it) for it in (None, -3, 79, 80, 99, 100, 250)] == [
        "unlimited",
        "fine",
        "fine",
        "low",
        "low",
        "gone",
        "gone",
    ]
