"""Sums of a list of brands, a line for each currency. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from console.live.brand_summary import Meter
from console.pages.brand_list import BrandEntry

__all__ = ["CurrencyTotals", "totals"]


class CurrencyTotals(NamedTuple):
    """Money in micros. Each brand counts with its own day and month; one that the controller does not hold counts as a
    brand and with no money."""

    currency: str
    brands: int
    day: Meter
    month: Meter
    #: Brands without a budget, whose spend is in the sums all the same.
    without_daily: int
    without_monthly: int


def totals(entries: Iterable[BrandEntry]) -> list[CurrencyTotals]:
    """By currency, in the order of their codes; a budget is None where no brand of the currency has one."""
    found: dict[str, CurrencyTotals] = {}
    for it in entries:
        currency = it.summary.currency if it.summary else it.currency
        day = it.summary.day if it.summary else Meter(0, None)
        month = it.summary.month if it.summary else Meter(0, None)
        before = found.get(currency) or CurrencyTotals(currency, 0, Meter(0, None), Meter(0, None), 0, 0)
        found[currency] = CurrencyTotals(
            currency,
            before.brands + 1,
            _sum(before.day, day),
            _sum(before.month, month),
            before.without_daily + (it.summary is not None and day.budget_micros is None),
            before.without_monthly + (it.summary is not None and month.budget_micros is None),
        )
    return [found[currency] for currency in sorted(found)]


def _sum(one: Meter, other: Meter) -> Meter:
    budgets = [it.budget_micros for it in (one, other) if it.budget_micros is not None]
    return Meter(one.spent_micros + other.spent_micros, sum(budgets) if budgets else None)
