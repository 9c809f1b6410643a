"""Reads record batches of untrusted producers: in bounded memory, and past what cannot be decoded.

`install` makes every aiokafka consumer of this process read this way. aiokafka's own parser reads ordinary batches.
Alone, it fails for the whole partition at a header name that is not UTF-8, decompresses a few KiB to any size, and
believes the offsets that records claim, which would move the reader anywhere.
"""

import struct
import sys
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise
from typing import Any, Final, NamedTuple

import msgspec
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch
from typing_extensions import override

from core.moment import END_OF_TIME, Moment
from streams.kafka.decompression import unpacked
from streams.kafka.legacy_batches import LegacyBatch
from streams.kafka.record_stream import HEADER, HEADERS_MAX, FetchedRecord, Memory, streamed, undecodable
from streams.kafka.truncation import CutHeaders, Headers

__all__ = [
    "HAND_OVER_BYTES",
    "ORDINARY_BYTES",
    "FetchResult",
    "MemoryRecords",
    "PartitionRecords",
    "as_decoded",
    "install",
]

#: A batch of at most so many decompressed bytes is decoded in memory as a whole.
ORDINARY_BYTES: Final = 4 * 1024 * 1024
#: A batch of more records is decoded record by record.
_AT_ONCE_RECORDS: Final = 65_536
#: The most bytes of a partition that are handed over at a time, plus one batch.
HAND_OVER_BYTES: Final = 4 * 1024 * 1024

_LENGTH_AT: Final = 8
_MAGIC_AT: Final = 16
_MAGIC: Final = 2
_ATTRIBUTES_AT: Final = 21
_LOG_OVERHEAD: Final = 12
_SMALLEST_BATCH: Final = 26
_CODEC_MASK: Final = 0x07


def install() -> None:
    """Replace classes of aiokafka's fetcher module: neither fetcher nor consumer takes them as arguments."""
    fetcher.MemoryRecords = MemoryRecords
    fetcher.PartitionRecords = PartitionRecords
    fetcher.FetchResult = FetchResult


def as_decoded(key: bytes) -> bytes:
    """As a consumer's `key_deserializer`, has its records be those that the parser made: with `offset`, `key` and
    `value`, but without the bounds of ConsumedRecord to timestamps and headers. To make that one costs as much as to
    decode the record."""
    return key


class MemoryRecords:
    """The batches of one fetch response; replaces aiokafka's class."""

    def __init__(self, fetched: bytes) -> None:
        self._fetched = memoryview(fetched)
        self._at = 0
        self.memory = Memory()

    def size_in_bytes(self) -> int:
        return len(self._fetched)

    def has_next(self) -> bool:
        """Whether a complete batch follows: the last one of a response is often truncated."""
        return len(self._fetched) - self._at >= _LOG_OVERHEAD and self._end() <= len(self._fetched)

    def next_batch(self) -> "_BoundedBatch | LegacyBatch":
        end = self._end()
        if end - self._at < _SMALLEST_BATCH:
            raise CorruptRecordException(f"a record batch has {end - self._at} bytes")
        raw = self._fetched[self._at : end]
        self._at = end
        return (
            _BoundedBatch(raw, self.memory)
            if raw[_MAGIC_AT] >= _MAGIC
            else LegacyBatch(raw, ORDINARY_BYTES, self.memory)
        )

    def _end(self) -> int:
        length: int = struct.unpack_from(">i", self._fetched, self._at + _LENGTH_AT)[0]
        return self._at + _LOG_OVERHEAD + length


