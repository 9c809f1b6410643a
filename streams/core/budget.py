"""Which budgets are used up, and the totals of the open day and month."""

from datetime import date, timedelta
from typing import Final

from streams.core.calendar import budget_day, budget_month, date_starts_at
from streams.core.moment import Moment
from streams.core.state import UNLIMITED, BrandState, CampaignState
from streams.core.terms import BrandTerms

__all__ = ["book", "book_on", "limit_of", "open_period", "roll"]

_ALWAYS_REACHED: Final = -UNLIMITED


def limit_of(budget_micros: int | None) -> int:
    """What net spend is compared with: a zero budget is used up even when refunds made the spend negative."""
    if budget_micros is None:
        return UNLIMITED
    return budget_micros or _ALWAYS_REACHED


def book(brand: BrandState, campaign: CampaignState, amount_micros: int, occurred_at: Moment) -> None:
    """Add spend to the day and month of `occurred_at`; closed periods are the ledger's, not ours."""
    campaign.total_micros += amount_micros
    if brand.day_starts_at <= occurred_at < brand.day_ends_at:
        brand.daily_micros += amount_micros
        brand.monthly_micros += amount_micros
        campaign.daily_micros += amount_micros
        return
    assert brand.terms and brand.month
    if occurred_at >= brand.day_ends_at:
        _book_ahead(brand, campaign, amount_micros, budget_day(brand.terms.zones, occurred_at).date)
    elif occurred_at >= brand.month.starts_at:
        brand.monthly_micros += amount_micros


def book_on(brand: BrandState, campaign: CampaignState, amount_micros: int, booked_on: date) -> None:
    """The same for an amount that names its date, as corrections do."""
    assert brand.day and brand.month
    campaign.total_micros += amount_micros
    if booked_on > brand.day.date:
        _book_ahead(brand, campaign, amount_micros, booked_on)
        return
    if booked_on.replace(day=1) == brand.month.first:
        brand.monthly_micros += amount_micros
    if booked_on == brand.day.date:
        brand.daily_micros += amount_micros
        campaign.daily_micros += amount_micros


def open_period(brand: BrandState, terms: BrandTerms, moment: Moment) -> None:
    """The day and month of `moment` become the open ones. One that is open already, or that a change of zone would
    leave backwards, keeps its start and lasts until the zones pass its date."""
    zones = terms.zones
    day, month = budget_day(zones, moment), budget_month(zones, moment)
    if brand.day and day.date <= brand.day.date:
        day = brand.day._replace(ends_at=date_starts_at(zones, brand.day.date + timedelta(days=1)))
    if brand.month and month.first <= brand.month.first:
        following = (brand.month.first + timedelta(days=31)).replace(day=1)
        month = brand.month._replace(ends_at=date_starts_at(zones, following))
    brand.day, brand.month = day, month
    brand.day_starts_at, brand.day_ends_at = day.starts_at, day.ends_at


def roll(brand: BrandState, moment: Moment) -> None:
    """Close what has ended by `moment` and begin the day and month that hold it, with the spend already dated there."""
    assert brand.terms
    old_day, old_month = brand.day, brand.month
    open_period(brand, brand.terms, moment)
    assert brand.day and brand.month
    if old_month and brand.month.first != old_month.first:
        brand.monthly_micros = sum(
            micros for booked_on, micros in brand.ahead.items() if booked_on.replace(day=1) == brand.month.first
        )
    if old_day and brand.day.date != old_day.date:
        brand.daily_micros = _take_ahead(brand.ahead, brand.day.date)
        for campaign in brand.campaigns.values():
            campaign.daily_micros = _take_ahead(campaign.ahead, brand.day.date) if campaign.ahead else 0


def _book_ahead(brand: BrandState, campaign: CampaignState, amount_micros: int, booked_on: date) -> None:
    assert brand.month
    brand.ahead[booked_on] = brand.ahead.get(booked_on, 0) + amount_micros
    campaign.ahead[booked_on] = campaign.ahead.get(booked_on, 0) + amount_micros
    if booked_on.replace(day=1) == brand.month.first:
        brand.monthly_micros += amount_micros


def _take_ahead(ahead: dict[date, int], day: date) -> int:
    micros = ahead.get(day, 0)
    for booked_on in [booked_on for booked_on in ahead if booked_on <= day]:
        del ahead[booked_on]
    return micros
