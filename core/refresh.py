"""Derives state from configuration, totals and clock: limits, exhausted budgets, openness, next boundary, silence.

None of it is in `controller-state`. Decisions keep it up to date and a restore derives it anew, both by these
functions, so that a restored state equals the one that was flushed.
"""

from collections.abc import Iterable
from datetime import date

from core.budget import UNBOUNDED, band, fix_allowance, limit_of, open_period
from core.dayparting import next_boundary, openness
from core.moment import NEVER, Moment
from core.records import Action
from core.state import ALWAYS_OPEN, BrandState, CampaignState, PartitionState

__all__ = [
    "derive",
    "refresh_brand_budgets",
    "refresh_campaign_budgets",
    "refresh_schedules",
    "refresh_silence",
    "silent_at",
]


def derive(state: PartitionState, brand: BrandState) -> None:
    """Derive all of it for a restored brand; nothing for one without a document."""
    if brand.config is None:
        return
    if brand.day:
        if not brand.day_starts_at <= brand.clock < brand.day_ends_at:  # unless the restore found it as it is recorded
            open_period(brand, brand.config, brand.clock)
        # An older release knew no pacing.
        if brand.config.is_paced and brand.daily_allowance_micros is None:
            fix_allowance(brand)
    refresh_brand_budgets(brand)
    campaigns = brand.campaigns.values()
    for campaign in campaigns:
        refresh_campaign_budgets(brand, campaign)
    refresh_schedules(state, brand, campaigns)
    refresh_silence(state, brand)


def refresh_brand_budgets(brand: BrandState) -> None:
    """Derive which of the brand's own budgets are exhausted, and the totals between which nothing changes."""
    assert brand.config
    config, today, allowance = brand.config, _open_date(brand), brand.daily_allowance_micros
    daily, monthly = config.daily_budget_on(today), config.monthly_budget_on(today)
    brand.daily_limit, brand.monthly_limit = limit_of(daily), limit_of(monthly)
    brand.daily_exhausted = brand.daily_micros >= brand.daily_limit
    brand.monthly_exhausted = brand.monthly_micros >= brand.monthly_limit
    brand.allowance_exhausted = allowance is not None and brand.daily_micros >= allowance
    if daily is None and allowance is None:
        brand.daily_low, brand.daily_high = UNBOUNDED
    else:
        brand.daily_low, brand.daily_high = band(brand.daily_micros, config.alert_percents, daily, allowance)
    if allowance == 0:  # reached by any net spend that is not negative, unlike a budget of zero
        if brand.allowance_exhausted:
            brand.daily_low = max(brand.daily_low, 0)
        else:
            brand.daily_high = min(brand.daily_high, 0)
    if monthly is None:
        brand.monthly_low, brand.monthly_high = UNBOUNDED
    else:
        brand.monthly_low, brand.monthly_high = band(brand.monthly_micros, config.alert_percents, monthly)


def refresh_campaign_budgets(brand: BrandState, campaign: CampaignState) -> None:
    """Derive which of a campaign's budgets are exhausted, and the totals between which nothing changes. A campaign that
    the catalog does not know has no budgets."""
    config = campaign.config
    if config is not None and brand.config is not None:
        daily, total, percents = (
            config.daily_budget_on(_open_date(brand)),
            config.total_budget_micros,
            brand.config.alert_percents,
        )
        campaign.daily_limit, campaign.total_limit = limit_of(daily), limit_of(total)
        campaign.daily_low, campaign.daily_high = (
            UNBOUNDED if daily is None else band(campaign.daily_micros, percents, daily)
        )
        campaign.total_low, campaign.total_high = (
            UNBOUNDED if total is None else band(campaign.total_micros, percents, total)
        )
    campaign.daily_exhausted = campaign.daily_micros >= campaign.daily_limit
    campaign.total_exhausted = campaign.total_micros >= campaign.total_limit


def refresh_schedules(state: PartitionState, brand: BrandState, campaigns: Iterable[CampaignState]) -> None:
    """Derive whether these campaigns are in a window and in flight at the brand's clock, when that changes next, and
    the brand's next boundary."""
    assert brand.config
    zones = brand.config.zones
    for campaign in campaigns:
        if campaign.config is None:
            continue
        schedule = campaign.config.schedule
        if schedule.is_always:
            campaign.openness, campaign.boundary_at = ALWAYS_OPEN, NEVER
            continue
        campaign.openness = openness(schedule, zones, brand.clock)
        boundary = next_boundary(schedule, zones, brand.clock)
        campaign.boundary_at = NEVER if boundary is None else boundary
    first_boundary = brand.day_ends_at
    for campaign in brand.campaigns.values():
        if campaign.boundary_at < first_boundary:
            first_boundary = campaign.boundary_at
    state.add_boundary(brand, first_boundary)


def _open_date(brand: BrandState) -> date:
    """The date of the open day; of a brand on which nothing was decided yet the calendar's first."""
    return brand.day.date if brand.day else date.min


def refresh_silence(state: PartitionState, brand: BrandState) -> None:
    """Derive from when on the brand is silent unless spend arrives, and whether the next spend changes that."""
    assert brand.config
    raised = brand.silence is not None and brand.silence.now
    wanted = brand.config.silent_after_ms is not None
    brand.spend_ends_silence = raised or (wanted and brand.last_spend_at is None)
    state.add_silence_check(brand, silent_at(brand) if wanted and not raised else NEVER)


def silent_at(brand: BrandState) -> Moment:
    """The moment at which the brand counts as silent: `silent_after_ms` after its last spend, and after the longest
    running campaign was resumed. NEVER while it has no such setting, no spend or no running campaign."""
    assert brand.config
    after = brand.config.silent_after_ms
    if after is None or brand.last_spend_at is None:
        return NEVER
    running = (it.running_since for it in brand.campaigns.values() if it.last_action is Action.RESUME)
    since = min(running, default=NEVER)
    return NEVER if since == NEVER else max(brand.last_spend_at, since) + after
