"""Moments are read and written as RFC 3339, to the millisecond."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.moment import format_moment, parse_moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2025-09-08T09:00:00.125Z", 1_757_322_000_125),
        ("2025-09-08T14:00:00.125+05:00", 1_757_322_000_125),
        ("2025-09-08T04:30:00.125-04:30", 1_757_322_000_125),
        ("2025-09-08t09:00:00.125z", 1_757_322_000_125),
        ("2025-09-08 09:00:00.125Z", 1_757_322_000_125),
        ("2025-09-08T09:00:00-00:00", 1_757_322_000_000),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
    ],
)
def test_rfc_3339_with_an_offset_is_a_moment(text: str, moment: int) -> None:
    assert parse_moment(text) == moment


@pytest.mark.parametrize(
    ("fraction", "milliseconds"),
    [(".5", 500), (".05", 50), (".1239", 123), (".999999", 999), (".9999999999", 999), (".0009", 0)],
)
def test_digits_beyond_the_millisecond_are_cut_off_and_never_rounded_up(fraction: str, milliseconds: int) -> None:
    assert parse_moment(f"2025-09-08T23:59:59{fraction}Z") == parse_moment("2025-09-08T23:59:59Z") + milliseconds


@pytest.mark.parametrize(
    "text",
    [
        "2016-12-31T23:59:60Z",
        "2016-12-31T23:59:60.250Z",
        "2017-01-01T00:59:60+01:00",
        "2016-12-31T15:59:60.999999-08:00",
        "2017-01-01t05:29:60+05:30",
    ],
)
def test_a_leap_second_is_the_last_millisecond_of_the_second_before_it(text: str) -> None:
    assert parse_moment(text) == parse_moment("2016-12-31T23:59:59.999Z")


def test_the_last_leap_second_that_can_be_written_would_end_time() -> None:
    with pytest.raises(ValueError, match="is not a moment"):
        parse_moment("9999-12-31T23:59:60Z")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2025-09-08",
        "2025-09-08T09:00:00",
        "2025-09-08T09:00Z",
        "2025-09-08T09:00:00.Z",
        "2025-09-08T09:00:00,5Z",
        "2025-09-08T09:00:00 Z",
        "2025-09-08T09:00:00Z ",
        "2025-09-08T09:00:00Z\n",
        "2025-09-08T09:00:00+5",
        "2025-09-08T09:00:00+0500",
        "2025-09-08T09:00:00+05:60",
        "2025-09-08T09:00:00+24:00",
        "2025-W37-1T09:00:00Z",
        "20250908T090000Z",
        "2025-02-29T00:00:00Z",
        "2025-13-01T00:00:00Z",
        "2025-09-08T24:00:00Z",
        "2025-09-08T09:60:00Z",
        "2016-12-31T23:59:61Z",
        "2016-12-30T23:59:60Z",
        "2016-12-31T12:00:60Z",
        "2016-12-31T23:59:60+05:00",
        "٢٠٢٥-09-08T09:00:00Z",
        "1757322000",
    ],
)
def test_what_is_not_a_real_moment_with_an_offset_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a moment: .+\."):
        parse_moment(text)


@pytest.mark.parametrize(
    "text",
    ["1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00+00:01", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-00:01"],
)
def test_what_cannot_be_written_in_utc_since_1970_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="between 1970 and 9999"):
        parse_moment(text)


def test_a_refusal_does_not_repeat_a_long_value() -> None:
    with pytest.raises(ValueError, match="is not a moment") as refusal:
        parse_moment("9" * 65_536)
    assert len(str(refusal.value)) < 200


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_757_322_000_000, "2025-09-08T09:00:00Z"),
        (1_757_322_000_005, "2025-09-08T09:00:00.005Z"),
        (1_757_322_000_120, "2025-09-08T09:00:00.120Z"),
    ],
)
def test_a_moment_is_written_in_utc_with_three_fraction_digits_or_none(moment: int, text: str) -> None:
    assert format_moment(moment) == text


@given(st.integers(0, 253_402_300_799_999))
def test_what_is_written_is_read_back(moment: int) -> None:
    assert parse_moment(format_moment(moment)) == moment


@pytest.mark.parametrize(("length", "shown"), [(40, "x" * 40), (41, "x" * 40 + "…"), (60_000, "x" * 40 + "…")])
def test_a_refused_text_is_quoted_up_to_40_characters(length: int, shown: str) -> None:
    with pytest.raises(ValueError, match=f"^'{shown}' is not a moment: write RFC 3339"):
        parse_moment("x" * length)
