"""Decodes records of Kafka into rows of the ledger. Pure: no I/O."""

import re
from typing import Final, NamedTuple

import msgspec
import structlog
from aiokafka import ConsumerRecord

from core.acceptance import currency_refusal
from core.calendar import date_of
from core.catalog import BrandConfig
from core.correction import read_correction
from core.moment import Moment, format_moment, parse_moment
from core.partitioner import partition_of
from core.refusal import Refusal, RefusalReason
from core.spend import Spend, read_spend, valid_id
from ledger.ingest.brand_configs import BrandConfigs
from ledger.ingest.rows import AckRow, CommandRow, CorrectionRow, RefusalRow, ReplayedRow, SpendRow, UnbookedRow
from streams.dead_letters.outbox import arrival_of, is_from_ledger
from streams.kafka.codec import decode_ack, decode_command, decode_correction

__all__ = ["SkippedRecord", "ack_row", "command_row", "correction_row", "refusal_row", "spend_row"]

log = structlog.get_logger()

_KIP_1034: Final = "__streams.errors."
#: Reasons of the controller; it has counted what the ledger itself refused.
_CONTROLLERS_REASONS: Final = frozenset(RefusalReason) - {RefusalReason.NOT_STORABLE}


#: Epoch and sequence, as they end the id of a command.
_SEQUENCE: Final = re.compile(r"[1-9][0-9]{0,18}:[1-9][0-9]{0,18}", re.ASCII)
#: The most characters of an acknowledgement's `detail`; more is cut off.
_DETAIL_LENGTH: Final = 1_000


class SkippedRecord(NamedTuple):
    """A record that becomes no row; it is counted in a metric under `why`."""

    why: str


class _SpendAttributes(msgspec.Struct, frozen=True):
    attributes: msgspec.Raw = msgspec.Raw(b"null")


#: Not JSON, so PostgreSQL refuses it as attributes.
_NO_JSON: Final = "no JSON"
_decode_attributes: Final = msgspec.json.Decoder(_SpendAttributes).decode


def spend_row(
    record: ConsumerRecord, incarnation: int, brands: BrandConfigs, partitions: int
) -> SpendRow | UnbookedRow | Refusal | SkippedRecord:
    """The row of a spend record. A Refusal where a well-formed record cannot be booked, SkippedRecord where the
    controller refuses it or another record counts in its place."""
    spend = read_spend(record.value)
    if isinstance(spend, Refusal):
        return SkippedRecord(spend.reason.value)
    brand_id = spend.brand_id
    if record.key != brand_id.encode() or partition_of(brand_id, partitions) != record.partition:
        return SkippedRecord("misplaced")
    arrival = arrival_of(record) if record.headers else record.timestamp
    config = brands.config_for(spend, arrival)
    if config is not None and currency_refusal(spend, config.currency) is not None:
        return SkippedRecord(RefusalReason.CURRENCY_MISMATCH.value)
    try:
        format_moment(arrival)  # raises for a time that cannot be formatted
        if config is None:
            return UnbookedRow(incarnation, record.partition, record.offset, brand_id, arrival, record.value)
        return _booked(record, incarnation, spend, config, arrival)
    except (ValueError, OverflowError) as error:  # at the ends of time there is no day before or after
        return Refusal(RefusalReason.NOT_STORABLE, f"it cannot be booked to a day: {error}")


def command_row(record: ConsumerRecord) -> CommandRow | SkippedRecord:
    """The row of a command, with the exact bytes of its message."""
    value = record.value
    if value is None:
        return SkippedRecord("tombstone")
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
        return SkippedRecord("not_a_command")


def ack_row(record: ConsumerRecord, incarnation: int) -> AckRow | SkippedRecord:
    """The row of an acknowledgement, also of a command that the journal does not have (yet)."""
    try:
        ack = decode_ack(record.value or b"")
        sequence = ack.command_id.removeprefix(f"{ack.campaign_id}:")
        if not (valid_id(ack.campaign_id) and _SEQUENCE.fullmatch(sequence)):
            raise ValueError("the command is none of the campaign")
        format_moment(record.timestamp)  # raises for a time that nothing can write
        return AckRow(
            ack.command_id,
            ack.consumer.replace("\0", "\ufffd"),
            ack.outcome.value,
            ack.campaign_id,
            parse_moment(ack.applied_at),
            ack.detail and ack.detail.replace("\0", "\ufffd")[:_DETAIL_LENGTH],
            record.timestamp,
            incarnation,
            record.partition,
            record.offset,
        )
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as error:
        log.warning("not_an_ack", partition=record.partition, offset=record.offset, why=str(error)[:500])
        return SkippedRecord("not_an_ack")


def refusal_row(record: ConsumerRecord, spend_topic: str, incarnation: int) -> RefusalRow | SkippedRecord:
    """The row of a dead letter: the refused spend record's position, its ids and the reason.

    Where a header is repeated, the last one is the controller's. The headers have the topic's name without its
    incarnation: the controller writes no dead letter of a topic that was created again beside older dead letters.
    """
    headers = {name: (value or b"").decode(errors="replace").replace("\0", "\ufffd") for name, value in record.headers}
    reason = headers.get("spendgate-reason")
    if reason not in _CONTROLLERS_REASONS or headers.get(f"{_KIP_1034}topic") != spend_topic:
        return SkippedRecord("letter_of_others")
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
        return SkippedRecord("letter_without_origin")


def correction_row(record: ConsumerRecord, incarnation: int) -> CorrectionRow | SkippedRecord:
    """The row of a correction, also of one that the controller refused or applied before."""
    correction = read_correction(record.value)
    if isinstance(correction, Refusal):
        return SkippedRecord("not_a_correction")
    message = decode_correction(record.value)
    try:
        format_moment(record.timestamp)  # raises for a time that nothing can write
    except (ValueError, OverflowError):
        return SkippedRecord("not_a_correction")
    return CorrectionRow(
        incarnation,
        record.partition,
        record.offset,
        correction.correction_id.replace("\0", "\ufffd"),
        correction.brand_id,
        correction.campaign_id,
        correction.amount_micros,
        correction.booked_on,
        message.opening,
        message.reason.replace("\0", "\ufffd"),
        record.timestamp,
        record.value,
    )


def _booked(record: ConsumerRecord, incarnation: int, spend: Spend, config: BrandConfig, arrival: Moment) -> SpendRow:
    occurred_at = arrival if spend.occurred_at is None else spend.occurred_at
    kind = ReplayedRow if is_from_ledger(record) else SpendRow
    return kind(
        spend.brand_id,
        spend.event_id,
        spend.campaign_id,
        spend.amount_micros,
        config.currency,
        occurred_at,
        date_of(config.zones, occurred_at),
        arrival,
        incarnation,
        record.partition,
        record.offset,
        _attributes(record.value),
    )


def _attributes(value: bytes) -> str | None:
    # Most events have none, and decoding twice costs twice as much. The name may be written with escapes.
    if b'"attributes"' not in value and b"\\u" not in value:
        return None
    try:
        raw = bytes(_decode_attributes(value).attributes)
    except msgspec.DecodeError:  # half a surrogate pair, which must not refuse the money
        return _NO_JSON
    # Bytes that are not UTF-8 become an escape that JSON does not have, so PostgreSQL refuses the attributes: the row
    # is saved without them, and a dead letter has them.
    return None if raw == b"null" else raw.decode(errors="backslashreplace")
