"""Whether the controller would refuse a spend event of a file."""

from core.acceptance import date_refusal, refusal_of
from core.moment import SECOND, Moment
from core.refusal import Refusal
from core.spend import Spend
from streams.settings import Settings

__all__ = ["import_refusal"]


def import_refusal(spend: Spend, currency: str | None, now: Moment, settings: Settings) -> Refusal | None:
    """`now` stands for the arrival, `currency` is the brand's. An event of a brand that does not exist (None) is sent
    all the same: it becomes a dead letter, which is replayed once the brand is added."""
    tolerance_ms = settings.future_tolerance_seconds * SECOND
    if currency is None:
        return date_refusal(spend, now, tolerance_ms)
    return refusal_of(spend, currency, now, tolerance_ms)
