"""What people type, as values; what is refused says in one sentence what to write instead."""

from collections.abc import Callable
from datetime import date

import pytest

from core.errors import RefusedValue
from core.windows import EVERY_DAY, Window
from operations import validation


@pytest.mark.parametrize(
    ("check", "text", "observed"),
    [
        (lambda it: validation.identifier("brand", it), "a b", "no spaces"),
        (lambda it: validation.identifier("brand", it), "", "1 to 64"),
        (lambda it: validation.identifier("brand", it), "a" * 65, "1 to 64"),
        (lambda it: validation.identifier("brand", it), "a/b", "A-Z"),
        (lambda it: validation.identifier("brand", it), "käse", "A-Z"),
        (validation.name, "two\nlines", "printable"),
        (validation.name, "x" * 201, "up to 200"),
        (validation.time_zone, "Mars/Base", "America/New_York"),
        (validation.time_zone, "localtime", "America/New_York"),
        (validation.currency, "XYZ", "ISO 4217"),
        (validation.currency, "US", "ISO 4217"),
        (validation.currency, "u\u017fd", "ISO 4217"),  # a long s, whose capital is S
        (lambda it: validation.budget("daily budget", it), "-1", "daily budget"),
        (lambda it: validation.budget("daily budget", it), "ten", "such as 100.00"),
        (lambda it: validation.budget("daily budget", it), "1.1234567", "6 fraction digits"),
        (lambda it: validation.budget("daily budget", it), "1000000000000", "1,000,000,000,000"),
        (lambda it: validation.budget("daily budget", it), "NaN", "not a decimal"),
        (validation.alert_percents_text, "80%", "such as 50,80,100"),
        (validation.alert_percents_text, "", "such as 50,80,100"),
        (validation.alert_percents_text, "0", "1 to 1000"),
        (validation.alert_percents_text, "1001", "1 to 1000"),
        (validation.alert_percents_text, "1,2,3,4,5,6,7,8,9,10,11", "up to 10"),
        (validation.alert_percents_text, "9" * 5000, "such as 50,80,100"),
        (validation.silent_after, "180", "such as 90m"),
        (validation.silent_after, "4m", "5 minutes to 7 days"),
        (validation.silent_after, "8d", "5 minutes to 7 days"),
        (validation.silent_after, "9" * 5000 + "m", "such as 90m"),
        (validation.spend_amount, "0", "zero"),
        (validation.spend_amount, "0.0000001", "6 fraction digits"),
        (lambda it: validation.date_or_none("starts-on", it), "2025-02-30", "starts-on"),
        (lambda it: validation.date_or_none("starts-on", it), "20250908", "such as 2025-09-08"),
        (lambda it: validation.date_or_none("starts-on", it), "2025-W37-1", "such as 2025-09-08"),
        (lambda it: validation.date_or_none("starts-on", it), "1969-12-31", "starts-on"),
        (lambda it: validation.windows([it]), "mon-fri 09:00-09:00", "00:00-24:00"),
        (lambda it: validation.windows([it]), "mon-fri", "mon-fri 09:00-17:00"),
        (lambda it: validation.windows([it]), "mon 25:00-26:00", "25:00"),
        (lambda it: validation.windows(["mon 09:00-10:00", it]), "none", "mon-fri 09:00-17:00"),
        (lambda it: validation.moment("moment", it), "2025-09-08 09:00", "RFC 3339"),
        (lambda it: validation.number("days", it, least=1, most=9), "10", "1 to 9"),
        (lambda it: validation.number("days", it, least=1, most=9), "x", "1 to 9"),
        (lambda it: validation.number("days", it, least=1, most=9), "9" * 5000, "1 to 9"),
        (lambda it: validation.number("days", it, least=1, most=9), "0000000012", "1 to 9"),
        (lambda it: validation.one_of("kind", it, ["daily", "monthly"]), "weekly", "daily or monthly"),
    ],
)
def test_a_wrong_value_is_refused_in_one_sentence_that_says_what_to_write(
    check: Callable[[str], object], text: str, observed: str
) -> None:
    with pytest.raises(RefusedValue) as refused:
        check(text)
    assert observed in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


def test_none_clears_a_budget_a_date_a_text_and_all_windows() -> None:
    assert validation.budget("daily budget", "none") is None
    assert validation.date_or_none("ends-on", "None") is None
    assert validation.text_or_none("NONE") is None
    assert validation.windows(["none"]) == []


def test_percentages_rise_each_named_once_and_default_is_not_none() -> None:
    assert validation.alert_percents_text("100, 50,50") == [50, 100]
    assert validation.alert_percents_text("none") == []
    assert validation.alert_percents_text("Default") is None
    assert [validation.silent_after(text) for text in ("90m", "3h", "7D", "none")] == [90, 180, 10_080, None]


def test_a_budget_of_zero_is_not_none() -> None:
    assert validation.budget("daily budget", "0") == 0


def test_money_is_read_exactly() -> None:
    assert validation.budget("daily budget", "0.000001") == 1
    assert validation.spend_amount("-999999999.999999") == -999_999_999_999_999


def test_a_currency_may_be_written_small() -> None:
    assert validation.currency("pkr") == "PKR"


def test_days_of_a_window_become_bits_from_monday() -> None:
    assert validation.windows(["mon,sun 22:00-06:00", "daily 00:00-24:00"]) == [
        Window((0, 6), 22 * 60, 6 * 60),
        Window(EVERY_DAY, 0, 24 * 60),
    ]


def test_a_flight_may_last_one_day_but_not_end_before_it_starts() -> None:
    day = date(2025, 10, 5)
    validation.flight(day, day)
    validation.flight(None, day)
    with pytest.raises(RefusedValue, match="before it starts on 2025-10-05"):
        validation.flight(day, date(2025, 10, 4))
