"""Evaluates whether campaigns may run: the only module that decides on a campaign's set of reasons.

The thresholds of the budgets on which that rests are evaluated with them (core.alerts).

A campaign runs if and only if its set is empty (docs/contract.md, "campaign-control"). A change of the set goes to
core.emission, which pauses or resumes the campaign.
"""

from collections.abc import Iterable

from core.alerts import evaluate_brand_thresholds, evaluate_campaign_thresholds
from core.budget import roll
from core.catalog import CampaignConfig
from core.emission import pause_or_resume
from core.moment import Moment
from core.reasons import NO_REASONS, Reason
from core.records import Action
from core.refresh import refresh_brand_budgets, refresh_campaign_budgets, refresh_schedules
from core.state import BrandState, CampaignState, Cause, PartitionState

__all__ = ["advance", "evaluate_brand", "evaluate_campaigns", "evaluate_spend"]


def advance(state: PartitionState, brand: BrandState, moment: Moment) -> bool:
    """Move the brand's clock on to `moment` or the partition's clock, never back.

    Returns True when a day, month, window or flight began or ended on the way: the caller then evaluates the brand.
    """
    clock = moment if moment > state.clock else state.clock  # called for every event: max() costs a call
    if clock > brand.clock:
        brand.clock = clock
    else:
        clock = brand.clock
    if clock < brand.next_boundary_at:
        return False
    if clock >= brand.day_ends_at:
        roll(brand, clock)
    refresh_schedules(state, brand, (it for it in brand.campaigns.values() if it.boundary_at <= clock))
    state.touch_brand(brand)
    return True


def evaluate_spend(
    state: PartitionState, brand: BrandState, campaign: CampaignState, time_changed_it: bool, cause: Cause
) -> None:
    """Evaluate what an event of this campaign changed: all of the brand only where a budget of its own asks for it."""
    exhausted = brand.daily_exhausted, brand.monthly_exhausted, brand.allowance_exhausted
    refresh_brand_budgets(brand)
    if time_changed_it or exhausted != (brand.daily_exhausted, brand.monthly_exhausted, brand.allowance_exhausted):
        evaluate_brand(state, brand, cause)
        return
    evaluate_brand_thresholds(state, brand, cause)
    evaluate_campaigns(state, brand, [campaign], cause)


def evaluate_brand(state: PartitionState, brand: BrandState, cause: Cause) -> None:
    """Evaluate the brand's own budgets, then each of its campaigns, by id: every run repeats the order."""
    refresh_brand_budgets(brand)
    evaluate_brand_thresholds(state, brand, cause)
    evaluate_campaigns(state, brand, sorted(brand.campaigns.values(), key=lambda it: it.campaign_id), cause)


def evaluate_campaigns(
    state: PartitionState, brand: BrandState, campaigns: Iterable[CampaignState], cause: Cause
) -> None:
    """Evaluate these campaigns of the brand; those that the catalog does not know are left out."""
    of_brand = _brand_reasons(brand)
    for campaign in campaigns:
        if campaign.config is None:
            continue
        refresh_campaign_budgets(brand, campaign)
        reasons = _campaign_reasons(of_brand, campaign, campaign.config)
        # Without a command for these reasons: a campaign's first state, or one whose command could not be built.
        command_missing = campaign.pending_resume is None and campaign.last_action is not (
            Action.PAUSE if reasons else Action.RESUME
        )
        if reasons != campaign.reasons or command_missing:
            campaign.reasons = reasons
            pause_or_resume(state, brand, campaign, cause)
        evaluate_campaign_thresholds(state, brand, campaign, cause)


def _brand_reasons(brand: BrandState) -> Reason:
    assert brand.config
    reasons = NO_REASONS
    if brand.config.archived:
        reasons |= Reason.ARCHIVED
    if not brand.config.enabled:
        reasons |= Reason.MANUAL
    if brand.daily_exhausted:
        reasons |= Reason.DAILY_BUDGET
    if brand.monthly_exhausted:
        reasons |= Reason.MONTHLY_BUDGET
    if brand.allowance_exhausted:
        reasons |= Reason.PACING
    return reasons


def _campaign_reasons(of_brand: Reason, campaign: CampaignState, config: CampaignConfig) -> Reason:
    """The reasons of the brand together with the campaign's own."""
    reasons = of_brand
    if not config.usable:
        reasons |= Reason.INVALID
    if config.archived:
        reasons |= Reason.ARCHIVED
    if not config.enabled:
        reasons |= Reason.MANUAL
    if campaign.daily_exhausted:
        reasons |= Reason.CAMPAIGN_DAILY_BUDGET
    if campaign.total_exhausted:
        reasons |= Reason.CAMPAIGN_TOTAL_BUDGET
    if not campaign.openness.in_flight:
        reasons |= Reason.FLIGHT
    if not campaign.openness.in_window:
        reasons |= Reason.SCHEDULE
    return reasons
