"""Books amounts to the open day and month of a brand, and rolls these over (docs/contract.md, "Days and months").

All amounts are micros. The state has totals of the open day and month and of each campaign's life, and the amounts
that are booked to later days; those of closed days and months are the ledger's alone.
"""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Final

from core.calendar import Day, Month, budget_day, date_starts_at, month_of, next_day, next_month
from core.catalog import BrandConfig
from core.moment import Moment
from core.state import NO_FUTURE_SPEND, UNLIMITED, BrandState, CampaignState

__all__ = [
    "UNBOUNDED",
    "band",
    "book",
    "book_on",
    "book_opening_balance",
    "even_allowance",
    "fix_allowance",
    "is_reached",
    "limit_of",
    "open_period",
    "pacing_budget",
    "roll",
    "spent_before_day",
]

_ALWAYS_REACHED: Final = -UNLIMITED
#: The `band` of any net spend where there is no budget.
UNBOUNDED: Final = (_ALWAYS_REACHED, UNLIMITED)


def limit_of(budget_micros: int | None) -> int:
    """The net spend in micros from which a budget is exhausted: UNLIMITED for None. A zero budget is always exhausted,
    also when refunds made the net spend negative."""
    if budget_micros is None:
        return UNLIMITED
    return budget_micros or _ALWAYS_REACHED


def is_reached(percent: int, budget_micros: int, spent_micros: int) -> bool:
    """Whether net spend has reached this percentage of a budget, exactly."""
    return spent_micros * 100 >= percent * budget_micros


def band(spent_micros: int, percents: tuple[int, ...], *budgets: int | None) -> tuple[int, int]:
    """The stretch `[low, high)` around a net spend in which it reaches neither more nor less of its budgets.

    `percents` are those whose reaching matters, besides that of the whole budget.
    """
    low, high = UNBOUNDED
    for budget in budgets:
        if budget is None:
            continue
        for point in _points(percents, budget):
            if point <= spent_micros:
                if point > low:
                    low = point
            elif point < high:
                high = point
    return low, high


