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
    """The totals by currency, in the order of their codes; a budget is None where no brand of the currency has one."""
    found: dict[str, _Sums] = {}
    for it in entries:
        sums = found.setdefault(it.summary.currency if it.summary else it.currency, _Sums())
        sums.brands += 1
        if it.summary:
            sums.day.add(it.summary.day)
            sums.month.add(it.summary.month)
    return [
        CurrencyTotals(currency, it.brands, it.day.meter, it.month.meter, it.day.without, it.month.without)
        for currency, it in sorted(found.items(), key=lambda it: it[0])
    ]


class _Sum:
    """The sum of one budget; changed in place, because a list may have 10,000 brands."""

    __slots__ = ("budget_micros", "budgets", "spent_micros", "without")

    def __init__(self) -> None:
        self.spent_micros = self.budget_micros = self.budgets = self.without = 0

    def add(self, meter: Meter) -> None:
        spent_micros, budget_micros = meter
        self.spent_micros += spent_micros
        if budget_micros is None:
            self.without += 1
        else:
            self.budgets += 1
            self.budget_micros += budget_micros

    @property
    def meter(self) -> Meter:
        return Meter(self.spent_micros, self.budget_micros if self.budgets else None)


class _Sums:
    __slots__ = ("brands", "day", "month")

    def __init__(self) -> None:
        self.brands, self.day, self.month = 0, _Sum(), _Sum()
