"""What lists of campaigns count, filter and sort by: whether they run, what needs somebody, why they are paused, what
they have spent. Pure."""

from collections.abc import Mapping
from functools import cache
from typing import Final, NamedTuple

from console.live.needs import Need, needs_of_campaign
from core.reasons import Reason, reason_names
from core.state import BrandState, CampaignState

__all__ = ["MARKS", "PAUSED", "RUNNING", "CampaignFacts", "campaign_facts"]

RUNNING: Final = "running"
PAUSED: Final = "paused"
_NEEDS: Final = (Need.OVER, Need.AFTER_PAUSE)
#: Reasons that a need shows already, or that only archived brands have.
_SHOWN_OTHERWISE: Final = Reason.ARCHIVED | Reason.CAMPAIGN_DAILY_BUDGET | Reason.CAMPAIGN_TOTAL_BUDGET
#: All of them in the order in which a page shows them.
MARKS: Final = (RUNNING, PAUSED, *(it.value for it in _NEEDS), *reason_names(~_SHOWN_OTHERWISE))


class CampaignFacts(NamedTuple):
    """Spend of the open day and of all time, and the marks; an archived campaign has no marks."""

    daily_micros: int
    total_micros: int
    marks: frozenset[str]


def campaign_facts(brand: BrandState) -> Mapping[str, CampaignFacts]:
    """Spend and marks of each campaign of the brand that the catalog has, by campaign id."""
    assert brand.day
    today = brand.day.date.isoformat()
    return {
        it.campaign_id: CampaignFacts(it.daily_micros, it.total_micros, _marks(it, today))
        for it in brand.campaigns.values()
        if it.config
    }


def _marks(campaign: CampaignState, today: str) -> frozenset[str]:
    assert campaign.config
    if campaign.config.archived:
        return frozenset()
    return _marks_of(campaign.reasons, needs_of_campaign(campaign, today))


@cache
def _marks_of(reasons: Reason, needs: frozenset[Need]) -> frozenset[str]:
    """The marks, as one set for all campaigns that have the same, of which there may be a hundred thousand."""
    state = PAUSED if reasons else RUNNING
    return frozenset([state, *(it.value for it in needs if it in _NEEDS), *reason_names(reasons & ~_SHOWN_OTHERWISE)])
