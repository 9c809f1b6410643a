"""Money is exact from text to micros and back, and what is not money is refused with its reason."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import (
    LIMIT_MICROS,
    MICROS,
    format_money,
    parse_budget,
    parse_json_number,
    parse_money,
    parse_percent_change,
    parse_total,
    raised_by,
)
from core.refusal import Refusal, RefusalReason

micros = st.integers(-LIMIT_MICROS, LIMIT_MICROS)


def reason(parsed: int | Refusal) -> RefusalReason:
    assert isinstance(parsed, Refusal), parsed
    return parsed.reason


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.0125", 12_500),
        ("0.000001", 1),
        ("-0.000001", -1),
        ("1", 1_000_000),
        ("1.5", 1_500_000),
        ("-25.00", -25_000_000),
        ("007.5", 7_500_000),
        ("0", 0),
        ("-0", 0),
        ("-0.00", 0),
        ("999999999999.999999", LIMIT_MICROS),
        ("-999999999999.999999", -LIMIT_MICROS),
        ("9007199.254741", 9_007_199_254_741),
    ],
)
def test_a_decimal_string_is_whole_micros(text: str, expected: int) -> None:
    assert parse_money(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.0000001", RefusalReason.AMOUNT_PRECISION),
        ("1.0000000", RefusalReason.AMOUNT_PRECISION),
        ("0." + "0" * 40 + "1", RefusalReason.AMOUNT_PRECISION),
        ("1000000000000", RefusalReason.AMOUNT_OUT_OF_RANGE),
        ("-1000000000000", RefusalReason.AMOUNT_OUT_OF_RANGE),
        ("9" * 32, RefusalReason.AMOUNT_OUT_OF_RANGE),
        ("9" * 60_000, RefusalReason.AMOUNT_OUT_OF_RANGE),
        ("", RefusalReason.INVALID_FIELD),
        (" 1", RefusalReason.INVALID_FIELD),
        ("1\n", RefusalReason.INVALID_FIELD),
        ("+1", RefusalReason.INVALID_FIELD),
        (".5", RefusalReason.INVALID_FIELD),
        ("1.", RefusalReason.INVALID_FIELD),
        ("1,5", RefusalReason.INVALID_FIELD),
        ("1_000", RefusalReason.INVALID_FIELD),
        ("1e3", RefusalReason.INVALID_FIELD),
        ("NaN", RefusalReason.INVALID_FIELD),
        ("Infinity", RefusalReason.INVALID_FIELD),
        ("0x10", RefusalReason.INVALID_FIELD),
        ("\u0661\u0662", RefusalReason.INVALID_FIELD),
        ("\uff11", RefusalReason.INVALID_FIELD),  # a digit that int() would take
        ("--1", RefusalReason.INVALID_FIELD),
    ],
)
def test_a_string_that_is_not_money_is_refused_with_its_reason(text: str, expected: RefusalReason) -> None:
    assert reason(parse_money(text)) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.1", 100_000),
        ("12.5e3", 12_500_000_000),
        ("1e-6", 1),
        ("1E+2", 100_000_000),
        ("123456789.123456", 123_456_789_123_456),
        ("999999999999.999999", LIMIT_MICROS),
        ("1e11", 100_000_000_000 * MICROS),
        ("-0", 0),
        ("-0.0e0", 0),
    ],
)
def test_a_json_number_is_read_from_its_text(text: str, expected: int) -> None:
    assert parse_json_number(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1e400", RefusalReason.AMOUNT_OUT_OF_RANGE),
        ("-1e400", RefusalReason.AMOUNT_OUT_OF_RANGE),
        ("1e99999999999999999999", RefusalReason.AMOUNT_OUT_OF_RANGE),
        ("1E99999999999999999999", RefusalReason.AMOUNT_OUT_OF_RANGE),
        ("NaN", RefusalReason.AMOUNT_OUT_OF_RANGE),
        ("-Infinity", RefusalReason.AMOUNT_OUT_OF_RANGE),
        ("1" + "0" * 5_000, RefusalReason.AMOUNT_OUT_OF_RANGE),
        ("1000000000000", RefusalReason.AMOUNT_OUT_OF_RANGE),
        ("1e-7", RefusalReason.AMOUNT_PRECISION),
        ("1.0000000", RefusalReason.AMOUNT_PRECISION),
        ("1e-400", RefusalReason.AMOUNT_PRECISION),
        ("1e-99999999999999999999", RefusalReason.AMOUNT_PRECISION),
        ("0.1000000000000000055511151231257827", RefusalReason.AMOUNT_PRECISION),
        ("much", RefusalReason.INVALID_FIELD),
    ],
)
def test_a_json_number_that_is_not_money_is_refused_with_its_reason(text: str, expected: RefusalReason) -> None:
    assert reason(parse_json_number(text)) is expected


@pytest.mark.parametrize("text", ["1,000.00", "1.000,50", "1,5", "1.000.000", "1 000", "1'000.00"])
def test_marks_between_thousands_are_refused_with_a_hint(text: str) -> None:
    parsed = parse_money(text)
    assert isinstance(parsed, Refusal)
    assert "no marks between thousands" in parsed.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("9" * 60, f"not below 1,000,000,000,000: {'9' * 40}"),
        ("0." + "1" * 60, f"more than 6 fraction digits: 0.{'1' * 38}"),
        ("x" * 60, f'not a decimal amount such as "0.0125": {"x" * 40!r}'),
        (
            "1" + ",000" * 12,
            f"not a decimal amount: {'1' + ',000' * 9 + ',00'!r}; write no marks between thousands and a point before "
            "the fraction, such as 1000.50",
        ),
    ],
)
def test_a_refusal_quotes_40_characters(text: str, message: str) -> None:
    parsed = parse_money(text)
    assert isinstance(parsed, Refusal) and parsed.message == message


def test_a_budget_may_be_zero_but_not_negative() -> None:
    assert parse_budget("0") == 0
    assert parse_budget("100.50") == 100_500_000
    assert reason(parse_budget("-0.01")) is RefusalReason.INVALID_FIELD
    assert reason(parse_budget("0.0000001")) is RefusalReason.AMOUNT_PRECISION


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0.00"),
        (12_500, "0.0125"),
        (100 * MICROS, "100.00"),
        (-1, "-0.000001"),
        (1_500_000, "1.50"),
        (-25_000_000, "-25.00"),
        (1, "0.000001"),
    ],
)
def test_money_is_written_with_two_to_six_fraction_digits(amount: int, text: str) -> None:
    assert format_money(amount) == text


@given(micros)
def test_what_is_written_is_read_again(amount: int) -> None:
    text = format_money(amount)
    assert parse_money(text) == parse_json_number(text) == amount
    assert Decimal(text) * MICROS == amount


@given(st.integers(-(10**26), 10**26))
def test_a_total_of_any_size_is_read_again(total: int) -> None:
    assert parse_total(format_money(total)) == total


@pytest.mark.parametrize("text", ["", "1.0000001", "1e3", "1,000.00", "9" * 60_000])
def test_a_text_that_is_no_total_is_refused(text: str) -> None:
    assert isinstance(parse_total(text), Refusal)


@given(st.text(max_size=12))
def test_any_text_is_money_or_a_refusal(text: str) -> None:
    parsed = parse_money(text)
    if isinstance(parsed, int):
        assert Decimal(text) * MICROS == parsed


@pytest.mark.parametrize(
    ("text", "hundredths"),
    [
        ("+10 %", 1_000),
        ("+10%", 1_000),
        ("-2.5%", -250),
        ("+0.05 %", 5),
        ("-100 %", -10_000),
        ("+9999.99 %", 999_999),
    ],
)
def test_a_change_in_percent_is_read_exactly(text: str, hundredths: int) -> None:
    assert parse_percent_change(text) == hundredths


@pytest.mark.parametrize(
    "text", ["", "10 %", "+10", "10.00", "+10  %", "+1,5 %", "+0.001 %", "+10000 %", "+ 10 %", "+٣ %"]
)
def test_what_is_no_change_in_percent_is_none(text: str) -> None:
    assert parse_percent_change(text) is None


@pytest.mark.parametrize(
    ("before", "hundredths", "after"),
    [
        ("100.00", 1_000, "110.00"),
        ("100.00", -250, "97.50"),
        ("0.10", 500, "0.11"),  # 0.105, half a cent, goes up
        ("0.10", 490, "0.10"),
        ("0.01", 4_999, "0.01"),
        ("0.30", -5_000, "0.15"),
        ("0.01", -5_000, "0.01"),
        ("100.00", 1, "100.01"),
        ("50.00", -10_000, "0.00"),
        ("50.00", -10_100, "-0.50"),
        ("999999999999.00", 999_999, "100999899999899.00"),
    ],
)
def test_a_budget_changed_by_percent_is_rounded_half_up_to_cents(before: str, hundredths: int, after: str) -> None:
    micros = parse_money(before)
    assert isinstance(micros, int)
    assert format_money(raised_by(micros, hundredths)) == after
