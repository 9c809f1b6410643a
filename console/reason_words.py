"""The reasons of a pause as people say them."""

from collections.abc import Iterable
from typing import Final

__all__ = ["REASON_WORDS", "in_words"]

REASON_WORDS: Final = {
    "archived": "it is archived",
    "campaign_daily_budget": "the campaign's daily budget is used up",
    "campaign_total_budget": "the campaign's total budget is used up",
    "daily_budget": "the brand's daily budget is used up",
    "flight": "its flight has not begun or is over",
    "invalid": "its catalog document cannot be used",
    "manual": "an operator paused it",
    "monthly_budget": "the brand's monthly budget is used up",
    "schedule": "outside its windows",
}


def in_words(reasons: Iterable[str]) -> str:
    """All of them in one phrase; a reason of a newer release is shown by its name."""
    return " and ".join(REASON_WORDS.get(reason, reason) for reason in reasons)
