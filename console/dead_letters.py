"""Reading the dead letters: which there are, and one of them in full."""

import base64
import re
from typing import Final, NamedTuple

import msgspec
from aiokafka import ConsumerRecord

from console.views import Json
from streams.core.moment import format_moment
from streams.errors import NotFound, RefusedValue
from streams.settings import Settings
from streams.topic_reader import topic_reader
from streams.topics import Topic

__all__ = ["Position", "details", "find", "latest", "letter_position", "summary"]

_ID: Final = re.compile(r"(\d{1,5})/(\d{1,18})", re.ASCII)
_ORIGIN: Final = "__streams.errors."


class Position(NamedTuple):
    partition: int
    offset: int


def letter_position(text: str) -> Position:
    """Read an id as `summary` writes it."""
    match = _ID.fullmatch(text)
    if match is None:
        raise RefusedValue(
            f"{text[:40]!r} is no dead letter: write partition/offset, as `spendgate dlq list` shows it."
        )
    return Position(int(match[1]), int(match[2]))


async def latest(
    settings: Settings, *, reason: str | None = None, brand_id: str | None = None, limit: int = 100
) -> list[ConsumerRecord]:
    """The newest letters that fit, oldest first."""
    async with topic_reader(settings, Topic.DEAD_LETTERS) as reader:
        letters = [
            record
            async for record in reader.to_end()
            if (reason is None or _header(record, "spendgate-reason") == reason)
            and (brand_id is None or _is_of(record, brand_id))
        ]
    return sorted(letters, key=lambda record: (record.timestamp, record.partition, record.offset))[-limit:]


async def find(settings: Settings, position: Position) -> ConsumerRecord:
    async with topic_reader(settings, Topic.DEAD_LETTERS) as reader:
        ends = await reader.ends()
        if position.offset < ends.get(position.partition, 0):
            reader.go_to({**ends, position.partition: position.offset})
            async for record in reader.to_end():
                if (record.partition, record.offset) == position:
                    return record
    raise NotFound(f"There is no dead letter {position.partition}/{position.offset}.")


def summary(record: ConsumerRecord) -> dict[str, Json]:
    origin = [_header(record, f"{_ORIGIN}{part}") for part in ("topic", "partition", "offset")]
    return {
        "id": f"{record.partition}/{record.offset}",
        "at": format_moment(record.timestamp),
        "reason": _header(record, "spendgate-reason"),
        "message": _header(record, f"{_ORIGIN}message"),
        "original": "/".join(part or "?" for part in origin),
        "original_topic": origin[0],
        "original_partition": _number(origin[1]),
        "original_offset": _number(origin[2]),
        "key": _text(record.key),
        "brand_id": _brand_of(record),
        "size": len(record.value or b""),
    }


def details(record: ConsumerRecord) -> dict[str, Json]:
    """`value` is null where it is no text; `value_base64` is always the exact bytes, null for none at all."""
    value: bytes | None = record.value
    return {
        **summary(record),
        "headers": [{"name": name, "value": _text(header)} for name, header in record.headers],
        "value": _exact_text(value),
        "value_base64": None if value is None else base64.b64encode(value).decode(),
    }


def _is_of(record: ConsumerRecord, brand_id: str) -> bool:
    return bool(record.key == brand_id.encode()) or _brand_of(record) == brand_id


class _Branded(msgspec.Struct):
    brand_id: str


def _brand_of(record: ConsumerRecord) -> str | None:
    """What the value says, where it can be read so far."""
    try:
        return msgspec.json.decode(record.value or b"", type=_Branded).brand_id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _header(record: ConsumerRecord, wanted: str) -> str | None:
    """The last of that name: a producer may have sent one of its own before ours."""
    values = [value for name, value in record.headers if name == wanted]
    return _text(values[-1]) if values else None


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode(errors="backslashreplace")


def _exact_text(data: bytes | None) -> str | None:
    try:
        return None if data is None else data.decode()
    except UnicodeDecodeError:
        return None


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None
