"""Sums of the overview's list, a line for each currency, and its rows as CSV."""

from dataclasses import replace

from console.live.brand_summary import Meter
from console.live.budget_forecast import Sample
from console.live.needs import Need
from console.pages.brand_list import BrandEntry
from console.pages.brand_now import with_summary
from console.pages.brand_rows import BRAND_COLUMNS, brand_cells
from console.pages.brand_totals import CurrencyTotals, totals
from core.moment import HOUR
from core.money import MICROS
from tests.console.pages.test_month_bar import BRAND


def entry(brand_id: str, currency: str, day: Meter, month: Meter) -> BrandEntry:
    summary = replace(BRAND, brand_id=brand_id, currency=currency, day=day, month=month)
    return BrandEntry(brand_id, brand_id, False, summary, currency=currency, time_zone="UTC")


def test_money_of_one_currency_is_added_and_no_budget_counts_apart() -> None:
    brands = [
        entry("a", "USD", Meter(5, 10), Meter(50, None)),
        entry("b", "PKR", Meter(7, 20), Meter(70, 200)),
        entry("c", "USD", Meter(-1, None), Meter(3, None)),
        BrandEntry("new", "new", False, None, currency="PKR"),
    ]
    assert totals(brands) == [
        CurrencyTotals("PKR", 2, Meter(7, 20), Meter(70, 200), 0, 0),
        CurrencyTotals("USD", 2, Meter(4, 10), Meter(53, None), 1, 2),
    ]


def test_a_budget_of_zero_is_a_budget() -> None:
    assert totals([entry("a", "USD", Meter(1, 0), Meter(1, 0))])[0].day == Meter(1, 0)


def test_a_row_has_exact_money_and_moments_in_utc() -> None:
    brand = entry("a", "USD", Meter(5_123_456, 10 * MICROS), Meter(216 * MICROS, 300 * MICROS))
    assert brand.summary
    brand = with_summary(brand, brand.summary, (Sample(2 * HOUR, 3_123_456),), 3 * HOUR)
    brand = brand._replace(needs=frozenset({Need.BEHIND, Need.OVER}))
    row = dict(zip(BRAND_COLUMNS, brand_cells(brand), strict=True))
    assert row["day_spent"] == "5.123456"
    assert row["day_budget"] == "10.00"
    assert row["day_gone_at"] == "1970-01-01T05:26:17.780Z"
    assert row["day_ends_at"] == "1970-01-02T00:00:00Z"
    assert (row["month_percent"], row["month_passed_percent"], row["month_points"]) == (72, 0, 72)
    assert row["needs"] == "over behind"


def test_a_brand_that_the_controller_does_not_hold_has_what_the_catalog_says() -> None:
    brand = BrandEntry("new", "New", False, None, currency="PKR", time_zone="Asia/Karachi")
    row = dict(zip(BRAND_COLUMNS, brand_cells(brand), strict=True))
    assert {name: value for name, value in row.items() if value} == {
        "brand_id": "new",
        "name": "New",
        "currency": "PKR",
        "time_zone": "Asia/Karachi",
    }
