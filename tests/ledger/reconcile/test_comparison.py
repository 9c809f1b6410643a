"""Totals against sums, and the corrections between them: applied by the controller's own rule they leave nothing."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.budget import book_on
from core.calendar import Day, Month
from core.state import BrandState
from ledger.reconcile.comparison import Booking, BrandTotals, CampaignTotals, bookings_for, compare, not_repairable

DAY, MONTH = date(2025, 9, 8), date(2025, 9, 1)
#: Each a campaign, a date and micros: what one side has counted.
Counted = list[tuple[str, date, int]]

DATES = [DAY, DAY - timedelta(days=1), MONTH, date(2025, 8, 31), DAY + timedelta(days=1), date(2025, 10, 1)]
COUNTED = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(DATES), st.integers(-9, 9)), max_size=8)


def test_equal_totals_differ_in_nothing() -> None:
    counted: Counted = [("a", DAY, 5), ("b", MONTH, -2), ("a", DATES[4], 1)]
    assert compare("nike", totals(counted), totals(counted)) == []
    assert bookings_for(totals(counted), totals(counted)) == []


def test_a_difference_names_brand_campaign_total_and_period() -> None:
    controller, ledger = totals([("a", DAY, 5)]), totals([("a", DAY, 5), ("a", DAY, 2)])
    assert [(*it.what, it.controller_micros, it.ledger_micros) for it in compare("nike", controller, ledger)] == [
        ("nike", "", "daily", "2025-09-08", 5, 7),
        ("nike", "", "monthly", "2025-09", 5, 7),
        ("nike", "a", "daily", "2025-09-08", 5, 7),
        ("nike", "a", "total", "", 5, 7),
    ]


@pytest.mark.parametrize(
    ("counted", "bookings"),
    [
        ([("a", DAY, 3)], [Booking("a", DAY, 3)]),
        ([("a", DATES[4], 3)], [Booking("a", DATES[4], 3)]),
        ([("a", MONTH, 3)], [Booking("a", date(2025, 9, 7), 3)]),
        ([("a", date(2024, 1, 5), 3)], [Booking("a", date(2025, 8, 31), 3)]),
        ([("a", DAY, -3), ("b", MONTH, 4)], [Booking("a", DAY, -3), Booking("b", date(2025, 9, 7), 4)]),
        (
            [("a", MONTH, 4), ("b", MONTH, -4)],
            [Booking("a", date(2025, 8, 31), 4), Booking("b", date(2025, 8, 31), -4)],
        ),
    ],
)
def test_a_difference_is_booked_where_it_moves_what_differs_alone(counted: Counted, bookings: list[Booking]) -> None:
    assert bookings_for(totals([]), totals(counted)) == bookings


@given(COUNTED, COUNTED)
def test_after_its_corrections_the_controller_has_the_ledgers_totals(controller: Counted, ledger: Counted) -> None:
    bookings = bookings_for(totals(controller), totals(ledger))
    repaired = totals(controller + [(it.campaign_id, it.booked_on, it.amount_micros) for it in bookings])
    assert compare("nike", repaired, totals(ledger)) == []
    assert bookings_for(repaired, totals(ledger)) == []


def test_on_the_first_of_a_month_there_is_no_closed_day_to_book_to() -> None:
    controller, ledger = totals([("a", MONTH, 1)], day=MONTH), totals([("a", MONTH, 1)], day=MONTH)
    ledger.monthly += 1
    assert "repair it tomorrow" in (not_repairable(controller, ledger) or "")
    assert bookings_for(controller, ledger) == []


def test_a_brand_that_the_controller_does_not_hold_has_its_campaigns_compared_and_is_not_repaired() -> None:
    ledger = BrandTotals(campaigns={"a": CampaignTotals(total=5)})
    assert [it.what for it in compare("nike", BrandTotals(), ledger)] == [("nike", "a", "total", "")]
    assert "replay" in (not_repairable(BrandTotals(), ledger) or "")
    assert bookings_for(BrandTotals(), ledger) == []


def totals(counted: Counted, *, day: date = DAY) -> BrandTotals:
    """As the controller's own rule books them."""
    brand = BrandState("nike", day=Day(day, 0, 0), month=Month(day.replace(day=1), 0, 0))
    for campaign_id, booked_on, micros in counted:
        campaign = brand.campaign(campaign_id)
        book_on(brand, campaign, micros, booked_on)
    campaigns = {
        it.campaign_id: CampaignTotals(it.daily_micros, it.total_micros, it.future_spend)
        for it in brand.campaigns.values()
    }
    return BrandTotals(day, day.replace(day=1), brand.daily_micros, brand.monthly_micros, brand.future_spend, campaigns)
