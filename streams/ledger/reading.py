"""Records of Kafka to rows of the ledger, without any I/O."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec
import structlog
from aiokafka import ConsumerRecord

from streams.core.calendar import date_of
from streams.core.correction import read_correction
from streams.core.moment import Moment, format_moment, parse_moment
from streams.core.partitioner import partition_of
from streams.core.refusal import Refusal, RefusalReason
from streams.core.spend import Spend, read_spend
from streams.core.terms import BrandTerms
from streams.dead_letters import arrival_of, is_replayed
from streams.ledger.rows import CommandRow, CorrectionRow, RefusalRow, ReplayedRow, SpendRow, UnbookedRow
from streams.records import decode_command, decode_correction

__all__ = ["Skipped", "command_row", "correction_row", "refusal_row", "spend_row"]

log = structlog.get_logger()

_KIP_1034: Final = "__streams.errors."
#: What the ledger itself refused was counted by the controller.
_CONTROLLERS_REASONS: Final = frozenset(RefusalReason) - {RefusalReason.NOT_STORABLE}


class Skipped(NamedTuple):
    """The record is no row, and nobody needs to be told but a metric."""

    why: str


class _Attributes(msgspec.Struct, frozen=True):
    attributes: msgspec.Raw = msgspec.Raw(b"null")


_decode_attributes: Final = msgspec.json.Decoder(_Attributes).decode


def spend_row(
    record: ConsumerRecord, incarnation: int, brands: Mapping[str, BrandTerms], partitions: int
) -> SpendRow | UnbookedRow | Refusal | Skipped:
    """The row, or the reason for which this record, which is well formed, can be none."""
    spend = read_spend(record.value)
    if isinstance(spend, Refusal):
        return Skipped(spend.reason.value)
    brand_id = spend.brand_id
    if record.key != brand_id.encode() or partition_of(brand_id, partitions) != record.partition:
        return Skipped("misplaced")
    terms = brands.get(brand_id)
    arrival = arrival_of(record) if record.headers else record.timestamp
    if terms is not None and spend.currency is not None and spend.currency != terms.currency:
        return Skipped(RefusalReason.CURRENCY_MISMATCH.value)
    try:
        format_moment(arrival)  # raises for a time that nothing can write
        if terms is None:
            return UnbookedRow(incarnation, record.partition, record.offset, brand_id, arrival, record.value)
        return _booked(record, incarnation, spend, terms, arrival)
    except (ValueError, OverflowError) as error:  # at the ends of time there is no day before or after
        return Refusal(RefusalReason.NOT_STORABLE, f"it cannot be booked to a day: {error}")


def command_row(record: ConsumerRecord) -> CommandRow | Skipped:
    value = record.value
    if value is None:
        return Skipped("tombstone")
    try:
        command = decode_command(value)
        return CommandRow(
            command.command_id,
            command.campaign_id,
            command.brand_id,
            command.epoch,
            command.sequence,
            command.action.value,
            tuple(command.reasons),
            parse_moment(command.decided_at),
            value.decode(),
            value,
            record.topic,
            record.partition,
            record.offset,
        )
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        log.warning("not_a_command", partition=record.partition, offset=record.offset, why=str(error))
        return Skipped("not_a_command")


def refusal_row(record: ConsumerRecord, spend_topic: str, incarnation: int) -> RefusalRow | Skipped:
    """Which spend record a dead letter speaks of; the last header of a name is the controller's own. A letter names
    the topic alone: the controller writes none for a topic that was made anew beside an old topic of letters."""
    headers = {name: (value or b"").decode(errors="replace").replace("\0", "\ufffd") for name, value in record.headers}
    reason = headers.get("spendgate-reason")
    if reason not in _CONTROLLERS_REASONS or headers.get(f"{_KIP_1034}topic") != spend_topic:
        return Skipped("letter_of_others")
    spend = read_spend(record.value)
    brand_id, event_id = (spend.brand_id, spend.event_id) if isinstance(spend, Spend) else (None, None)
    try:
        format_moment(record.timestamp)  # raises for a time that nothing can write
        return RefusalRow(
            incarnation,
            int(headers[f"{_KIP_1034}partition"]),
            int(headers[f"{_KIP_1034}offset"]),
            brand_id,
            event_id,
            reason,
            headers.get(f"{_KIP_1034}message", ""),
            record.timestamp,
            record.partition,
            record.offset,
        )
    except (KeyError, ValueError, OverflowError):
        return Skipped("letter_without_origin")


def correction_row(record: ConsumerRecord, incarnation: int) -> CorrectionRow | Skipped:
    """What changes the controller's totals, or would: one that it refused, or has had before, stands here too."""
    correction = read_correction(record.value)
    if isinstance(correction, Refusal):
        return Skipped("not_a_correction")
    told = decode_correction(record.value)
    try:
        format_moment(record.timestamp)  # raises for a time that nothing can write
    except (ValueError, OverflowError):
        return Skipped("not_a_correction")
    return CorrectionRow(
        incarnation,
        record.partition,
        record.offset,
        correction.correction_id.replace("\0", "\ufffd"),
        correction.brand_id,
        correction.campaign_id,
        correction.amount_micros,
        correction.booked_on,
        told.opening,
        told.reason.replace("\0", "\ufffd"),
        record.timestamp,
        record.value,
    )


def _booked(record: ConsumerRecord, incarnation: int, spend: Spend, terms: BrandTerms, arrival: Moment) -> SpendRow:
    occurred_at = arrival if spend.occurred_at is None else spend.occurred_at
    kind = ReplayedRow if is_replayed(record) else SpendRow
    return kind(
        spend.brand_id,
        spend.event_id,
        spend.campaign_id,
        spend.amount_micros,
        terms.currency,
        occurred_at,
        date_of(terms.zones, occurred_at),
        arrival,
        incarnation,
        record.partition,
        record.offset,
        _attributes(record.value),
    )


def _attributes(value: bytes) -> str | None:
    # Most events have none, and a second look costs as much as the first. A name may be written with escapes.
    if b'"attributes"' not in value and b"\\u" not in value:
        return None
    raw = bytes(_decode_attributes(value).attributes)
    return None if raw == b"null" else raw.decode()
