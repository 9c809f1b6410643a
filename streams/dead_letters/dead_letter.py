"""A dead letter read back: the original as it came, and why it was refused. `outbox` writes them."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec
from aiokafka import ConsumerRecord

from core.moment import Moment, format_moment, parse_moment
from streams.dead_letters.outbox import ARRIVAL_HEADER, ERROR_HEADERS, REASON_HEADER
from streams.kafka.headers import Headers

__all__ = ["DeadLetter", "parted", "read_dead_letter"]

#: The first of the headers that a refusal adds: what stands behind the last one of this name is ours.
_FIRST_OF_OURS: Final = f"{ERROR_HEADERS}exception"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`key`, `value` and `headers` are the original's, byte for byte."""

    partition: int  # of the letter itself
    offset: int
    refused_at: Moment
    arrived_at: Moment  # the original's arrival; that of the letter where it does not tell the original's
    reason: str | None
    message: str | None
    original_topic: str | None
    original_partition: int | None
    original_offset: int | None
    key: bytes | None
    value: bytes | None
    headers: Headers
    added: Headers  # what the refusal has added to them
    brand_id: str | None  # what the value says, where it can be read so far
    event_id: str | None

    @property
    def position(self) -> tuple[int, int]:
        return self.partition, self.offset


def read_dead_letter(record: ConsumerRecord) -> DeadLetter:
    """Whatever lies on the topic can be read; what somebody else put there has no reason and no origin."""
    headers, added = parted(record.headers)
    ours = {name: (value or b"").decode(errors="backslashreplace") for name, value in added}
    named = _read_ids(record.value)
    refused_at = _writable(record.timestamp)
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
        brand_id=named.brand_id,
        event_id=named.event_id,
    )


def parted(headers: Headers) -> tuple[Headers, Headers]:
    """The original's headers, which may be named like ours, and those that the refusal has added."""
    names = [name for name, _ in headers]
    if _FIRST_OF_OURS not in names:
        return tuple(headers), ()
    at = len(names) - 1 - names[::-1].index(_FIRST_OF_OURS)
    return tuple(headers[:at]), tuple(headers[at:])


class _Named(msgspec.Struct):
    brand_id: str | None = None
    event_id: str | None = None


class _Branded(msgspec.Struct):
    brand_id: str


def _read_ids(value: bytes | None) -> _Named:
    """An event_id that is no text must not hide the brand."""
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return msgspec.json.decode(value or b"", type=_Named)
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Named(msgspec.json.decode(value or b"", type=_Branded).brand_id)
    return _Named()


def _writable(timestamp: Moment) -> Moment:
    """With SPENDGATE_TIMESTAMPS=create anybody can forge a time that no text can hold; it counts as none."""
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
