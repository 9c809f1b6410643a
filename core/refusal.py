"""Refusals of a record, a document or a typed value: values, not exceptions (docs/contract.md, "spend-events.dlq")."""

from enum import StrEnum
from typing import NamedTuple

__all__ = ["Refusal", "RefusalReason", "invalid_field"]


class RefusalReason(StrEnum):
    """The values of a dead letter's header `spendgate-reason`."""

    NOT_JSON = "not_json"
    INVALID_FIELD = "invalid_field"
    AMOUNT_ZERO = "amount_zero"
    AMOUNT_PRECISION = "amount_precision"
    AMOUNT_OUT_OF_RANGE = "amount_out_of_range"
    CURRENCY_MISMATCH = "currency_mismatch"
    OCCURRED_IN_FUTURE = "occurred_in_future"
    OCCURRED_TOO_EARLY = "occurred_too_early"
    SNAPSHOT_TOO_OLD = "snapshot_too_old"
    ARRIVAL_IN_FUTURE = "arrival_in_future"
    UNKNOWN_BRAND = "unknown_brand"
    MISPLACED = "misplaced"
    TOO_LARGE = "too_large"
    UNDECIDABLE = "undecidable"  # the decision raised: a defect of Spendgate, not of the record
    NOT_STORABLE = "not_storable"  # by the ledger alone, after the controller has counted it


class Refusal(NamedTuple):
    """The reason, and one sentence for people that names the field and what to do."""

    reason: RefusalReason
    message: str


def invalid_field(message: str) -> Refusal:
    """The refusal of a record or line with a field that cannot be taken, or without the form of one."""
    return Refusal(RefusalReason.INVALID_FIELD, message)
