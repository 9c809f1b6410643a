"""Compares the controller's totals with the ledger's sums, and computes the bookings that make them equal. Pure.

Both sides are `BrandTotals`, with the open day and month of the controller. Money is in micros.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

__all__ = [
    "Booking",
    "BrandTotals",
    "CampaignTotals",
    "Total",
    "TotalDifference",
    "bookings_for",
    "compare",
    "not_repairable",
]

_ONE_DAY: Final = timedelta(days=1)


class Total(StrEnum):
    """The totals of the controller that are compared."""

    DAILY = "daily"
    MONTHLY = "monthly"
    AHEAD = "ahead"  # spend that is dated after the open day
    TOTAL = "total"  # of a campaign, over all time


@dataclass(slots=True)
class CampaignTotals:
    daily: int = 0
    total: int = 0
    future: dict[date, int] = field(default_factory=dict)


@dataclass(slots=True)
class BrandTotals:
    """A brand's totals in micros. `day` is the open day, `month` the first day of the open month; None where the
    controller does not hold the brand."""

    day: date | None = None
    month: date | None = None
    daily: int = 0
    monthly: int = 0
    future: dict[date, int] = field(default_factory=dict)
    campaigns: dict[str, CampaignTotals] = field(default_factory=dict)


class TotalDifference(NamedTuple):
    """A total of the controller that differs from the ledger's sum; `campaign_id` is None for the brand's own."""

    brand_id: str
    campaign_id: str | None
    total: Total
    period: str
    controller_micros: int
    ledger_micros: int

    @property
    def what(self) -> tuple[str, str, Total, str]:
        return self.brand_id, self.campaign_id or "", self.total, self.period


class Booking(NamedTuple):
    """An amount to add to the controller's totals of a date."""

    campaign_id: str
    booked_on: date
    amount_micros: int


def compare(brand_id: str, controller: BrandTotals, ledger: BrandTotals) -> list[TotalDifference]:
    """All totals that differ: the brand's own, then those of its campaigns by id."""
    found = [TotalDifference(brand_id, None, *row) for row in _brand_rows(controller, ledger)]
    for campaign_id in _campaign_ids(controller, ledger):
        rows = _campaign_rows(controller, _campaign(controller, campaign_id), _campaign(ledger, campaign_id))
        found += [TotalDifference(brand_id, campaign_id, *row) for row in rows]
    return [difference for difference in found if difference.controller_micros != difference.ledger_micros]


def not_repairable(controller: BrandTotals, ledger: BrandTotals) -> str | None:
    """A clause on why no correction can make these totals equal; None where corrections can."""
    if controller.day is None:
        return "the controller does not hold the brand: rebuild it with `spendgate replay --from-ledger`"
    if _rest_of_month(controller, ledger) and _closed_day_of_month(controller) is None:
        return "its month has no closed day yet to which the difference could be booked: repair it tomorrow"
    return None


def bookings_for(controller: BrandTotals, ledger: BrandTotals) -> list[Booking]:
    """The bookings that make the controller's totals equal to the ledger's; none where `not_repairable`.

    A difference outside the open day is booked to a closed day: one in the open month changes the brand's month and the
    campaign's total, one before it the campaign's total alone.
    """
    if not_repairable(controller, ledger) is not None:
        return []
    assert controller.month
    bookings: list[Booking] = []
    rests: dict[str, int] = {}
    for campaign_id in _campaign_ids(controller, ledger):
        held, wanted = _campaign(controller, campaign_id), _campaign(ledger, campaign_id)
        dated = _missing_by_day(controller, held, wanted)
        bookings += [Booking(campaign_id, day, micros) for day, micros in sorted(dated.items())]
        rests[campaign_id] = wanted.total - held.total - sum(dated.values())
    for campaign_id, in_month in _shares(rests, _rest_of_month(controller, ledger)).items():
        in_month_on, before_on = _closed_day_of_month(controller), controller.month - _ONE_DAY
        if in_month:
            assert in_month_on
            bookings.append(Booking(campaign_id, in_month_on, in_month))
        if rests[campaign_id] != in_month:
            bookings.append(Booking(campaign_id, before_on, rests[campaign_id] - in_month))
    return bookings


def _brand_rows(controller: BrandTotals, ledger: BrandTotals) -> Iterator[tuple[Total, str, int, int]]:
    if controller.day and controller.month:
        yield Total.DAILY, controller.day.isoformat(), controller.daily, ledger.daily
        yield Total.MONTHLY, f"{controller.month:%Y-%m}", controller.monthly, ledger.monthly
    yield from _future_rows(controller.future, ledger.future)


def _campaign_rows(
    brand: BrandTotals, controller: CampaignTotals, ledger: CampaignTotals
) -> Iterator[tuple[Total, str, int, int]]:
    if brand.day:
        yield Total.DAILY, brand.day.isoformat(), controller.daily, ledger.daily
    yield from _future_rows(controller.future, ledger.future)
    yield Total.TOTAL, "", controller.total, ledger.total


def _future_rows(controller: Mapping[date, int], ledger: Mapping[date, int]) -> Iterator[tuple[Total, str, int, int]]:
    for day in sorted({*controller, *ledger}):
        yield Total.AHEAD, day.isoformat(), controller.get(day, 0), ledger.get(day, 0)


def _campaign_ids(controller: BrandTotals, ledger: BrandTotals) -> Iterable[str]:
    return sorted({*controller.campaigns, *ledger.campaigns})


def _campaign(brand: BrandTotals, campaign_id: str) -> CampaignTotals:
    return brand.campaigns.get(campaign_id) or CampaignTotals()


def _missing_by_day(brand: BrandTotals, controller: CampaignTotals, ledger: CampaignTotals) -> dict[date, int]:
    """The micros that the controller lacks on the open day and on later days; without days that agree."""
    assert brand.day
    missing = {brand.day: ledger.daily - controller.daily}
    for day in {*controller.future, *ledger.future}:
        missing[day] = ledger.future.get(day, 0) - controller.future.get(day, 0)
    return {day: micros for day, micros in missing.items() if micros}


def _rest_of_month(controller: BrandTotals, ledger: BrandTotals) -> int:
    """The micros that the controller lacks on the closed days of the open month."""
    dated = 0
    for campaign_id in _campaign_ids(controller, ledger):
        missing = _missing_by_day(controller, _campaign(controller, campaign_id), _campaign(ledger, campaign_id))
        dated += sum(micros for day, micros in missing.items() if day.replace(day=1) == controller.month)
    return ledger.monthly - controller.monthly - dated


def _closed_day_of_month(controller: BrandTotals) -> date | None:
    assert controller.day
    day = controller.day - _ONE_DAY
    return day if day.replace(day=1) == controller.month else None


def _shares(rests: Mapping[str, int], of_month: int) -> dict[str, int]:
    """The part of each campaign's rest that is booked in the open month; the parts add up to `of_month`. The controller
    has no monthly total of a campaign, so any split is right in which no campaign loses its rest."""
    shares = dict.fromkeys(rests, 0)
    for campaign_id, rest in rests.items():
        if (rest > 0) is (of_month > 0):
            shares[campaign_id] = min(rest, of_month, key=abs)
            of_month -= shares[campaign_id]
    if of_month:
        shares[min(shares)] += of_month
    return shares
