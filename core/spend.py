"""Reads and checks a spend event, for controller and ledger alike (docs/contract.md, "spend-events")."""

import re
from functools import lru_cache
from typing import Final

import msgspec

from core.moment import Moment, parse_moment
from core.money import parse_json_number, parse_money
from core.records import SpendEvent
from core.refusal import Refusal, RefusalReason

__all__ = [
    "MAX_ATTRIBUTES_BYTES",
    "MAX_VALUE_BYTES",
    "Spend",
    "bad_id",
    "mask_half_pairs",
    "read_spend",
    "too_large",
    "valid_id",
    "wrong_shape",
]

MAX_VALUE_BYTES: Final = 64 * 1024
MAX_ATTRIBUTES_BYTES: Final = 2 * 1024
#: The decoder's own limit depends on who calls it, and controller and ledger must refuse the same events.
_DEPTH_MAX: Final = 256
#: Longer texts are no usual amounts, and are kept out of the cache.
_CACHED_LENGTH_MAX: Final = 64

_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
#: Both ids of an event at once. To look them up among those that are known to be right waits for memory.
_IDS: Final = re.compile(f"{_ID.pattern}/{_ID.pattern}", re.ASCII)
#: A whole pair, or any other escape, is passed over; half a pair is no group.
_HALF_PAIR: Final = re.compile(
    rb"(?P<whole>\\[^u]|\\u(?![dD][89a-fA-F])[0-9a-fA-F]{4}"
    rb"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
_JSON_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*"')


class Spend(msgspec.Struct, frozen=True, gc=False):
    """A well-formed spend event. Currency and date are not checked yet (core.acceptance)."""

    event_id: str
    brand_id: str
    campaign_id: str
    amount_micros: int
    currency: str | None
    occurred_at: Moment | None  # None means the arrival


class _ExactAmount(msgspec.Struct, frozen=True):
    amount: msgspec.Raw


_decode: Final = msgspec.json.Decoder(SpendEvent).decode
_decode_amount: Final = msgspec.json.Decoder(_ExactAmount).decode
_amount_of: Final = lru_cache(maxsize=65_536)(parse_money)


def read_spend(value: bytes | None) -> Spend | Refusal:
    """The spend event in a record's value, or why it is refused. A pure function of the bytes."""
    if value is None:
        return _refuse(RefusalReason.NOT_JSON, "the value is empty (a tombstone); a spend event is a JSON object")
    if len(value) > MAX_VALUE_BYTES:
        return too_large(len(value))
    if len(value) > _DEPTH_MAX and _nested_too_deep(value):
        return _refuse(RefusalReason.NOT_JSON, f"the value is nested more than {_DEPTH_MAX} deep")
    try:
        event = _decode(value)
    except msgspec.ValidationError as error:
        return wrong_shape(error, "amount")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        whole = _without_half_pairs(value)
        if whole is None:
            return _refuse(RefusalReason.NOT_JSON, f"the value is not JSON: {error}")
        event, value = whole
    return _check(event, value)


def _without_half_pairs(value: bytes) -> tuple[SpendEvent, bytes] | None:
    """The event as it is with U+FFFD in place of half pairs that nobody reads, and that value."""
    masked = mask_half_pairs(value)
    if masked == value:
        return None
    try:
        event = _decode(masked)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    read = (event.event_id, event.brand_id, event.campaign_id, event.currency, event.occurred_at, event.amount)
    return None if any("\ufffd" in text for text in read if isinstance(text, str)) else (event, masked)


def mask_half_pairs(value: bytes) -> bytes:
    """JSON with U+FFFD in place of each half pair of surrogates, such as half an emoji that was cut off, which is no
    text. In what nobody reads (attributes, unknown fields) it must not refuse the money."""
    return _HALF_PAIR.sub(lambda found: found["whole"] or rb"\ufffd", value)


def valid_id(text: str) -> bool:
    """Whether a brand_id or campaign_id is 1-64 of `A-Z a-z 0-9 . _ : -`."""
    return _ID.fullmatch(text) is not None


def bad_id(field: str, got: str) -> Refusal:
    """The refusal of a record whose `field` is no id."""
    return _refuse(RefusalReason.INVALID_FIELD, f"{field}: must be 1-64 of A-Z a-z 0-9 . _ : -, got {got[:80]!r}")


def too_large(length: int) -> Refusal:
    """The refusal of a record whose value has `length` bytes."""
    return _refuse(RefusalReason.TOO_LARGE, f"the value has {length} bytes, at most {MAX_VALUE_BYTES} are taken")


def _check(event: SpendEvent, value: bytes) -> Spend | Refusal:
    amount = event.amount
    if type(amount) is not str:
        micros = _number(value)
    elif len(amount) > _CACHED_LENGTH_MAX:
        micros = parse_money(amount)
    else:
        micros = _amount_of(amount)
    if isinstance(micros, Refusal):
        return Refusal(micros.reason, f"amount: {micros.message}")
    if micros == 0:
        return _refuse(RefusalReason.AMOUNT_ZERO, "amount: a spend event of zero says nothing")
    brand_id, campaign_id = event.brand_id, event.campaign_id
    if _IDS.fullmatch(f"{brand_id}/{campaign_id}") is None:
        return bad_id("campaign_id", campaign_id) if valid_id(brand_id) else bad_id("brand_id", brand_id)
    event_id = event.event_id
    if not event_id.isprintable() or not 0 < len(event_id) <= 128:
        return _refuse(RefusalReason.INVALID_FIELD, "event_id: must be 1-128 printable characters")
    if event.attributes and (problem := _wrong_attributes(bytes(event.attributes))):
        return problem
    occurred_at = None
    if event.occurred_at is not None:
        try:
            occurred_at = parse_moment(event.occurred_at)
        except ValueError as error:
            return _refuse(RefusalReason.INVALID_FIELD, f"occurred_at: {error}")
    return Spend(event_id, brand_id, campaign_id, micros, event.currency, occurred_at)


def _number(value: bytes) -> int | Refusal:
    """The exact text of a JSON number; decoded a second time because the first made a float of it."""
    return parse_json_number(bytes(_decode_amount(value).amount).decode())


def _wrong_attributes(raw: bytes) -> Refusal | None:
    if len(raw) > MAX_ATTRIBUTES_BYTES:
        return _refuse(
            RefusalReason.INVALID_FIELD, f"attributes: {len(raw)} bytes, at most {MAX_ATTRIBUTES_BYTES} are kept"
        )
    if raw.startswith(b"{") or raw == b"null":  # whether anybody can keep what is in it is no matter of money
        return None
    return _refuse(RefusalReason.INVALID_FIELD, "attributes: must be an object")


def wrong_shape(error: msgspec.ValidationError, money: str) -> Refusal:
    """The refusal of a record whose JSON lacks a field or has one of another type; `money` is its field of money."""
    # msgspec ends its sentence with the path ("… - at `$.amount`") or names a missing field itself.
    text = str(error)
    path = re.search(r"`\$\.([a-z_]+)", text)
    missing = re.search(r"required field `([a-z_]+)`", text)
    field = path or missing
    # A number that no float holds, such as 1e400, is an amount all the same.
    too_large = path and path.group(1) == money and "out of range" in text
    reason = RefusalReason.AMOUNT_OUT_OF_RANGE if too_large else RefusalReason.INVALID_FIELD
    return _refuse(reason, f"{field.group(1)}: {text}" if field else f"the value: {text}")


def _nested_too_deep(value: bytes) -> bool:
    if value.count(b"[") + value.count(b"{") <= _DEPTH_MAX:
        return False
    depth = 0
    for byte in _JSON_STRING.sub(b"", value):
        depth += (byte in b"[{") - (byte in b"]}")
        if depth > _DEPTH_MAX:
            return True
    return False


def _refuse(reason: RefusalReason, message: str) -> Refusal:
    return Refusal(reason, message)
