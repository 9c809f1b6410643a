"""Decodes dead letters: the original record and the refusal. `outbox` writes them."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec
from aiokafka import ConsumerRecord

from core.moment import Moment, format_moment, parse_moment
from streams.dead_letters.outbox import ARRIVAL_HEADER, ERROR_HEADERS, REASON_HEADER
from streams.kafka.headers import Headers

__all__ = ["DeadLetter", "read_dead_letter", "split_headers"]

#: The first header that a refusal adds: from the last one of this name on, headers are the refusal's.
_FIRST_OF_OURS: Final = f"{ERROR_HEADERS}exception"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`key`, `value` and `headers` are the original's, byte for byte."""

    partition: int  # of the dead letter itself
    offset: int
    refused_at: Moment
    arrived_at: Moment  # the original's arrival; that of the dead letter where no header has the original's
    reason: str | None
    message: str | None
    original_topic: str | None
    original_partition: int | None
    original_offset: int | None
    key: bytes | None
    value: bytes | None
    headers: Headers
    added: Headers  # the headers that the refusal added
    brand_id: str | None  # from the value, None where it cannot be decoded
    event_id: str | None

    @property
    def position(self) -> tuple[int, int]:
        """Partition and offset on the topic of dead letters."""
        return self.partition, self.offset


def read_dead_letter(record: ConsumerRecord) -> DeadLetter:
    """Decode any record of the topic. One that another program wrote has no reason and no original position."""
    headers, added = split_headers(record.headers)
    ours = {name: (value or b"").decode(errors="backslashreplace") for name, value in added}
    ids = _read_ids(record.value)
    refused_at = _formattable(record.timestamp)
    return DeadLetter(
        partition=record.partition,
        offset=record.offset,
        refused_at=refused_at,
        arrived_at=_arrival(ours.get(ARRIVAL_HEADER), refused_at),
        reason=ours.get(REASON_HEADER),
        message=ours.get(f"{ERROR_HEADERS}message"),
        original_topic=ours.get(f"{ERROR_HEADERS}topic"),
        original_partition=_number(ours.get(f"{ERROR_HEADERS}partition")),
        original_offset=_number(ours.get(f"{ERROR_HEADERS}offset")),
        key=record.key,
        value=record.value,
        headers=headers,
        added=added,
        brand_id=ids.brand_id,
        event_id=ids.event_id,
    )


def split_headers(headers: Headers) -> tuple[Headers, Headers]:
    """The original's headers, which may have the same names as ours, and the headers that the refusal added."""
    names = [name for name, _ in headers]
    if _FIRST_OF_OURS not in names:
        return tuple(headers), ()
    at = len(names) - 1 - names[::-1].index(_FIRST_OF_OURS)
    return tuple(headers[:at]), tuple(headers[at:])


class _Ids(msgspec.Struct):
    brand_id: str | None = None
    event_id: str | None = None


class _BrandId(msgspec.Struct):
    brand_id: str


def _read_ids(value: bytes | None) -> _Ids:
    """The ids in the value; where event_id is no string, the brand_id alone."""
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return msgspec.json.decode(value or b"", type=_Ids)
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Ids(msgspec.json.decode(value or b"", type=_BrandId).brand_id)
    return _Ids()


def _formattable(timestamp: Moment) -> Moment:
    """The timestamp; 0 where it is negative or cannot be formatted, as SPENDGATE_TIMESTAMPS=create allows."""
    try:
        format_moment(timestamp)
    except (ValueError, OverflowError):
        return 0
    return max(timestamp, 0)


def _arrival(text: str | None, refused_at: Moment) -> Moment:
    try:
        return refused_at if text is None else parse_moment(text)
    except ValueError:
        return refused_at


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None
