"""Cuts a dead letter to the size that its topic takes; headers give length and digest of what was cut. Pure."""

from typing import Final

from msgspec.structs import replace

from core.spend import MAX_VALUE_BYTES
from streams.dead_letters.dead_letter import split_headers
from streams.dead_letters.outbox import cut_headers, dropped_header
from streams.kafka.headers import Headers
from streams.kafka.truncation import (
    DIGEST_HEADER,
    HEADERS_DROPPED_HEADER,
    KEY_LENGTH_HEADER,
    LENGTH_HEADER,
    truncated,
)
from streams.worker.writes import Write, size_of

__all__ = ["fit"]

_KEPT_KEY_BYTES: Final = 1024
_KEPT_TEXT_BYTES: Final = 200
#: Room for the headers that say what was cut.
_CUT_HEADERS_BYTES: Final = 300


def fit(dead_letter: Write, limit: int) -> Write | None:
    """The dead letter, cut to at most `limit` bytes as a batch of its own: unchanged where it fits, None where even its
    shortest form does not.

    A value that could be spend is worth more than headers, and a value that could not is worth less.
    """
    if size_of(dead_letter) <= limit and _sendable(dead_letter.headers):
        return dead_letter
    value, key = dead_letter.value or b"", dead_letter.key or b""
    originals, ours = split_headers(dead_letter.headers)
    earlier = {name: text for name, text in ours if name in (HEADERS_DROPPED_HEADER, KEY_LENGTH_HEADER)}
    ours = tuple((name, text) for name, text in ours if name not in {*earlier, LENGTH_HEADER, DIGEST_HEADER})
    bare = replace(dead_letter, key=None, value=None, fallback=None)
    room = limit - _CUT_HEADERS_BYTES - size_of(replace(bare, headers=ours))
    if room < 0:
        ours = tuple((name, text[:_KEPT_TEXT_BYTES]) for name, text in ours)
        room = limit - _CUT_HEADERS_BYTES - size_of(replace(bare, headers=ours))
    if room < 0:
        return None
    key_bytes = min(len(key), _KEPT_KEY_BYTES, room)
    value_bytes = min(len(value), MAX_VALUE_BYTES, room - key_bytes)
    kept, room = _kept(originals, room - key_bytes - value_bytes)
    value_more = min(len(value) - value_bytes, room)
    key_more = min(len(key) - key_bytes, room - value_more)
    value, key = truncated(value, value_bytes + value_more), truncated(key, key_bytes + key_more)
    earlier |= dropped_header(earlier.pop(HEADERS_DROPPED_HEADER, None), len(originals) - len(kept))
    if len(key) < len(dead_letter.key or b""):
        earlier.setdefault(KEY_LENGTH_HEADER, str(len(dead_letter.key or b"")).encode())
    return replace(
        bare,
        key=None if dead_letter.key is None else bytes(key),
        value=None if dead_letter.value is None else value,
        headers=(*kept, *ours, *cut_headers(value), *earlier.items()),
    )


def _kept(headers: Headers, room: int) -> tuple[Headers, int]:
    """The headers, in order, for which there is room; and the bytes of room that are left."""
    kept = []
    for header in headers:
        size = size_of(Write("", 0, None, None, (header,))) - size_of(Write("", 0, None, None))
        if size <= room and _sendable((header,)):
            kept.append(header)
            room -= size
    return tuple(kept), room


def _sendable(headers: Headers) -> bool:
    """Names that a client has read from bytes that are no text cannot be written as text."""
    try:
        for name, _ in headers:
            name.encode()
    except UnicodeEncodeError:
        return False
    return True
