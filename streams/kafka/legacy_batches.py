"""Record batches from before Kafka 0.11, which an old topic may still have: a message, or a compressed set of
messages."""

import struct
from binascii import crc32
from collections.abc import Iterator
from typing import Final

from streams.kafka.decompression import UnpacksTooLarge, unpacked
from streams.kafka.record_stream import FetchedRecord, Memory, undecodable

__all__ = ["LegacyBatch"]

_LOG_HEADER: Final = struct.Struct(">qi")
_CRC_AT: Final = 12
_CHECKED_AT: Final = 16
_NO_TIMESTAMP: Final = -1
_CODEC_MASK: Final = 0x07
_TIMESTAMP_TYPE_MASK: Final = 0x08


class LegacyBatch:
    """A batch as aiokafka's fetcher reads it, without headers and transactions."""

    is_control_batch = False
    is_transactional = False
    producer_id = None

    def __init__(self, raw: memoryview, limit: int, memory: Memory) -> None:
        """`limit`: how many bytes it may unpack to."""
        self._raw, self._limit, self._memory = raw, limit, memory
        self._offset: int = _LOG_HEADER.unpack_from(raw)[0]

    @property
    def next_offset(self) -> int:
        return self._offset + 1

    def validate_crc(self) -> bool:
        return bool(struct.unpack_from(">I", self._raw, _CRC_AT)[0] == crc32(self._raw[_CHECKED_AT:]))

    def __iter__(self) -> Iterator[FetchedRecord]:
        try:
            yield from self._records()
        except (ValueError, struct.error) as error:
            yield undecodable(self._raw, self._offset, self._offset, _NO_TIMESTAMP, error)

    def _records(self) -> Iterator[FetchedRecord]:
        outer, codec = _message(self._raw)
        if not codec:
            self._memory.unpacked += len(self._raw)
            yield outer
            return
        inner = list(_messages(self._unpacked(codec, outer.value or b"")))
        # Inner offsets count from 0 where the magic byte is 1; the outer offset is that of the last message.
        base = self._offset - inner[-1].offset if self._raw[_CHECKED_AT] and inner else 0
        previous = -1
        for record in inner:
            offset = base + record.offset
            if not previous < offset <= self._offset:
                raise ValueError(f"a message claims offset {offset}")
            previous = offset
            timestamp = outer.timestamp if outer.timestamp_type else record.timestamp
            yield record._replace(offset=offset, timestamp=timestamp, timestamp_type=outer.timestamp_type)

    def _unpacked(self, codec: int, packed: bytes) -> memoryview:
        whole = bytearray()
        for piece in unpacked(codec, memoryview(packed)):
            whole += piece
            if len(whole) > self._limit:
                raise UnpacksTooLarge(f"it unpacks to more than {self._limit} bytes")
        self._memory.unpacked += len(whole)
        return memoryview(whole)


def _messages(data: memoryview) -> Iterator[FetchedRecord]:
    at = 0
    while at < len(data):
        end = at + _LOG_HEADER.size + _LOG_HEADER.unpack_from(data, at)[1]
        if not at + _CHECKED_AT < end <= len(data):
            raise ValueError("a message is cut off")
        record, codec = _message(data[at:end])
        if codec:
            raise ValueError("a message is packed twice")
        yield record
        at = end


def _message(raw: memoryview) -> tuple[FetchedRecord, int]:
    """The message and its codec number."""
    offset = _LOG_HEADER.unpack_from(raw)[0]
    magic, attributes = struct.unpack_from(">bb", raw, _CHECKED_AT)
    at = _CHECKED_AT + 2
    timestamp = _NO_TIMESTAMP
    if magic:
        timestamp = struct.unpack_from(">q", raw, at)[0]
        at += 8
    key, at = _nullable(raw, at)
    value, at = _nullable(raw, at)
    timestamp_type = int(bool(magic and attributes & _TIMESTAMP_TYPE_MASK))
    return FetchedRecord(offset, timestamp, timestamp_type, key, value, ()), attributes & _CODEC_MASK


def _nullable(raw: memoryview, at: int) -> tuple[bytes | None, int]:
    length = struct.unpack_from(">i", raw, at)[0]
    at += 4
    if length < 0:
        return None, at
    if length > len(raw) - at:
        raise ValueError("a message is cut off")
    return bytes(raw[at : at + length]), at + length
