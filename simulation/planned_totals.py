"""The totals of a simulation that controller and ledger must reach. Pure."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

__all__ = ["BookingKey", "PlannedTotal", "PlannedTotals"]


class BookingKey(NamedTuple):
    """The campaign and the day that an amount is booked to."""

    brand_id: str
    campaign_id: str
    day: date


class PlannedTotal(NamedTuple):
    """Net spend of a brand, or of one of its campaigns, in a day, a month or all time."""

    brand_id: str
    campaign_id: str | None
    period: str  # "day", "month" or "total"
    starts_on: date | None  # None for all time
    micros: int


class PlannedTotals:
    """Net spend in micros. Its size depends on campaigns and days alone, not on events."""

    def __init__(self) -> None:
        self.booked: Counter[BookingKey] = Counter()

    def add(self, brand_id: str, campaign_id: str, day: date, micros: int) -> None:
        self.booked[BookingKey(brand_id, campaign_id, day)] += micros

    def all(self) -> Iterator[PlannedTotal]:
        """All totals of brands and campaigns: days, months, and for campaigns all time."""
        sums: Counter[tuple[str, str | None, str, date | None]] = Counter()
        for (brand_id, campaign_id, day), micros in self.booked.items():
            for whose in (None, campaign_id):
                sums[brand_id, whose, "day", day] += micros
                sums[brand_id, whose, "month", day.replace(day=1)] += micros
            sums[brand_id, campaign_id, "total", None] += micros
        for (brand_id, whose, period, starts_on), micros in sorted(sums.items(), key=lambda it: _order(it[0])):
            yield PlannedTotal(brand_id, whose, period, starts_on, micros)

    @property
    def micros(self) -> int:
        return sum(self.booked.values())


def _order(key: tuple[str, str | None, str, date | None]) -> tuple[str, str, str, date]:
    """The sort key: a brand before its campaigns, days before months before all time."""
    brand_id, campaign_id, period, starts_on = key
    return brand_id, campaign_id or "", period, starts_on or date.max
