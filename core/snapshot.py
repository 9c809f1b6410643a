"""Reads one snapshot, a platform's total of a campaign and a day so far, and turns it into the spend it adds.

The rules are those of docs/contract.md, "spend-snapshots".
"""

from datetime import date, timedelta
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec

from core.acceptance import (
    Tolerance,
    is_ahead,
    is_too_early,
    names_other_currency,
    other_currency,
    too_early,
    too_far_ahead,
)
from core.calendar import Zones, budget_day, day_of
from core.moment import Moment, format_moment, parse_moment
from core.money import format_money, parse_json_number, parse_money
from core.records import SnapshotAttributes, SpendEvent, SpendSnapshot
from core.refusal import Refusal, RefusalReason, invalid_field
from core.spend import MAX_VALUE_BYTES, bad_id, mask_half_pairs, too_large, valid_id, wrong_shape

__all__ = [
    "DAYS_HELD",
    "Snapshot",
    "counted_snapshot",
    "difference_event",
    "event_id_of",
    "is_expired",
    "read_snapshot",
    "snapshot_refusal",
]

#: Costs are held for so many days before the open one; an older day cannot be restated.
DAYS_HELD: Final = 62
_EVENT_ID_LENGTH_MAX: Final = 128


class Snapshot(NamedTuple):
    """A snapshot that is well formed; whether its brand exists and its day is open or held is for `decide` to say."""

    source: str
    brand_id: str
    campaign_id: str
    day: date
    cost_micros: int
    currency: str | None
    as_of: Moment


class _ExactCost(msgspec.Struct, frozen=True):
    cost: msgspec.Raw


_decode: Final = msgspec.json.Decoder(SpendSnapshot).decode


class _Attributes(msgspec.Struct, frozen=True):
    snapshot: SnapshotAttributes


_decode_attributes: Final = msgspec.json.Decoder(_Attributes).decode
_decode_cost: Final = msgspec.json.Decoder(_ExactCost).decode
_encode: Final = msgspec.json.Encoder().encode


def read_snapshot(value: bytes | None) -> Snapshot | Refusal:
    """The snapshot in a record's value, or why it is refused. A pure function of the bytes."""
    if value is not None and len(value) > MAX_VALUE_BYTES:
        return too_large(len(value))
    try:
        record, value = _record(value or b"")
        cost = _cost(record, value)
    except msgspec.ValidationError as error:
        return wrong_shape(error, "cost")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Refusal(RefusalReason.NOT_JSON, f"the value is not JSON: {error}")
    if isinstance(cost, Refusal):
        return Refusal(cost.reason, f"cost: {cost.message}")
    for field, text in (
        ("source", record.source),
        ("brand_id", record.brand_id),
        ("campaign_id", record.campaign_id),
    ):
        if not valid_id(text):
            return bad_id(field, text)
    try:
        day = msgspec.convert(record.day, date)  # strict, unlike date.fromisoformat
    except msgspec.ValidationError as error:
        return invalid_field(f"day: {error}")
    try:
        as_of = parse_moment(record.as_of)
    except ValueError as error:
        return invalid_field(f"as_of: {error}")
    return Snapshot(record.source, record.brand_id, record.campaign_id, day, cost, record.currency, as_of)


def snapshot_refusal(
    snapshot: Snapshot, currency: str, zones: Zones, now: Moment, arrival: Moment, tolerance: Tolerance
) -> Refusal | None:
    """Why the controller refuses the snapshot; None when it takes it, be it as one that changes nothing.

    `currency` and `zones` are those of its brand, `now` is the highest moment that the brand has seen.
    """
    if names_other_currency(snapshot.currency, currency):
        return other_currency(snapshot.currency, currency)
    if is_ahead(snapshot.as_of, arrival, tolerance):
        return too_far_ahead("as_of", snapshot.as_of, arrival, tolerance)
    open_day = budget_day(zones, now).date
    if snapshot.day > open_day:
        return Refusal(
            RefusalReason.OCCURRED_IN_FUTURE, f"day: {snapshot.day} is after the brand's open day {open_day}"
        )
    if is_expired(snapshot.day, open_day):
        return Refusal(
            RefusalReason.SNAPSHOT_TOO_OLD,
            f"day: {snapshot.day} is more than {DAYS_HELD} days before the brand's open day {open_day}",
        )
    span = day_of(zones, snapshot.day)
    if span.starts_at >= span.ends_at:
        return invalid_field(f"day: the brand's calendar has no {snapshot.day}: a change of its time zone skips it")
    occurred_at = _occurred_at(snapshot, zones, arrival)
    return too_early("day", occurred_at, arrival, tolerance) if is_too_early(occurred_at, arrival, tolerance) else None


