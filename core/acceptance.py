"""Whether the controller accepts a spend event or a new version of a brand's document: one rule for all who ask.

`decide` applies it to records of Kafka. Whoever is about to send a record asks here before, and the ledger asks here
what the controller has done. The rules are those of docs/contract.md, "spend-events" and "catalog".
"""

from collections.abc import Callable

from core.catalog import BrandConfig
from core.moment import SECOND, Moment
from core.refusal import Refusal, RefusalReason
from core.spend import Spend, read_spend

__all__ = [
    "currency_refusal",
    "date_refusal",
    "is_ahead",
    "other_currency",
    "read_acceptable",
    "refusal_of",
    "replaces",
    "too_far_ahead",
    "unknown_brand",
]


def refusal_of(spend: Spend, currency: str | None, arrival: Moment, tolerance_ms: int) -> Refusal | None:
    """Why the controller refuses the event; None when it counts it or knows it as a duplicate.

    `currency` is that of the event's brand, None for a brand that does not exist. `arrival` and `tolerance_ms` are in
    milliseconds: `occurred_at` may lie at most `tolerance_ms` after `arrival`.
    """
    if currency is None:
        return unknown_brand(spend.brand_id)
    if spend.currency is not None and spend.currency != currency:
        return other_currency(spend.currency, currency)
    occurred_at = spend.occurred_at
    if occurred_at is not None and occurred_at > arrival + tolerance_ms:  # is_ahead, without the call
        return too_far_ahead("occurred_at", occurred_at, arrival, tolerance_ms)
    return None


def read_acceptable(
    value: bytes, currency_of: Callable[[str], str | None], arrival: Moment, tolerance_ms: int
) -> Spend | Refusal:
    """The event in a value that is about to be sent, or why the controller would refuse it.

    `currency_of` maps a brand_id to the brand's currency, None for a brand that does not exist.
    """
    spend = read_spend(value)
    if isinstance(spend, Refusal):
        return spend
    return refusal_of(spend, currency_of(spend.brand_id), arrival, tolerance_ms) or spend


def other_currency(currency: str | None, of_brand: str) -> Refusal:
    """The refusal of a record that names another currency than its brand's."""
    return Refusal(RefusalReason.CURRENCY_MISMATCH, f"currency: {currency!r:.20} where the brand has {of_brand}")


def too_far_ahead(field: str, moment: Moment, arrival: Moment, tolerance_ms: int) -> Refusal:
    """The refusal of a record whose `field` lies further ahead of its arrival than is taken."""
    return Refusal(
        RefusalReason.OCCURRED_IN_FUTURE,
        f"{field}: {(moment - arrival) / SECOND:.3f} s ahead of arrival, at most {tolerance_ms / SECOND:g} s are taken",
    )


def unknown_brand(brand_id: str) -> Refusal:
    """The refusal of a record whose brand does not exist."""
    return Refusal(RefusalReason.UNKNOWN_BRAND, f"brand_id: no brand {brand_id}; add it first")


def currency_refusal(spend: Spend, currency: str) -> Refusal | None:
    """Why the currency that the event names is refused: it may name none, or its brand's."""
    return refusal_of(spend, currency, spend.occurred_at or 0, 0)


def date_refusal(spend: Spend, arrival: Moment, tolerance_ms: int) -> Refusal | None:
    """Why the event's date is refused: `occurred_at` may lie at most `tolerance_ms` after the arrival."""
    return refusal_of(spend, spend.currency or "", arrival, tolerance_ms)


def is_ahead(occurred_at: Moment, arrival: Moment, tolerance_ms: int) -> bool:
    """Whether `occurred_at` lies more than `tolerance_ms` after the arrival."""
    return occurred_at > arrival + tolerance_ms


def replaces(held: BrandConfig | None, new: BrandConfig, has_spend: bool) -> bool:
    """Whether a brand's document takes effect over the one held: its version is higher, and its currency is the same
    or the brand has no spend yet."""
    return held is None or (new.version > held.version and (not has_spend or new.currency == held.currency))
