"""Whether the controller would take a spend event that was typed or read from a file; the answer is in its words."""

from streams.core.moment import SECOND, Moment
from streams.core.refusal import Refusal, RefusalReason
from streams.core.spend import Spend, read_spend
from streams.settings import Settings

__all__ = ["checked_spend"]


def checked_spend(value: bytes, settings: Settings, now: Moment) -> Spend | Refusal:
    """`now` stands for the arrival that it would have."""
    spend = read_spend(value)
    if isinstance(spend, Refusal) or spend.occurred_at is None:
        return spend
    tolerance = settings.future_tolerance_seconds
    if spend.occurred_at > now + tolerance * SECOND:
        return Refusal(RefusalReason.OCCURRED_IN_FUTURE, f"occurred_at may lie at most {tolerance} s ahead of now")
    return spend