class _BoundedBatch:
    """aiokafka's batch, whose records are decoded in bounded memory."""

    def __init__(self, raw: memoryview, memory: Memory) -> None:
        self._raw = raw
        self._memory = memory
        self._batch = DefaultRecordBatch(raw)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)  # the fetcher's look into a control batch

    def __iter__(self) -> Iterator[Any]:
        records = self._decoded_at_once()
        if records is None:
            return self._streamed()
        return iter((_WholeBatch(records[-1].offset, records),) if records else ())

    def _decoded_at_once(self) -> list[Any] | None:
        """Every record of the batch; None when it must be decoded record by record: it is too large, or the parser
        fails, or a record claims an offset that it cannot have."""
        count = HEADER.unpack_from(self._raw)[-1]
        if count > _AT_ONCE_RECORDS:
            return None
        try:
            ordinary = self._ordinary()
            records = None if ordinary is None else list(ordinary)
        except Exception:  # any error of the parser
            return None
        if records is None or not self._has_offsets([record.offset for record in records], count):
            return None
        return records

    def _has_offsets(self, offsets: list[int], count: int) -> bool:
        """Whether they rise within the batch, without gaps unless compaction has removed records."""
        base, end = self._batch.base_offset, self._batch.next_offset
        if count == end - base:
            return offsets == list(range(base, end))
        bounded = not offsets or (base <= offsets[0] and offsets[-1] < end)
        return bounded and all(before < after for before, after in pairwise(offsets))

    def _ordinary(self) -> Any:
        """The decompressed batch for aiokafka's parser; None when it is too large."""
        codec = self._batch.compression_type
        if codec == 0:
            self._memory.unpacked += len(self._raw)
            return iter(self._batch)
        pieces, size = [], 0
        for piece in unpacked(codec, self._raw[HEADER.size :]):
            pieces.append(piece)
            size += len(piece)
            if size > ORDINARY_BYTES:
                return None
        self._memory.unpacked += size
        header = bytearray(self._raw[: HEADER.size])
        header[_ATTRIBUTES_AT + 1] &= ~_CODEC_MASK & 0xFF
        struct.pack_into(">i", header, _LENGTH_AT, HEADER.size - _LOG_OVERHEAD + size)
        return iter(DefaultRecordBatch(b"".join((header, *pieces))))

    def _streamed(self) -> Iterator[FetchedRecord]:
        """Record by record, and one record in place of all that cannot be decoded."""
        next_offset, end = self._batch.base_offset, self._batch.next_offset
        try:
            for record in streamed(self._raw, self._memory):
                if record.offset >= next_offset:
                    next_offset = record.offset + 1
                    yield record
        except MemoryError:
            raise
        except Exception as error:
            if next_offset < end:
                yield undecodable(self._raw, next_offset, end - 1, self._batch.max_timestamp, error)


class _WholeBatch(NamedTuple):
    """The records of a batch, given to aiokafka's iteration as one: it takes more time than to decode them."""

    offset: int  # of the last one
    records: list[Any]


class ConsumedRecord(msgspec.Struct, gc=False):
    """The fields of aiokafka's ConsumerRecord that we read. It takes a third of the time to make, and the garbage
    collector does not track it."""

    topic: str
    partition: int
    offset: int
    timestamp: Moment
    key: bytes | None
    value: bytes | None
    headers: Headers


class PartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    """aiokafka's iteration over batches by isolation level, with bounded headers and timestamps."""

    def chunks(self) -> Iterator[list[ConsumedRecord]]:
        """The records of a batch at a time, or one at a time where it is decoded so. `next_fetch_offset` is behind
        those of the last chunk."""
        walk: Iterator[list[ConsumedRecord]] = self._records_iterator
        return walk

    def __iter__(self) -> Iterator[ConsumedRecord]:
        return chain.from_iterable(self.chunks())

    @override
    def _consumer_record(self, tp: Any, record: Any) -> list[Any]:
        records = [record]
        if isinstance(record, _WholeBatch):
            records, wanted = record.records, self.next_fetch_offset
            if records[0].offset < wanted:
                records = [it for it in records if it.offset >= wanted]
        if self._key_deserializer is as_decoded:
            return records
        topic, partition = tp
        return [
            ConsumedRecord(
                topic,
                partition,
                it.offset,
                at if 0 <= (at := it.timestamp) <= END_OF_TIME else _bounded_moment(at),
                it.key,
                it.value,
                _bounded(headers) if (headers := it.headers) else (),
            )
            for it in records
        ]


class FetchResult(fetcher.FetchResult):  # type: ignore[misc]
    """aiokafka's class, which hands over a bounded number of bytes at a time."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._decoded: list[ConsumedRecord] = []  # and not handed over yet

    @override
    def getone(self) -> ConsumedRecord | None:
        return next(iter(self.getall(1)), None)

    @override
    def getall(self, max_records: int | None = None) -> list[ConsumedRecord]:
        if not self.check_assignment(self._topic_partition) or not self.has_more():
            return []
        records: PartitionRecords = self._partition_records  # type: ignore[has-type]
        memory: Memory = records._records.memory
        until = memory.unpacked + HAND_OVER_BYTES
        most = sys.maxsize if max_records is None else max_records
        taken, self._decoded = self._decoded, []
        while len(taken) < most and memory.unpacked <= until:
            chunk = next(records.chunks(), None)
            if chunk is None:
                self._update_position()
                self._partition_records = None
                return taken
            taken += chunk
        taken, self._decoded = taken[:most], taken[most:]
        records.next_fetch_offset = taken[-1].offset + 1
        self._update_position()
        return taken


def _bounded_moment(timestamp: int) -> Moment:
    """Of a time that is forged, or none: no command or table could hold it."""
    return 0 if timestamp < 0 else END_OF_TIME


def _bounded(headers: Iterable[tuple[str, bytes | None]]) -> Headers:
    if isinstance(headers, CutHeaders):
        return headers
    every = tuple(headers)
    half = HEADERS_MAX // 2
    return every if len(every) <= HEADERS_MAX else CutHeaders.of((*every[:half], *every[-half:]), len(every) - 2 * half)
