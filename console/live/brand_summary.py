"""Summary of a brand: what a list of brands shows of it, from what the controller holds. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

from console.live.budget_forecast import Forecast, Sample, forecast, forecast_base
from console.live.campaign_marks import CampaignFacts, campaign_facts
from console.live.needs import Need, needs_of_state, needs_of_time
from core.calendar import span_at
from core.moment import END_OF_TIME, Moment
from core.month_progress import MonthProgress, month_progress
from core.overrides import Overrides
from core.reasons import reason_names
from core.state import BrandState, CampaignState
from operations.allowance_words import allowance_words
from operations.budget_overrides import override_text, upcoming
from streams.live_state import HeldBrand

__all__ = [
    "BrandStatus",
    "BrandSummary",
    "BudgetForecasts",
    "Meter",
    "brand_summary",
    "budget_forecasts",
    "day_forecast",
    "known_campaigns",
    "needs_now",
    "progress_of_month",
]


#: Campaign ids that nobody has in the catalog may be any number of misspellings.
_UNKNOWN_SHOWN: Final = 10


class BrandStatus(StrEnum):
    """What the operator has decided of a brand."""

    ENABLED = "enabled"
    PAUSED = "paused"
    ARCHIVED = "archived"


class Meter(NamedTuple):
    """Spend beside its budget, in micros."""

    spent_micros: int
    budget_micros: int | None

    @property
    def percent(self) -> int | None:
        """Whole percent, rounded down so that 100 is never said before the budget is gone; None without a budget.
        Below 0 where refunds outweigh the spend. A budget of 0 is always gone."""
        if self.budget_micros is None:
            return None
        return 100 if self.budget_micros == 0 else self.spent_micros * 100 // self.budget_micros

    @property
    def left_micros(self) -> int | None:
        """What is left of the budget in micros, 0 when it is exceeded; None without a budget."""
        return None if self.budget_micros is None else max(0, self.budget_micros - self.spent_micros)


@dataclass(frozen=True, slots=True)
class BrandSummary:
    """The state of one brand as lists and pages show it. It does not depend on the present time. Moments and money are
    the controller's; the last day and month of the calendar, which have no end there, end at END_OF_TIME."""

    brand_id: str
    status: BrandStatus
    currency: str
    time_zone: str
    day_on: date
    day_starts_at: Moment
    day_ends_at: Moment
    month_starts_at: Moment
    month_ends_at: Moment
    day: Meter
    month: Meter
    running: int
    paused: int
    #: How many of the paused campaigns have a reason, by its name: most frequent first.
    reasons: Mapping[str, int]
    #: Of a paced brand: what may be spent today, and the arithmetic.
    allowance_micros: int | None = None
    allowance_words: str | None = None
    #: Budgets for certain dates that have not ended, as `brand set --override` takes them.
    overrides: tuple[str, ...] = ()
    #: Net spend of the day of campaigns that the catalog does not have, the largest first: (campaign id, micros).
    unknown: tuple[tuple[str, int], ...] = ()
    #: What needs somebody, whenever one looks.
    needs: frozenset[Need] = frozenset()
    #: By campaign id.
    campaigns: Mapping[str, CampaignFacts] = field(default_factory=dict)


class BudgetForecasts(NamedTuple):
    """The forecasts of the daily and the monthly budget as of a moment."""

    day: Forecast
    month: Forecast


def brand_summary(held: HeldBrand) -> BrandSummary | None:
    """The summary; None while the controller holds only campaigns of the brand, or has not booked a day for it yet."""
    brand = held.state
    if brand.config is None or brand.day is None or brand.month is None:
        return None
    campaigns = known_campaigns(brand)
    paused = [campaign for campaign in campaigns if campaign.reasons]
    reasons = Counter(reason for campaign in paused for reason in reason_names(campaign.reasons))
    return BrandSummary(
        brand_id=brand.brand_id,
        status=_status(archived=brand.config.archived, enabled=brand.config.enabled),
        currency=brand.config.currency,
        time_zone=span_at(brand.config.zones, held.clock)[0].time_zone,
        day_on=brand.day.date,
        day_starts_at=brand.day.starts_at,
        day_ends_at=min(brand.day_ends_at, END_OF_TIME),
        month_starts_at=brand.month.starts_at,
        month_ends_at=min(brand.month.ends_at, END_OF_TIME),
        day=Meter(brand.daily_micros, brand.config.daily_budget_on(brand.day.date)),
        month=Meter(brand.monthly_micros, brand.config.monthly_budget_on(brand.day.date)),
        running=len(campaigns) - len(paused),
        paused=len(paused),
        reasons=dict(reasons.most_common()),
        allowance_micros=brand.daily_allowance_micros,
        allowance_words=allowance_words(brand),
        overrides=tuple(
            override_text(*it)
            for it in upcoming(Overrides(brand.config.daily_overrides, brand.config.monthly_overrides), brand.day.date)
        ),
        unknown=_unknown(brand),
        needs=needs_of_state(brand),
        campaigns=campaign_facts(brand),
    )


def _unknown(brand: BrandState) -> tuple[tuple[str, int], ...]:
    found = [(it.campaign_id, it.daily_micros) for it in brand.campaigns.values() if not it.config and it.daily_micros]
    return tuple(sorted(found, key=lambda it: (-it[1], it[0]))[:_UNKNOWN_SHOWN])


def known_campaigns(brand: BrandState) -> list[CampaignState]:
    """The campaigns that the catalog has and that are not archived, by id."""
    known = (it for it in brand.campaigns.values() if it.config and not it.config.archived)
    return sorted(known, key=lambda campaign: campaign.campaign_id)


def budget_forecasts(brand: BrandSummary, samples: tuple[Sample, ...], now: Moment) -> BudgetForecasts:
    """The forecasts: a day goes on at the pace of its last hour, a month at its own."""
    base = Sample(brand.month_starts_at, 0)
    month = forecast(brand.month.budget_micros, brand.month.spent_micros, base, now=now, ends_at=brand.month_ends_at)
    return BudgetForecasts(day_forecast(brand, samples, now), month)


def day_forecast(brand: BrandSummary, samples: tuple[Sample, ...], now: Moment) -> Forecast:
    """The forecast of the daily budget; `samples` are the day's spend at moments of the last hour."""
    base = forecast_base(samples, brand.day_starts_at, now)
    return forecast(brand.day.budget_micros, brand.day.spent_micros, base, now=now, ends_at=brand.day_ends_at)


def progress_of_month(brand: BrandSummary, now: Moment) -> MonthProgress | None:
    """The month's spend beside its time; None without a monthly budget."""
    return month_progress(
        brand.month.spent_micros, brand.month.budget_micros, brand.month_starts_at, brand.month_ends_at, now
    )


def needs_now(brand: BrandSummary, day: Forecast, month: MonthProgress | None, now: Moment) -> frozenset[Need]:
    """The needs of the brand now; `day` and `month` are the forecast and the progress of its budgets now."""
    if brand.status is BrandStatus.ARCHIVED:
        return frozenset()
    is_enabled = brand.status is BrandStatus.ENABLED
    points = month.points if month else None
    return brand.needs | needs_of_time(day.runs_out_at, points, now, is_enabled=is_enabled)


def _status(*, archived: bool, enabled: bool) -> BrandStatus:
    if archived:
        return BrandStatus.ARCHIVED
    return BrandStatus.ENABLED if enabled else BrandStatus.PAUSED
