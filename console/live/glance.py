"""A brand at a glance: what a list of brands shows of it, from what the controller holds. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from console.live.pace import Forecast, Sample, forecast, pace_base
from streams.core.calendar import span_at
from streams.core.moment import Moment
from streams.core.reasons import reason_names
from streams.core.state import BrandState, CampaignState
from streams.live import HeldBrand

__all__ = ["BrandGlance", "BrandStanding", "Meter", "Outlooks", "glance", "known_campaigns", "outlooks"]


class BrandStanding(StrEnum):
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
        return None if self.budget_micros is None else max(0, self.budget_micros - self.spent_micros)


@dataclass(frozen=True, slots=True)
class BrandGlance:
    """Moments and money as the controller holds them; nothing here depends on when it is looked at."""

    brand_id: str
    standing: BrandStanding
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


class Outlooks(NamedTuple):
    """Of both budgets, as of a moment."""

    day: Forecast
    month: Forecast


def glance(held: HeldBrand) -> BrandGlance | None:
    """None while the controller holds only campaigns of the brand, or has not booked a day for it yet."""
    brand = held.state
    if brand.terms is None or brand.day is None or brand.month is None:
        return None
    campaigns = known_campaigns(brand)
    paused = [campaign for campaign in campaigns if campaign.reasons]
    reasons = Counter(reason for campaign in paused for reason in reason_names(campaign.reasons))
    return BrandGlance(
        brand_id=brand.brand_id,
        standing=_standing(archived=brand.terms.archived, enabled=brand.terms.enabled),
        currency=brand.terms.currency,
        time_zone=span_at(brand.terms.zones, held.clock)[0].time_zone,
        day_on=brand.day.date,
        day_starts_at=brand.day.starts_at,
        day_ends_at=brand.day_ends_at,
        month_starts_at=brand.month.starts_at,
        month_ends_at=brand.month.ends_at,
        day=Meter(brand.daily_micros, brand.terms.daily_budget_micros),
        month=Meter(brand.monthly_micros, brand.terms.monthly_budget_micros),
        running=len(campaigns) - len(paused),
        paused=len(paused),
        reasons=dict(reasons.most_common()),
    )


def known_campaigns(brand: BrandState) -> list[CampaignState]:
    """Those that the catalog tells of and that are not put away, by id."""
    known = (it for it in brand.campaigns.values() if it.terms and not it.terms.archived)
    return sorted(known, key=lambda campaign: campaign.campaign_id)


def outlooks(brand: BrandGlance, samples: tuple[Sample, ...], now: Moment) -> Outlooks:
    """A day goes on at the pace of its last hour, a month at its own."""
    day_base = pace_base(samples, brand.day_starts_at, now)
    month_base = Sample(brand.month_starts_at, 0)
    return Outlooks(
        forecast(brand.day.budget_micros, brand.day.spent_micros, day_base, now=now, ends_at=brand.day_ends_at),
        forecast(brand.month.budget_micros, brand.month.spent_micros, month_base, now=now, ends_at=brand.month_ends_at),
    )


def _standing(*, archived: bool, enabled: bool) -> BrandStanding:
    if archived:
        return BrandStanding.ARCHIVED
    return BrandStanding.ENABLED if enabled else BrandStanding.PAUSED
