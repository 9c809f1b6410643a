"""The controller's totals held against the ledger's sums, and the corrections that would make them equal. No I/O.

Both sides come as `BrandTotals`; the open day and month are the controller's. Money is in micros.
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
    "Difference",
    "Total",
    "bookings_for",
    "compare",
    "without_way_back",
]

_ONE_DAY: Final = timedelta(days=1)


class Total(StrEnum):
    """Which of the controller's totals."""

    DAILY = "daily"
    MONTHLY = "monthly"
    AHEAD = "ahead"  # spend already dated to a day to come
    TOTAL = "total"  # of a campaign, over all time


@dataclass(slots=True)
class CampaignTotals:
    daily: int = 0
    total: int = 0
    ahead: dict[date, int] = field(default_factory=dict)


@dataclass(slots=True)
class BrandTotals:
    """`day` and `month` (its first) are the open ones; None where the controller holds no brand of that name."""

    day: date | None = None
    month: date | None = None
    daily: int = 0
    monthly: int = 0
    ahead: dict[date, int] = field(default_factory=dict)
    campaigns: dict[str, CampaignTotals] = field(default_factory=dict)


class Difference(NamedTuple):
    """One total that is not the ledger's; `campaign_id` is None for the brand's own."""

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
    """What is to be added to the controller's totals of a date."""

    campaign_id: str
    booked_on: date
    amount_micros: int


def compare(brand_id: str, held: BrandTotals, booked: BrandTotals) -> list[Difference]:
    """Everything that differs: the brand's own totals, then those of its campaigns."""
    found = [Difference(brand_id, None, *row) for row in _brand_rows(held, booked)]
    for campaign_id in _campaign_ids(held, booked):
        rows = _campaign_rows(held, _campaign(held, campaign_id), _campaign(booked, campaign_id))
        found += [Difference(brand_id, campaign_id, *row) for row in rows]
    return [difference for difference in found if difference.controller_micros != difference.ledger_micros]


def without_way_back(held: BrandTotals, booked: BrandTotals) -> str | None:
    """Why no correction makes these totals equal, None when some do."""
    if held.day is None:
        return "the controller does not hold the brand: rebuild it with `spendgate replay --from-ledger`"
    if _rest_of_month(held, booked) and _closed_day_of_month(held) is None:
        return "its month has no closed day yet to which the difference could be booked: repair it tomorrow"
    return None


def bookings_for(held: BrandTotals, booked: BrandTotals) -> list[Booking]:
    """What makes the held totals the booked ones. A difference that is not in an open period goes to a closed day,
    where it moves the campaign's total alone, or in the open month the brand's month as well."""
    if without_way_back(held, booked) is not None:
        return []
    assert held.month
    bookings: list[Booking] = []
    rests: dict[str, int] = {}
    for campaign_id in _campaign_ids(held, booked):
        mine, theirs = _campaign(held, campaign_id), _campaign(booked, campaign_id)
        dated = _dated(held, mine, theirs)
        bookings += [Booking(campaign_id, day, micros) for day, micros in sorted(dated.items())]
        rests[campaign_id] = theirs.total - mine.total - sum(dated.values())
    for campaign_id, in_month in _shares(rests, _rest_of_month(held, booked)).items():
        in_month_on, before_on = _closed_day_of_month(held), held.month - _ONE_DAY
        if in_month:
            assert in_month_on
            bookings.append(Booking(campaign_id, in_month_on, in_month))
        if rests[campaign_id] != in_month:
            bookings.append(Booking(campaign_id, before_on, rests[campaign_id] - in_month))
    return bookings


def _brand_rows(held: BrandTotals, booked: BrandTotals) -> Iterator[tuple[Total, str, int, int]]:
    if held.day and held.month:
        yield Total.DAILY, held.day.isoformat(), held.daily, booked.daily
        yield Total.MONTHLY, f"{held.month:%Y-%m}", held.monthly, booked.monthly
    yield from _ahead_rows(held.ahead, booked.ahead)


def _campaign_rows(
    brand: BrandTotals, held: CampaignTotals, booked: CampaignTotals
) -> Iterator[tuple[Total, str, int, int]]:
    if brand.day:
        yield Total.DAILY, brand.day.isoformat(), held.daily, booked.daily
    yield from _ahead_rows(held.ahead, booked.ahead)
    yield Total.TOTAL, "", held.total, booked.total


def _ahead_rows(held: Mapping[date, int], booked: Mapping[date, int]) -> Iterator[tuple[Total, str, int, int]]:
    for day in sorted({*held, *booked}):
        yield Total.AHEAD, day.isoformat(), held.get(day, 0), booked.get(day, 0)


def _campaign_ids(held: BrandTotals, booked: BrandTotals) -> Iterable[str]:
    return sorted({*held.campaigns, *booked.campaigns})


def _campaign(brand: BrandTotals, campaign_id: str) -> CampaignTotals:
    return brand.campaigns.get(campaign_id) or CampaignTotals()


def _dated(brand: BrandTotals, held: CampaignTotals, booked: CampaignTotals) -> dict[date, int]:
    """What is missing on the open day and on days to come, where anything is."""
    assert brand.day
    missing = {brand.day: booked.daily - held.daily}
    for day in {*held.ahead, *booked.ahead}:
        missing[day] = booked.ahead.get(day, 0) - held.ahead.get(day, 0)
    return {day: micros for day, micros in missing.items() if micros}


def _rest_of_month(held: BrandTotals, booked: BrandTotals) -> int:
    """What is missing of the month on its closed days."""
    dated = 0
    for campaign_id in _campaign_ids(held, booked):
        missing = _dated(held, _campaign(held, campaign_id), _campaign(booked, campaign_id))
        dated += sum(micros for day, micros in missing.items() if day.replace(day=1) == held.month)
    return booked.monthly - held.monthly - dated


def _closed_day_of_month(held: BrandTotals) -> date | None:
    assert held.day
    day = held.day - _ONE_DAY
    return day if day.replace(day=1) == held.month else None


def _shares(rests: Mapping[str, int], of_month: int) -> dict[str, int]:
    """How much of each campaign's rest is booked in the open month, `of_month` together. The controller keeps no month
    of a campaign, so any split is right that leaves each campaign its rest."""
    shares = dict.fromkeys(rests, 0)
    for campaign_id, rest in rests.items():
        if (rest > 0) is (of_month > 0):
            shares[campaign_id] = min(rest, of_month, key=abs)
            of_month -= shares[campaign_id]
    if of_month:
        shares[min(shares)] += of_month
    return shares
