"""Forecasts `resumes_at` and `pauses_at` of a command: when time alone would change whether a campaign runs."""

from typing import Final

from core.budget import even_allowance, limit_of, pacing_budget
from core.calendar import Day, Month, budget_day, budget_month, date_starts_at
from core.dayparting import next_close, next_open
from core.moment import NEVER, Moment
from core.overrides import OVERRIDES_MAX, next_change
from core.reasons import Reason
from core.state import BrandState, CampaignState

__all__ = ["pauses_at", "resumes_at"]

_TIME_DOES_NOT_HELP: Final = Reason.ARCHIVED | Reason.CAMPAIGN_TOTAL_BUDGET | Reason.INVALID | Reason.MANUAL
#: Each step passes an exhausted day or month, dates on which a budget is zero, or time outside the schedule. Spend is
#: booked minutes ahead at most; a budget is zero on as many stretches of dates as there are overrides.
_STEPS_MAX: Final = 64 + 8 * OVERRIDES_MAX


def resumes_at(brand: BrandState, campaign: CampaignState, moment: Moment) -> Moment | None:
    """The first moment, from `moment` on, at which no reason is left if nothing but time changes; None when there is
    no such moment, or a reason that time does not end."""
    assert brand.config and campaign.config
    if campaign.reasons & _TIME_DOES_NOT_HELP:
        return None
    at = moment
    for _ in range(_STEPS_MAX):
        exhausted_until = _budgets_free_at(brand, campaign, at)
        if exhausted_until > at:
            if exhausted_until == NEVER:
                return None
            at = exhausted_until
            continue
        opens_at = next_open(campaign.config.schedule, brand.config.zones, at)
        if opens_at is None or opens_at == at:
            return opens_at
        at = opens_at
    return None


def pauses_at(brand: BrandState, campaign: CampaignState, moment: Moment) -> Moment | None:
    """The first moment after `moment` at which a window or the flight ends; None when neither does."""
    assert brand.config and campaign.config
    return next_close(campaign.config.schedule, brand.config.zones, moment)


def _budgets_free_at(brand: BrandState, campaign: CampaignState, at: Moment) -> Moment:
    """`at` itself when no budget is exhausted then, else the end of the longest period whose budget is."""
    assert brand.config and campaign.config and brand.day and brand.month
    config, zones = brand.config, brand.config.zones
    month = brand.month if at < brand.month.ends_at else budget_month(zones, at)
    monthly = _monthly_micros(brand, month)
    if at < brand.day_ends_at:
        day, allowance = brand.day, brand.daily_allowance_micros
        daily, campaign_daily = brand.daily_micros, campaign.daily_micros
    else:
        day = budget_day(zones, at)
        allowance = _allowance_on(brand, day, month, monthly)
        daily, campaign_daily = brand.future_spend.get(day.date, 0), campaign.future_spend.get(day.date, 0)
    today = day.date
    uses = (  # plain tuples: a budget of a brand with many campaigns makes very many of them at once
        (monthly, config.monthly_budget_on(today), config.monthly_overrides, month.ends_at),
        (daily, config.daily_budget_on(today), config.daily_overrides, day.ends_at),
        (campaign_daily, campaign.config.daily_budget_on(today), campaign.config.daily_overrides, day.ends_at),
    )
    free_at = at
    for spent, budget, overrides, ends_at in uses:
        if spent >= limit_of(budget):
            # A zero budget is free when another one comes into force.
            of_budget = ends_at if budget else date_starts_at(zones, next_change(today, overrides))
            free_at = max(free_at, of_budget)
    if allowance is not None and daily >= allowance:
        free_at = max(free_at, day.ends_at)
    return free_at


def _monthly_micros(brand: BrandState, month: Month) -> int:
    assert brand.month
    if month.first == brand.month.first:
        return brand.monthly_micros
    return sum(micros for booked_on, micros in brand.future_spend.items() if booked_on.replace(day=1) == month.first)


def _allowance_on(brand: BrandState, day: Day, month: Month, monthly_micros: int) -> int | None:
    """The allowance of a later day when nothing more is spent before it; None when it is not paced."""
    assert brand.config
    budget = pacing_budget(brand.config, day.date)
    if budget is None:
        return None
    since = sum(
        micros
        for booked_on, micros in brand.future_spend.items()
        if booked_on >= day.date and booked_on.replace(day=1) == month.first
    )
    return even_allowance(budget - (monthly_micros - since), day, month)
