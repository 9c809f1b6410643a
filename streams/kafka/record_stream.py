"""Decodes the records of a batch one by one, in bounded memory whatever the batch decompresses to."""

import struct
from collections import deque
from collections.abc import Iterator
from hashlib import sha256
from typing import Final, NamedTuple

from core.spend import MAX_VALUE_BYTES
from streams.kafka.decompression import UnpacksTooLarge, unpacked
from streams.kafka.truncation import CutHeaders, Headers, TruncatedBytes, Undecodable

__all__ = ["HEADER", "HEADERS_MAX", "UNPACKED_MAX", "FetchedRecord", "Memory", "streamed", "undecodable"]

HEADER: Final = struct.Struct(">qiibIhiqqqhii")
#: Records after so many decompressed bytes of a batch are not decoded: a few KiB may decompress to any size.
UNPACKED_MAX: Final = 512 * 1024 * 1024
#: Longer keys and values are cut to this length, one byte more than any reader accepts as a value.
_KEPT_BYTES: Final = MAX_VALUE_BYTES + 1
#: A header takes 2 bytes to send and 70 to keep. Of more than so many the first and the last half are kept: what a
#: reroute adds comes last.
HEADERS_MAX: Final = 1_000
_HEADER_BYTES_MAX: Final = 1024 * 1024
_LAST_HEADER_BYTES_MAX: Final = 1024
_VARINT_BITS_MAX: Final = 63
_CODEC_MASK: Final = 0x07
_TIMESTAMP_TYPE_MASK: Final = 0x08


class FetchedRecord(NamedTuple):
    """The fields of a record that aiokafka's fetcher reads."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    checksum: int | None = None


class Memory:
    """Counts the decompressed bytes of a fetch."""

    unpacked = 0


def streamed(raw: memoryview, memory: Memory) -> Iterator[FetchedRecord]:
    """The records of a batch of any size. Raises ValueError or EOFError where they cannot be decoded."""
    base, _, _, _, _, attributes, last_delta, first_timestamp, max_timestamp, *_, count = HEADER.unpack_from(raw)
    timestamp_type = int(bool(attributes & _TIMESTAMP_TYPE_MASK))
    payload = raw[HEADER.size :]
    codec = attributes & _CODEC_MASK
    stream = _PieceStream(unpacked(codec, payload) if codec else iter((bytes(payload),)), memory)
    # Without gaps the position of a record gives its offset, whatever the record itself claims.
    is_whole = count == last_delta + 1
    previous = -1
    for number in range(count):
        length = stream.varint()
        end = stream.position + length
        stream.take(1)  # attributes, of which there are none
        timestamp, claimed = stream.varint(), stream.varint()
        key, value = stream.nullable(), stream.nullable()
        headers = _headers(stream)
        if stream.position != end:
            raise ValueError(f"a record of {length} bytes has {stream.position - end + length}")
        delta = number if is_whole else claimed
        if not previous < delta <= last_delta:
            raise ValueError(f"a record claims offset {base + delta}")
        previous = delta
        at = max_timestamp if timestamp_type else first_timestamp + timestamp
        yield FetchedRecord(base + delta, at, timestamp_type, key, value, headers)


def undecodable(raw: memoryview, offset: int, last: int, timestamp: int, error: Exception) -> FetchedRecord:
    """The record that replaces those from `offset` to `last`, which cannot be decoded."""
    why = f"the record batch cannot be decoded from offset {offset} to {last}: {error}"
    return FetchedRecord(offset, timestamp, 0, None, Undecodable.of(raw, why, last), ())


def _headers(stream: "_PieceStream") -> Headers:
    """The headers of a record; of very many or very large ones, the first, and the last small ones."""
    kept: list[tuple[str, bytes | None]] = []
    last: deque[tuple[str, bytes | None]] = deque(maxlen=HEADERS_MAX // 2)
    size = 0
    count = stream.varint()
    for _ in range(count):
        name, value = stream.take(stream.varint()), stream.nullable()
        if isinstance(name, TruncatedBytes) or isinstance(value, TruncatedBytes):
            continue
        header_bytes = len(name) + len(value or b"")
        header = (name.decode(errors="backslashreplace"), value)
        if not last and size + header_bytes <= _HEADER_BYTES_MAX and len(kept) < HEADERS_MAX // 2:
            kept.append(header)
            size += header_bytes
        elif header_bytes <= _LAST_HEADER_BYTES_MAX:
            last.append(header)
    return CutHeaders.of((*kept, *last), max(count, 0) - len(kept) - len(last)) if count > 0 else ()


class _PieceStream:
    """Reads forward through the decompressed pieces of a batch, and keeps only the current piece."""

    def __init__(self, pieces: Iterator[bytes], memory: Memory) -> None:
        self._pieces = pieces
        self._memory = memory
        self._piece = b""
        self._at = 0
        self._before = 0  # bytes of the pieces before this one

    @property
    def position(self) -> int:
        return self._before + self._at

    def varint(self) -> int:
        """A zigzag varint of at most 64 bits."""
        number = shift = 0
        while True:
            if self._at == len(self._piece):
                self._next_piece()
            byte = self._piece[self._at]
            self._at += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return (number >> 1) ^ -(number & 1)
            shift += 7
            if shift > _VARINT_BITS_MAX:
                raise ValueError("a number has more than 64 bits")

    def nullable(self) -> bytes | None:
        length = self.varint()
        return None if length < 0 else self.take(length)

    def take(self, length: int) -> bytes:
        """The next `length` bytes, cut to `_KEPT_BYTES` with length and digest where there are more."""
        if length <= _KEPT_BYTES:
            return b"".join(self._slices(length))
        kept, digest = bytearray(), sha256()
        for part in self._slices(length):
            digest.update(part)
            kept += part[: _KEPT_BYTES - len(kept)]
        return TruncatedBytes.of(bytes(kept), length=length, sha256=digest.hexdigest())

    def _slices(self, length: int) -> Iterator[bytes]:
        if length < 0:
            raise ValueError(f"a length is {length}")
        while length:
            if self._at == len(self._piece):
                self._next_piece()
            part = self._piece[self._at : self._at + length]
            self._at += len(part)
            length -= len(part)
            yield part

    def _next_piece(self) -> None:
        self._before += len(self._piece)
        if self._before > UNPACKED_MAX:
            raise UnpacksTooLarge(f"it unpacks to more than {UNPACKED_MAX} bytes")
        self._at = 0
        self._piece = b""
        while not self._piece:
            piece = next(self._pieces, None)
            if piece is None:
                raise EOFError("it ends too early")
            self._piece = piece
        self._memory.unpacked += len(self._piece)
