"""Reasons why a campaign may not run. It runs if and only if its set of reasons is empty."""

from collections.abc import Iterable
from enum import IntFlag
from functools import lru_cache
from typing import Final

__all__ = ["NO_REASONS", "Reason", "reason_names", "reasons_from_names"]


class Reason(IntFlag):
    """A set of reasons is one number. The order is that of the names, so that a set lists itself sorted."""

    ARCHIVED = 1  # of the brand or the campaign
    CAMPAIGN_DAILY_BUDGET = 2
    CAMPAIGN_TOTAL_BUDGET = 4
    DAILY_BUDGET = 8  # the brand's
    FLIGHT = 16  # before starts_on or after ends_on
    INVALID = 32  # the campaign's catalog document cannot be used
    MANUAL = 64  # the operator's own pause, of the brand or the campaign
    MONTHLY_BUDGET = 128  # the brand's
    PACING = 256  # the brand's allowance of the day is spent
    SCHEDULE = 512  # outside every daypart window


NO_REASONS: Final = Reason(0)


@lru_cache(maxsize=1024)
def reason_names(reasons: Reason) -> tuple[str, ...]:
    """The names as a command has them (docs/contract.md, "campaign-control"), sorted."""
    return tuple(reason.name.lower() for reason in Reason if reason in reasons and reason.name)


def reasons_from_names(names: Iterable[str]) -> Reason:
    """The set with these names. Raises KeyError for a name that is none."""
    reasons = NO_REASONS
    for name in names:
        reasons |= Reason[name.upper()]
    return reasons
