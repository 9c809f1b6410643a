"""Opening balances: few corrections, and the controller that applies them has the totals of the spend itself."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import LIMIT_MICROS, parse_money
from core.opening_balance import opening_corrections
from core.records import SpendCorrection

OPEN_DAY = date(2025, 9, 10)

days = st.integers(-100, 40).map(lambda n: OPEN_DAY + timedelta(days=n))


def corrections(micros_by_day: dict[date, int], open_day: date = OPEN_DAY) -> list[SpendCorrection]:
    return list(opening_corrections(7, "nike", "summer", micros_by_day, open_day))


def observed(micros_by_day: dict[date, int], open_day: date = OPEN_DAY) -> list[tuple[str, str]]:
    return [(it.booked_on, it.amount) for it in corrections(micros_by_day, open_day)]


def test_months_that_are_over_are_one_the_open_month_is_one_and_open_days_are_their_own() -> None:
    sums = {
        date(2025, 7, 3): 1_000_000,
        date(2025, 8, 31): 2_000_000,
        date(2025, 9, 1): 3_000_000,
        date(2025, 9, 9): 4_000_000,
        date(2025, 9, 10): 5_000_000,
        date(2025, 9, 11): 6_000_000,
    }
    assert observed(sums) == [
        ("2025-08-31", "3.00"),
        ("2025-09-01", "7.00"),
        ("2025-09-10", "5.00"),
        ("2025-09-11", "6.00"),
    ]


def test_on_the_first_of_a_month_there_is_no_month_before_the_open_day() -> None:
    assert observed({date(2025, 8, 31): 1, date(2025, 9, 1): 2}, date(2025, 9, 1)) == [
        ("2025-08-31", "0.000001"),
        ("2025-09-01", "0.000002"),
    ]


def test_what_refunds_made_zero_needs_no_record() -> None:
    assert observed({date(2025, 9, 3): 5, date(2025, 9, 4): -5}) == []


@pytest.mark.parametrize("sign", [1, -1])
def test_a_sum_above_the_largest_amount_is_told_in_parts_of_different_ids(sign: int) -> None:
    parts = corrections({OPEN_DAY: sign * (2 * LIMIT_MICROS + 1)})
    assert [parse_money(it.amount) for it in parts] == [sign * LIMIT_MICROS, sign * LIMIT_MICROS, sign]
    assert len({it.correction_id for it in parts}) == 3


@given(st.dictionaries(days, st.integers(-(10**12), 10**12), max_size=20), st.integers(0, 30))
def test_total_month_and_day_are_exact_on_whichever_day_they_are_applied(sums: dict[date, int], later: int) -> None:
    today = OPEN_DAY + timedelta(days=later)
    opened = [(date.fromisoformat(it.booked_on), parse_money(it.amount)) for it in corrections(sums)]
    for holds in (
        lambda day: True,
        lambda day: day.replace(day=1) == today.replace(day=1),
        lambda day: day == today,
    ):
        wanted = sum(micros for day, micros in sums.items() if holds(day))
        assert sum(micros for day, micros in opened if isinstance(micros, int) and holds(day)) == wanted


def test_the_same_sums_have_the_same_ids_and_other_campaigns_have_others() -> None:
    sums = {OPEN_DAY: 1}
    assert corrections(sums) == corrections(sums)
    (other,) = opening_corrections(7, "nike", "winter", sums, OPEN_DAY)
    assert corrections(sums)[0].correction_id != other.correction_id


def test_each_names_its_replay_and_is_an_opening_balance() -> None:
    assert corrections({OPEN_DAY: 1_500_000}) == [
        SpendCorrection(
            correction_id="opening:7:summer:2025-09-10:0",
            brand_id="nike",
            campaign_id="summer",
            amount="1.50",
            booked_on="2025-09-10",
            opening=True,
            reason="opening balance of replay 7",
        )
    ]
