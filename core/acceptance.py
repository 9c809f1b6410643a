"""Whether the controller accepts a spend event or a new version of a brand's document: one rule for all who ask.

`decide` applies it to records of Kafka. Whoever is about to send a record asks here before, and the ledger asks here
what the controller has done. The rules are those of docs/contract.md, "spend-events" and "catalog".
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from core.catalog import BrandConfig
from core.moment import HOUR, SECOND, Moment
from core.refusal import Refusal, RefusalReason
from core.spend import Spend, read_spend

__all__ = [
    "FOREVER",
    "Tolerance",
    "currency_refusal",
    "date_refusal",
    "is_ahead",
    "is_too_early",
    "names_other_currency",
    "other_currency",
    "read_acceptable",
    "refusal_of",
    "replaces",
    "too_early",
    "too_far_ahead",
    "unknown_brand",
]

_DAY: Final = 24 * HOUR
#: More milliseconds than lie between any two moments.
FOREVER: Final = 1 << 60


class Tolerance(NamedTuple):
    """How far, in milliseconds, `occurred_at` may lie after the arrival, and how far before it."""

    ahead_ms: int = 300_000
    behind_ms: int = FOREVER


def refusal_of(spend: Spend, currency: str | None, arrival: Moment, tolerance: Tolerance) -> Refusal | None:
    """Why the controller refuses the event; None when it counts it or knows it as a duplicate.

    `currency` is that of the event's brand, None for a brand that does not exist.
    """
    if currency is None:
        return unknown_brand(spend.brand_id)
    # names_other_currency, is_ahead and is_too_early, without the calls
    if spend.currency is not None and spend.currency != currency:
        return other_currency(spend.currency, currency)
    occurred_at = spend.occurred_at
    if occurred_at is not None:
        if occurred_at > arrival + tolerance.ahead_ms:
            return too_far_ahead("occurred_at", occurred_at, arrival, tolerance)
        if arrival - occurred_at > tolerance.behind_ms:
            return too_early("occurred_at", occurred_at, arrival, tolerance)
    return None


def read_acceptable(
    value: bytes, currency_of: Callable[[str], str | None], arrival: Moment, tolerance: Tolerance
) -> Spend | Refusal:
    """The event in a value that is about to be sent, or why the controller would refuse it.

    `currency_of` maps a brand_id to the brand's currency, None for a brand that does not exist.
    """
    spend = read_spend(value)
    if isinstance(spend, Refusal):
        return spend
    return refusal_of(spend, currency_of(spend.brand_id), arrival, tolerance) or spend


def other_currency(currency: str | None, of_brand: str) -> Refusal:
    """The refusal of a record that names another currency than its brand's."""
    return Refusal(RefusalReason.CURRENCY_MISMATCH, f"currency: {currency!r:.20} where the brand has {of_brand}")


def too_far_ahead(field: str, moment: Moment, arrival: Moment, tolerance: Tolerance) -> Refusal:
    """The refusal of a record whose `field` lies further ahead of its arrival than is taken."""
    ahead, most = (moment - arrival) / SECOND, tolerance.ahead_ms / SECOND
    message = f"{field}: {ahead:.3f} s ahead of arrival, at most {most:g} s are taken"
    return Refusal(RefusalReason.OCCURRED_IN_FUTURE, message)


def too_early(field: str, moment: Moment, arrival: Moment, tolerance: Tolerance) -> Refusal:
    """The refusal of a record whose `field` lies further before its arrival than is taken."""
    before, most = (arrival - moment) / _DAY, tolerance.behind_ms / _DAY
    message = f"{field}: {before:.3f} days before arrival, at most {most:g} are taken"
    return Refusal(RefusalReason.OCCURRED_TOO_EARLY, message)


def unknown_brand(brand_id: str) -> Refusal:
    """The refusal of a record whose brand does not exist."""
    return Refusal(RefusalReason.UNKNOWN_BRAND, f"brand_id: no brand {brand_id}; add it first")


def currency_refusal(spend: Spend, currency: str) -> Refusal | None:
    """Why the currency that the event names is refused: it may name none, or its brand's."""
    return refusal_of(spend, currency, spend.occurred_at or 0, Tolerance())


def date_refusal(spend: Spend, arrival: Moment, tolerance: Tolerance) -> Refusal | None:
    """Why the event's date is refused: `occurred_at` lies too far after the arrival, or before it."""
    return refusal_of(spend, spend.currency or "", arrival, tolerance)


def names_other_currency(named: str | None, of_brand: str) -> bool:
    """Whether a record names a currency, and not its brand's."""
    return named is not None and named != of_brand


def is_ahead(occurred_at: Moment, arrival: Moment, tolerance: Tolerance) -> bool:
    """Whether `occurred_at` lies further after the arrival than is taken."""
    return occurred_at > arrival + tolerance.ahead_ms


def is_too_early(occurred_at: Moment, arrival: Moment, tolerance: Tolerance) -> bool:
    """Whether `occurred_at` lies further before the arrival than is taken."""
    return arrival - occurred_at > tolerance.behind_ms


def replaces(held: BrandConfig | None, new: BrandConfig, has_spend: bool) -> bool:
    """Whether a brand's document takes effect over the one held: its version is higher, and its currency is the same
    or the brand has no spend yet."""
    return held is None or (new.version > held.version and (not has_spend or new.currency == held.currency))
