"""Reads and checks a record of `spend-corrections`."""

from datetime import date
from typing import Final, NamedTuple

import msgspec

from core.json_money import RefusedNumber, decoder_with_money
from core.money import parse_money
from core.records import SpendCorrection
from core.refusal import Refusal, RefusalReason, invalid_field
from core.spend import valid_id

__all__ = ["Correction", "read_correction"]

_decode: Final = decoder_with_money(SpendCorrection)


class Correction(NamedTuple):
    """A well-formed correction; whether its brand exists is for the decision to say."""

    correction_id: str
    brand_id: str
    campaign_id: str
    amount_micros: int
    booked_on: date
    opening: bool = False  # what was spent before a replay began: known when the day began


def read_correction(value: bytes | None) -> Correction | Refusal:
    """The correction in a record's value, or why it is refused: NOT_JSON, INVALID_FIELD or a refusal of the amount."""
    try:
        record = _decode(value or b"")
    except msgspec.ValidationError as error:
        return invalid_field(str(error))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Refusal(RefusalReason.NOT_JSON, f"the value is not JSON: {error}")
    except RefusedNumber as error:
        return Refusal(error.refusal.reason, str(error))
    try:
        booked_on = msgspec.convert(record.booked_on, date)  # strict, unlike date.fromisoformat
    except msgspec.ValidationError as error:
        return invalid_field(f"booked_on: {error}")
    amount = parse_money(record.amount)
    if isinstance(amount, Refusal):
        return Refusal(amount.reason, f"amount: {amount.message}")
    for field, text in (("brand_id", record.brand_id), ("campaign_id", record.campaign_id)):
        if not valid_id(text):
            return invalid_field(f"{field}: not an id: {text[:80]!r}")
    return Correction(record.correction_id, record.brand_id, record.campaign_id, amount, booked_on, record.opening)
