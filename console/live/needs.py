"""What about a brand or campaign needs a person now: the conditions of `budget-alerts`, and how its month stands. Pure.

What the controller raises as alerts is asked of the state that raised them, and what exhausts a budget of the state
that pauses by it.
"""

from collections.abc import Collection
from enum import StrEnum
from typing import Final

from core.moment import HOUR, Moment
from core.state import BrandState, CampaignState

__all__ = ["NEED_LABELS", "Need", "in_order", "needs_of_campaign", "needs_of_state", "needs_of_time"]

#: By so many points of the month a brand is ahead of or behind its budget.
_POINTS: Final = 5
_SOON: Final = 2 * HOUR


class Need(StrEnum):
    """The most urgent first: the order in which the overview shows and sorts them."""

    OVER = "over"
    SOON = "soon"
    AHEAD = "ahead"
    BEHIND = "behind"
    SILENT = "silent"
    AFTER_PAUSE = "after_pause"
    UNKNOWN_CAMPAIGN = "unknown_campaign"
    BY_HAND = "by_hand"


NEED_LABELS: Final = {
    Need.OVER: "used up",
    Need.SOON: "gone within 2 h",
    Need.AHEAD: "ahead of the month",
    Need.BEHIND: "behind the month",
    Need.SILENT: "silent",
    Need.AFTER_PAUSE: "spend after a pause",
    Need.UNKNOWN_CAMPAIGN: "unknown campaign",
    Need.BY_HAND: "paused by hand",
}


def in_order(needs: Collection[Need]) -> list[Need]:
    """The needs, the most urgent first."""
    return [it for it in Need if it in needs]


def needs_of_state(brand: BrandState) -> frozenset[Need]:
    """The needs that do not depend on the present time."""
    assert brand.config and brand.day
    if brand.config.archived:
        return frozenset()
    found = set()
    if brand.daily_exhausted or brand.monthly_exhausted:
        found.add(Need.OVER)
    if brand.silence is not None and brand.silence.now:
        found.add(Need.SILENT)
    if not brand.config.enabled:
        found.add(Need.BY_HAND)
    for campaign in brand.campaigns.values():
        found |= needs_of_campaign(campaign, brand.day.date.isoformat()) - {Need.OVER}
    return frozenset(found)


def needs_of_time(
    runs_out_at: Moment | None, points: int | None, now: Moment, *, is_enabled: bool = True
) -> frozenset[Need]:
    """The needs that depend on the present time. `runs_out_at` is the moment at which the day's budget will be gone,
    `points` are those of `MonthProgress`."""
    found = set()
    if runs_out_at is not None and runs_out_at <= now + _SOON:
        found.add(Need.SOON)
    if points is not None and is_enabled and abs(points) >= _POINTS:
        found.add(Need.AHEAD if points > 0 else Need.BEHIND)
    return frozenset(found)


def needs_of_campaign(campaign: CampaignState, today: str) -> frozenset[Need]:
    """The needs of a campaign by its own budgets; those of the brand's budgets are the brand's. `today` is the date of
    the brand's open day."""
    config = campaign.config
    if config is None:
        return frozenset({Need.UNKNOWN_CAMPAIGN} if campaign.unknown_on == today else ())
    found = set()
    if not config.archived and (campaign.daily_exhausted or campaign.total_exhausted):
        found.add(Need.OVER)
    if not config.enabled and not config.archived:
        found.add(Need.BY_HAND)
    if campaign.pause is not None and campaign.pause.alert_id is not None:
        found.add(Need.AFTER_PAUSE)
    return frozenset(found)
