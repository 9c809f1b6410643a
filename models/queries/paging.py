"""Keyset paging: the next page begins after a key, not at a number of rows, so that an index finds it and no row is
listed twice while rows are added."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeAlias, TypeVar
from zlib import crc32

from models.errors import Refused

__all__ = ["Key", "Page", "damaged", "decode_cursor", "encode_cursor", "storable"]

_Row = TypeVar("_Row")

Key: TypeAlias = tuple[str | int, ...]

_CHECK_BYTES: Final = 4
_LONGEST: Final = 2_000
#: The last millisecond of the year 9999: numbers of keys are moments, days, positions and sequences.
_LARGEST: Final = 253_402_300_799_999


@dataclass(frozen=True, slots=True)
class Page(Generic[_Row]):
    rows: list[_Row]
    #: The value of `after` for the next page; None on the last page.
    after: str | None


def encode_cursor(kind: str, key: Sequence[str | int]) -> str:
    """Encode the key of a page's last row; opaque and safe in a URL. `kind` names the list, whose cursors no other list
    accepts."""
    text = json.dumps([kind, *key], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_checksum(text) + text).rstrip(b"=").decode()


def decode_cursor(kind: str, cursor: str, shape: Sequence[type]) -> Key:
    """Decode a cursor; `shape` has the type of each part of the key. Raises Refused unless `encode_cursor` made it."""
    try:
        if len(cursor) > _LONGEST:
            raise ValueError(cursor[:40])
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        text = raw[_CHECK_BYTES:]
        if raw[:_CHECK_BYTES] != _checksum(text):
            raise ValueError(text[:40])
        found, *key = json.loads(text)
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise damaged() from error
    if found != kind or [type(part) for part in key] != list(shape) or not all(map(_is_storable, key)):
        raise damaged()
    return tuple(key)


def storable(name: str, text: str | None) -> str | None:
    """Check a text to search for. Raises Refused for a text that PostgreSQL cannot store, such as one with NUL."""
    if text is not None and not _is_storable(text):
        raise Refused(f"The {name} holds characters that no row can have: ask for another one.")
    return text


def _is_storable(part: str | int) -> bool:
    if isinstance(part, int):
        return 0 <= part <= _LARGEST
    try:
        return "\0" not in part and bool(part.encode() or True)
    except UnicodeEncodeError:  # half a pair of surrogates
        return False


def _checksum(text: bytes) -> bytes:
    return crc32(text).to_bytes(_CHECK_BYTES, "big")


def damaged() -> Refused:
    return Refused("The cursor is damaged or of another list: start again with the first page, without a cursor.")
