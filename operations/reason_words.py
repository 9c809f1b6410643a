"""Describes the reasons of a pause in words."""

from collections.abc import Iterable
from typing import Final

__all__ = ["REASON_WORDS", "command_in_words", "in_words", "reason_words"]

REASON_WORDS: Final = {
    "archived": "it is archived",
    "campaign_daily_budget": "the campaign's daily budget is used up",
    "campaign_total_budget": "the campaign's total budget is used up",
    "daily_budget": "the brand's daily budget is used up",
    "flight": "its flight has not begun or is over",
    "invalid": "its catalog document cannot be used",
    "manual": "an operator paused it",
    "monthly_budget": "the brand's monthly budget is used up",
    "pacing": "the brand's allowance for the day is used up",
    "schedule": "outside its windows",
}


_FLIGHT: Final = "flight"
_OVER_WORDS: Final = "its flight is over"
_NOT_BEGUN_WORDS: Final = "its flight has not begun"
_NO_RETURN_WORDS: Final = "its flight is over or has no window"


def reason_words(reason: str, flight_is_over: bool | None = None) -> str:
    """The words of a reason; the name itself for a reason of a newer release. `flight_is_over` is None where it is not
    known."""
    if reason == _FLIGHT and flight_is_over is not None:
        return _OVER_WORDS if flight_is_over else _NOT_BEGUN_WORDS
    return REASON_WORDS.get(reason, reason)


def in_words(reasons: Iterable[str], flight_is_over: bool | None = None) -> str:
    """The reasons in one phrase."""
    return " and ".join(reason_words(name, flight_is_over) for name in reasons)


def command_in_words(reasons: Iterable[str], resumes_at: str | None) -> str:
    """The reasons of a command, which has no flight, in one phrase. A flight that time alone would begin has not begun;
    one that is the only reason and has no `resumes_at` is over, or no window opens in it."""
    names = list(reasons)
    if names == [_FLIGHT] and resumes_at is None:
        return _NO_RETURN_WORDS
    return in_words(names, False if resumes_at else None)
