"""When time alone would let a paused campaign run again, or stop a running one."""

from typing import Final

from streams.core.calendar import budget_day, budget_month
from streams.core.dayparting import next_close, next_open
from streams.core.moment import Moment
from streams.core.reasons import Reason
from streams.core.state import BrandState, CampaignState

__all__ = ["pauses_at", "resumes_at"]

_TIME_DOES_NOT_HELP: Final = Reason.ARCHIVED | Reason.CAMPAIGN_TOTAL_BUDGET | Reason.INVALID | Reason.MANUAL
#: Each step passes a used-up day or month or a closed stretch; spend is dated ahead by hours at most.
_STEPS_MAX: Final = 64


def resumes_at(brand: BrandState, campaign: CampaignState, moment: Moment) -> Moment | None:
    """The first moment at which every reason would be gone if all but time stayed; None when time does not help."""
    assert brand.terms and campaign.terms
    zero_budget = min(brand.daily_limit, brand.monthly_limit, campaign.daily_limit, campaign.total_limit) < 0
    if zero_budget or campaign.reasons & _TIME_DOES_NOT_HELP:
        return None
    at = moment
    for _ in range(_STEPS_MAX):
        spent_out_until = _budgets_free_at(brand, campaign, at)
        if spent_out_until > at:
            at = spent_out_until
            continue
        opens_at = next_open(campaign.terms.schedule, brand.terms.zones, at)
        if opens_at is None or opens_at == at:
            return opens_at
        at = opens_at
    return None


def pauses_at(brand: BrandState, campaign: CampaignState, moment: Moment) -> Moment | None:
    """The first moment after `moment` at which a window or the flight ends; None when neither does."""
    assert brand.terms and campaign.terms
    return next_close(campaign.terms.schedule, brand.terms.zones, moment)


def _budgets_free_at(brand: BrandState, campaign: CampaignState, at: Moment) -> Moment:
    """`at` itself when no budget is used up then, else the end of the longest period that is."""
    assert brand.terms and brand.day and brand.month
    zones = brand.terms.zones
    month = brand.month if at < brand.month.ends_at else budget_month(zones, at)
    if _monthly_micros(brand, at) >= brand.monthly_limit:
        return month.ends_at
    if at < brand.day_ends_at:
        day, daily, campaign_daily = brand.day, brand.daily_micros, campaign.daily_micros
    else:
        day = budget_day(zones, at)
        daily, campaign_daily = brand.ahead.get(day.date, 0), campaign.ahead.get(day.date, 0)
    spent_out = daily >= brand.daily_limit or campaign_daily >= campaign.daily_limit
    return day.ends_at if spent_out else at


def _monthly_micros(brand: BrandState, at: Moment) -> int:
    assert brand.terms and brand.month
    if at < brand.month.ends_at:
        return brand.monthly_micros
    first = budget_month(brand.terms.zones, at).first
    return sum(micros for booked_on, micros in brand.ahead.items() if booked_on.replace(day=1) == first)
