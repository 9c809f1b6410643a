"""What follows from terms, totals and the clock: limits, used-up budgets, openness, the next wake.

Nothing of it is written down. A decision keeps it up to date and a restore works it out again, both by these functions,
so that a state is the same whether it was lived through or read back.
"""

from collections.abc import Iterable

from streams.core.budget import limit_of
from streams.core.dayparting import next_boundary, openness
from streams.core.state import NEVER, BrandState, CampaignState, PartitionState

__all__ = ["look_at_brand_budgets", "look_at_campaign_budgets", "look_at_schedules"]


def look_at_brand_budgets(brand: BrandState) -> None:
    """See which of the brand's own budgets are used up."""
    assert brand.terms
    brand.daily_limit = limit_of(brand.terms.daily_budget_micros)
    brand.monthly_limit = limit_of(brand.terms.monthly_budget_micros)
    brand.daily_spent_out = brand.daily_micros >= brand.daily_limit
    brand.monthly_spent_out = brand.monthly_micros >= brand.monthly_limit


def look_at_campaign_budgets(campaign: CampaignState) -> None:
    """The same for a campaign; one that the catalog does not know has no budgets."""
    if campaign.terms is not None:
        campaign.daily_limit = limit_of(campaign.terms.daily_budget_micros)
        campaign.total_limit = limit_of(campaign.terms.total_budget_micros)
    campaign.daily_spent_out = campaign.daily_micros >= campaign.daily_limit
    campaign.total_spent_out = campaign.total_micros >= campaign.total_limit


def look_at_schedules(state: PartitionState, brand: BrandState, campaigns: Iterable[CampaignState]) -> None:
    """See whether these campaigns are in a window and flight now, and when that changes next."""
    assert brand.terms
    for campaign in campaigns:
        if campaign.terms is None:
            continue
        schedule, zones = campaign.terms.schedule, brand.terms.zones
        campaign.openness = openness(schedule, zones, brand.clock)
        boundary = next_boundary(schedule, zones, brand.clock)
        campaign.boundary_at = NEVER if boundary is None else boundary
    first_boundary = min((it.boundary_at for it in brand.campaigns.values()), default=NEVER)
    state.wake(brand, min(brand.day_ends_at, first_boundary))
