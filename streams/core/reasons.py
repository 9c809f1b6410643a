"""Why a campaign may not run. It runs if and only if its set of reasons is empty."""

from enum import IntFlag
from functools import lru_cache
from typing import Final

__all__ = ["NO_REASONS", "Reason", "reason_names", "reasons_from_names"]


class Reason(IntFlag):
    """A set of reasons is one number. The order is that of the names, so that a set lists itself sorted."""

    ARCHIVED = 1  # the brand or the campaign is put away
    CAMPAIGN_DAILY_BUDGET = 2
    CAMPAIGN_TOTAL_BUDGET = 4
    DAILY_BUDGET = 8  # the brand's
    FLIGHT = 16  # before starts_on or after ends_on
    INVALID = 32  # the campaign's catalog document cannot be used
    MANUAL = 64  # the operator's own pause, of the brand or the campaign
    MONTHLY_BUDGET = 128  # the brand's
    SCHEDULE = 256  # outside every daypart window


NO_REASONS: Final = Reason(0)


@lru_cache(maxsize=512)
def reason_names(reasons: Reason) -> tuple[str, ...]:
    """The names as CONTRACT writes them, sorted."""
    return tuple(reason.name.lower() for reason in Reason if reason in reasons and reason.name)


def reasons_from_names(names: list[str]) -> Reason:
    """The set with these names."""
    reasons = NO_REASONS
    for name in names:
        reasons |= Reason[name.upper()]
    return reasons
