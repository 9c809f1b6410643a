"""How money, moments and lengths of time are shown."""

import re

import pytest

from console.rendering.jinja_filters import FILTERS, axis_money, duration_text, level, local, shown_money
from console.rendering.render import STATIC_FOLDER
from core.moment import HOUR, MINUTE, parse_moment


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
    assert local(moment, "America/New_York", "near", moment) == "Sun 19:05"


@pytest.mark.parametrize(
    ("days", "near", "nearest"),
    [
        (0, "Thu 12:00", "12:00"),
        (1, "Fri 12:00", "Fri 12:00"),
        (-6, "Fri 12:00", "Fri 12:00"),
        (6, "Wed 12:00", "Wed 12:00"),
        (7, "Thu 3 Dec 12:00", "Thu 3 Dec 12:00"),
        (-7, "Thu 19 Nov 12:00", "Thu 19 Nov 12:00"),
        (8, "Fri 4 Dec 12:00", "Fri 4 Dec 12:00"),
        (95, "Mon 1 Mar 2027 12:00", "Mon 1 Mar 2027 12:00"),
    ],
)
def test_a_weekday_alone_never_means_two_days(days: int, near: str, nearest: str) -> None:
    now = parse_moment("2026-11-26T12:00:00Z")
    at = now + days * 24 * HOUR
    assert (local(at, "UTC", "near", now), local(at, "UTC", "nearest", now)) == (near, nearest)


def test_the_day_is_that_of_the_zone_and_not_24_hours() -> None:
    now, at = parse_moment("2026-11-26T23:30:00Z"), parse_moment("2026-11-27T00:30:00Z")
    assert local(at, "UTC", "nearest", now) == "Fri 00:30"
    assert local(at, "Europe/Berlin", "nearest", now) == "01:30"


_MACRO = re.compile(r"ui\.moment\(([^()]*(?:\([^()]*\))?[^()]*)\)")


def test_no_template_shows_a_moment_without_its_date_but_seen_from_now() -> None:
    """Each form of a macro is a dated one, or has its `now`."""
    calls = [
        call for it in (STATIC_FOLDER.parent / "templates").rglob("*.html") for call in _MACRO.findall(it.read_text())
    ]
    assert len(calls) > 15
    undated = [it for it in calls if '"near' in it and not re.search(r'"near(est)?"[^,]*, [^"]+$', it)]
    assert undated == []
    assert [it for it in calls if re.search(r'"(clock|weekday)"', it)] == []


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (MINUTE - 1, "59 s"),
        (MINUTE, "1 min"),
        (59 * MINUTE, "59 min"),
        (5 * HOUR + 2 * MINUTE, "5 h 02 min"),
        (50 * HOUR, "2 d 2 h"),
    ],
)
def test_lengths_of_time_are_told_as_people_do(length: int, words: str) -> None:
    assert duration_text(length) == words


def test_names_between_backticks_are_code_and_nothing_typed_is_markup() -> None:
    assert FILTERS["with_code"]("hand `next` back as `<b>`") == "hand <code>next</code> back as <code>&lt;b&gt;</code>"


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
