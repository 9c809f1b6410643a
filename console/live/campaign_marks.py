"""What campaigns of a brand can be counted and filtered by: whether they run, what needs somebody, why they are paused.
Pure."""

from collections.abc import Mapping
from typing import Final

from console.live.needs import Need, needs_of_campaign
from core.reasons import Reason, reason_names
from core.state import BrandState

__all__ = ["MARKS", "PAUSED", "RUNNING", "campaign_marks"]

RUNNING: Final = "running"
PAUSED: Final = "paused"
_NEEDS: Final = (Need.OVER, Need.AFTER_PAUSE)
#: Reasons that a need shows already, or that only archived brands have.
_SHOWN_OTHERWISE: Final = Reason.ARCHIVED | Reason.CAMPAIGN_DAILY_BUDGET | Reason.CAMPAIGN_TOTAL_BUDGET
#: All of them in the order in which a page shows them.
MARKS: Final = (RUNNING, PAUSED, *(it.value for it in _NEEDS), *reason_names(~_SHOWN_OTHERWISE))


def campaign_marks(brand: BrandState | None) -> Mapping[str, frozenset[str]]:
    """By campaign id, of those that the controller knows and that are not archived."""
    if brand is None or brand.day is None:
        return {}
    today = brand.day.date.isoformat()
    return {
        it.campaign_id: frozenset(
            [
                PAUSED if it.reasons else RUNNING,
                *(need.value for need in needs_of_campaign(it, today) if need in _NEEDS),
                *reason_names(it.reasons & ~_SHOWN_OTHERWISE),
            ]
        )
        for it in brand.campaigns.values()
        if it.config and not it.config.archived
    }