@lru_cache(maxsize=4_096)
def _points(percents: tuple[int, ...], budget_micros: int) -> tuple[int, ...]:
    """Cached, because a midnight asks again for the same budgets."""
    of_percents = [-(-percent * budget_micros // 100) for percent in percents] if budget_micros else []
    return (limit_of(budget_micros), *of_percents)


def book(brand: BrandState, campaign: CampaignState, amount_micros: int, occurred_at: Moment) -> None:
    """Add spend to the totals of the day and month that hold `occurred_at`, and to the campaign's total."""
    campaign.total_micros += amount_micros
    if brand.day_starts_at <= occurred_at < brand.day_ends_at:
        brand.daily_micros += amount_micros
        brand.monthly_micros += amount_micros
        campaign.daily_micros += amount_micros
        return
    assert brand.config and brand.month
    if occurred_at >= brand.day_ends_at:
        _book_future_spend(brand, campaign, amount_micros, budget_day(brand.config.zones, occurred_at).date)
    elif occurred_at >= brand.month.starts_at:
        brand.monthly_micros += amount_micros


def book_on(brand: BrandState, campaign: CampaignState, amount_micros: int, booked_on: date) -> None:
    """Add a correction to the totals of the date that it names, and to the campaign's total."""
    assert brand.day and brand.month
    campaign.total_micros += amount_micros
    if booked_on > brand.day.date:
        _book_future_spend(brand, campaign, amount_micros, booked_on)
        return
    if booked_on.replace(day=1) == brand.month.first:
        brand.monthly_micros += amount_micros
    if booked_on == brand.day.date:
        brand.daily_micros += amount_micros
        campaign.daily_micros += amount_micros


def book_opening_balance(brand: BrandState, amount_micros: int, booked_on: date) -> None:
    """Count an opening balance, which `book_on` has booked, among what was known of the month when the day began."""
    assert brand.day and brand.month
    if brand.month.first <= booked_on < brand.day.date:
        brand.spent_before_day_micros += amount_micros
        fix_allowance(brand)


def open_period(brand: BrandState, config: BrandConfig, moment: Moment) -> None:
    """Open the day and month that hold `moment`. One that is open already, or that a change of zone would leave
    backwards, keeps its start and lasts until the zones pass its date."""
    zones = config.zones
    day = budget_day(zones, moment)
    month = month_of(zones, day.date)
    # The tuples of the calendar are shared by the brands of a zone, so they are kept wherever they are equal.
    if brand.day and day.date <= brand.day.date and day[:2] != brand.day[:2]:
        day = brand.day._replace(ends_at=date_starts_at(zones, next_day(brand.day.date)))
    if brand.month and month.first <= brand.month.first and month[:2] != brand.month[:2]:
        month = brand.month._replace(ends_at=date_starts_at(zones, next_month(brand.month.first)))
    brand.day, brand.month = day, month
    brand.day_starts_at, brand.day_ends_at = day.starts_at, day.ends_at


def roll(brand: BrandState, moment: Moment) -> None:
    """Close the day and month that have ended by `moment` and open those that hold it, with the spend already booked to
    them as totals."""
    assert brand.config
    old_day, old_month = brand.day, brand.month
    open_period(brand, brand.config, moment)
    assert brand.day and brand.month
    if old_month and brand.month.first != old_month.first:
        brand.monthly_micros = sum(
            micros for booked_on, micros in brand.future_spend.items() if booked_on.replace(day=1) == brand.month.first
        )
    if old_day and brand.day.date != old_day.date:
        brand.daily_micros, brand.future_spend = _take_future_spend(brand.future_spend, brand.day.date)
        brand.spent_before_day_micros = spent_before_day(brand)
        for campaign in brand.campaigns.values():
            campaign.daily_micros, campaign.future_spend = _take_future_spend(campaign.future_spend, brand.day.date)
    if old_day is None or brand.day.date != old_day.date:
        fix_allowance(brand)


def spent_before_day(brand: BrandState) -> int:
    """The net spend of the open month before the open day, as it is known now."""
    assert brand.month
    dated_ahead = sum(
        micros for booked_on, micros in brand.future_spend.items() if booked_on.replace(day=1) == brand.month.first
    )
    return brand.monthly_micros - dated_ahead - brand.daily_micros


def pacing_budget(config: BrandConfig, day: date) -> int | None:
    """The monthly budget by which the day is paced; None when it is not."""
    return config.monthly_budget_on(day) if config.is_paced else None


def fix_allowance(brand: BrandState) -> None:
    """Fix the allowance of the open day by what was known of the month when the day began."""
    assert brand.config and brand.day and brand.month
    budget = pacing_budget(brand.config, brand.day.date)
    brand.daily_allowance_micros = (
        None if budget is None else even_allowance(budget - brand.spent_before_day_micros, brand.day, brand.month)
    )


def even_allowance(left_micros: int, day: Day, month: Month) -> int:
    """The day's share of what is left of the monthly budget, in micros: by its length in what is left of the month from
    its beginning (docs/contract.md, "catalog")."""
    return max(0, left_micros) * (day.ends_at - day.starts_at) // (month.ends_at - day.starts_at)


def _book_future_spend(brand: BrandState, campaign: CampaignState, amount_micros: int, booked_on: date) -> None:
    assert brand.month
    brand.future_spend = _plus(brand.future_spend, amount_micros, booked_on)
    campaign.future_spend = _plus(campaign.future_spend, amount_micros, booked_on)
    if booked_on.replace(day=1) == brand.month.first:
        brand.monthly_micros += amount_micros


def _plus(future_spend: Mapping[date, int], amount_micros: int, booked_on: date) -> Mapping[date, int]:
    return {**future_spend, booked_on: future_spend.get(booked_on, 0) + amount_micros}


def _take_future_spend(future_spend: Mapping[date, int], day: date) -> tuple[int, Mapping[date, int]]:
    """What is booked to the day that begins, and what is booked to later ones."""
    if not future_spend:
        return 0, NO_FUTURE_SPEND
    later = {booked_on: micros for booked_on, micros in future_spend.items() if booked_on > day}
    return future_spend.get(day, 0), later or NO_FUTURE_SPEND
