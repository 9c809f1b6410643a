"""Checks a spend event of a file as the controller would."""

from core.acceptance import date_refusal, refusal_of
from core.moment import Moment
from core.refusal import Refusal
from core.spend import Spend
from streams.settings import Settings

__all__ = ["import_refusal"]


def import_refusal(spend: Spend, currency: str | None, now: Moment, settings: Settings) -> Refusal | None:
    """The controller's refusal of an event that arrives `now`, or None; `currency` is the brand's. An event of a brand
    that does not exist (None) is not refused: it becomes a dead letter, which is replayed once the brand is added."""
    if currency is None:
        return date_refusal(spend, now, settings.tolerance)
    return refusal_of(spend, currency, now, settings.tolerance)