def is_expired(day: date, open_day: date) -> bool:
    """Whether the costs of a day are no longer held."""
    return open_day - day > timedelta(days=DAYS_HELD)


def difference_event(snapshot: Snapshot, held_micros: int, zones: Zones, arrival: Moment) -> SpendEvent | None:
    """The spend event of what the snapshot adds to the cost held, negative where it was restated down; None for no
    difference. It is dated into the snapshot's day, and not ahead of the arrival as far as the day allows that."""
    difference = snapshot.cost_micros - held_micros
    if not difference:
        return None
    about = SnapshotAttributes(
        source=snapshot.source,
        day=snapshot.day.isoformat(),
        as_of=format_moment(snapshot.as_of),
        cost=format_money(snapshot.cost_micros),
    )
    return SpendEvent(
        event_id=event_id_of(snapshot),
        brand_id=snapshot.brand_id,
        campaign_id=snapshot.campaign_id,
        amount=format_money(difference),
        currency=snapshot.currency,
        occurred_at=format_moment(_occurred_at(snapshot, zones, arrival)),
        attributes=msgspec.Raw(_encode({"snapshot": about})),
    )


def _occurred_at(snapshot: Snapshot, zones: Zones, arrival: Moment) -> Moment:
    day = day_of(zones, snapshot.day)
    occurred_at = snapshot.as_of if day.starts_at <= snapshot.as_of < day.ends_at else day.ends_at - 1
    return max(day.starts_at, min(occurred_at, arrival))


def event_id_of(snapshot: Snapshot) -> str:
    """The id of the spend event that the snapshot makes: readable, or hashed where that would be too long. A colon of
    the source is written as %3A, so that source `a:b` of campaign `c` is not taken for source `a` of campaign `b:c`."""
    return _event_id(snapshot.source.replace(":", "%3A"), snapshot)


def _event_id(source: str, snapshot: Snapshot) -> str:
    name = f"{source}:{snapshot.campaign_id}:{snapshot.day.isoformat()}:{snapshot.as_of}"
    event_id = f"snapshot:{name}"
    return event_id if len(event_id) <= _EVENT_ID_LENGTH_MAX else f"snapshot:{sha256(name.encode()).hexdigest()}"


def counted_snapshot(event_id: str, brand_id: str, campaign_id: str, attributes: str) -> SpendSnapshot | None:
    """The snapshot that made a spend event, by the event's own attributes; None of spend that no snapshot made."""
    try:
        about = _decode_attributes(attributes).snapshot
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    record = SpendSnapshot(about.source, brand_id, campaign_id, about.day, about.cost, about.as_of)
    snapshot = read_snapshot(_encode(record))
    if isinstance(snapshot, Refusal):
        return None
    # Release 0.1.0 wrote the source as it is.
    return record if event_id in (event_id_of(snapshot), _event_id(snapshot.source, snapshot)) else None


def _record(value: bytes) -> tuple[SpendSnapshot, bytes]:
    """The record and the value that it was decoded from, without half pairs of surrogates."""
    try:
        return _decode(value), value
    except (msgspec.DecodeError, UnicodeDecodeError):
        masked = mask_half_pairs(value)
        if masked == value:
            raise
        return _decode(masked), masked


def _cost(record: SpendSnapshot, value: bytes) -> int | Refusal:
    """Micros, exactly; a float's text is read a second time because the decoder made a float of it."""
    if isinstance(record.cost, str):
        micros = parse_money(record.cost)
    else:
        micros = parse_json_number(bytes(_decode_cost(value).cost).decode())
    if isinstance(micros, int) and micros < 0:
        return Refusal(RefusalReason.AMOUNT_OUT_OF_RANGE, "a total so far is not negative")
    return micros
