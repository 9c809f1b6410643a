"""Truncated values and headers, with what says how much is missing, and values of batches that cannot be decoded."""

from hashlib import sha256
from typing import Final, Self

__all__ = [
    "DIGEST_HEADER",
    "HEADERS_DROPPED_HEADER",
    "KEY_LENGTH_HEADER",
    "LENGTH_HEADER",
    "CutHeaders",
    "Headers",
    "TruncatedBytes",
    "Undecodable",
    "truncated",
]

LENGTH_HEADER: Final = "spendgate-value-length"
DIGEST_HEADER: Final = "spendgate-value-sha256"
KEY_LENGTH_HEADER: Final = "spendgate-key-length"
HEADERS_DROPPED_HEADER: Final = "spendgate-headers-dropped"

#: The bytes of a batch that cannot be decoded that are kept.
_KEPT_OF_UNDECODABLE: Final = 16 * 1024

Headers = tuple[tuple[str, bytes | None], ...]


class TruncatedBytes(bytes):
    """The first bytes of a value, with the length and the SHA-256 (hexadecimal) of the whole value."""

    length: int
    sha256: str

    @classmethod
    def of(cls, prefix: bytes, *, length: int, sha256: str) -> Self:
        part = cls(prefix)
        part.length, part.sha256 = length, sha256
        return part


class CutHeaders(tuple[tuple[str, bytes | None], ...]):
    """The headers that are kept, and the number of those that are not."""

    dropped: int

    @classmethod
    def of(cls, prefix: Headers, dropped: int) -> Headers:
        """`prefix` itself where none is missing."""
        if not dropped:
            return prefix
        headers = cls(prefix)
        headers.dropped = dropped
        return headers


class Undecodable(bytes):
    """The value of the record that replaces those of a batch from an offset on: the first bytes of the batch."""

    why: str
    last_offset: int

    @classmethod
    def of(cls, batch: memoryview, why: str, last_offset: int) -> Self:
        value = cls(batch[:_KEPT_OF_UNDECODABLE])
        value.why, value.last_offset = why, last_offset
        return value


def truncated(value: bytes, limit: int) -> bytes:
    """`value` itself when it has at most `limit` bytes, else its first `limit` bytes as `TruncatedBytes`."""
    if len(value) <= limit:
        return value
    if isinstance(value, TruncatedBytes):
        return TruncatedBytes.of(value[:limit], length=value.length, sha256=value.sha256)
    return TruncatedBytes.of(value[:limit], length=len(value), sha256=sha256(value).hexdigest())
