"""Record batches byte by byte, as any client could send them."""

import gzip
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import cramjam
import lz4.frame
import zstandard
from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.util import calc_crc32c

from streams.kafka.decompression import GZIP, LZ4, SNAPPY, ZSTD
from streams.kafka.options import client_options
from streams.kafka.topics import Topic
from streams.settings import Settings

NONE = 0
CODECS = (NONE, GZIP, SNAPPY, LZ4, ZSTD)
#: Bytes of a batch before its records.
BATCH_OVERHEAD = 61
#: The broker's answers for a batch above `max.message.bytes`, and for a partition of a topic made a moment ago.
TOO_LARGE = 10
_NOT_YET = (3, 6)
NOW = 1_757_322_000_000

RawHeaders = tuple[tuple[bytes, bytes | None], ...]


class Raw(NamedTuple):
    """A record as it is on the wire; `offset_delta` None is its place in the batch."""

    key: bytes | None
    value: bytes | None
    headers: RawHeaders = ()
    offset_delta: int | None = None
    attributes: int = 0
    timestamp_delta: int = 0


def varint(number: int) -> bytes:
    number = (number << 1) ^ (number >> 63)
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def nullable(data: bytes | None) -> tuple[bytes, ...]:
    return (varint(-1),) if data is None else (varint(len(data)), data)


def encoded(record: Raw, place: int) -> list[bytes]:
    """In parts, because a value may have hundreds of megabytes, and each copy of them takes a third of a second."""
    delta = place if record.offset_delta is None else record.offset_delta
    body = [
        bytes([record.attributes]),
        varint(record.timestamp_delta),
        varint(delta),
        *nullable(record.key),
        *nullable(record.value),
        varint(len(record.headers)),
    ]
    for name, value in record.headers:
        body += (varint(len(name)), name, *nullable(value))
    return [varint(sum(map(len, body))), *body]


def packed(codec: int, payload: bytes, *, xerial: bool = True) -> bytes:
    if codec == GZIP:
        return gzip.compress(payload, 9)
    if codec == SNAPPY:
        if not xerial:
            return bytes(cramjam.snappy.compress_raw(payload))
        blocks = [bytes(cramjam.snappy.compress_raw(payload[at : at + 32768])) for at in range(0, len(payload), 32768)]
        return b"\x82SNAPPY\0\0\0\0\1\0\0\0\1" + b"".join(struct.pack(">i", len(it)) + it for it in blocks)
    if codec == LZ4:
        return lz4.frame.compress(payload, block_linked=False, store_size=False)  # type: ignore[no-any-return]
    if codec == ZSTD:
        return zstandard.ZstdCompressor().compress(payload)
    return payload


def batch(
    records: Sequence[Raw],
    codec: int = NONE,
    *,
    base: int = 0,
    payload: bytes | None = None,
    count: int | None = None,
    last_delta: int | None = None,
    xerial: bool = True,
) -> bytes:
    """A batch with the right check sum, whatever is in it; `payload` stands in the place of packed records."""
    if payload is None:
        parts = (part for at, record in enumerate(records) for part in encoded(record, at))
        payload = packed(codec, b"".join(parts), xerial=xerial)
    count = len(records) if count is None else count
    last_delta = count - 1 if last_delta is None else last_delta
    checked = struct.pack(">hiqqqhii", codec, last_delta, NOW, NOW, -1, -1, -1, count) + payload
    return struct.pack(">qiibI", base, len(checked) + 9, -1, 2, calc_crc32c(checked)) + checked


class Refused(Exception):
    """The broker takes no such batch; `code` is its error."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class RawProducer:
    """Sends batches as they are."""

    def __init__(self, settings: Settings, client: AIOKafkaClient) -> None:
        self._settings = settings
        self._client = client

    async def partitions(self, topic: Topic) -> int:
        """How many it has."""
        name = self._settings.topic(topic)
        await self._client.add_topic(name)
        while not (found := self._client.cluster.partitions_for_topic(name)):
            await self._client.force_metadata_update()
        return len(found)

    async def send(self, topic: Topic, partition: int, raw: bytes) -> int:
        """The offset of its first record."""
        name = self._settings.topic(topic)
        await self._client.add_topic(name)
        while True:
            node = self._client.cluster.leader_for_partition(TopicPartition(name, partition))
            if node is not None:
                request = ProduceRequest(None, -1, 10_000, [(name, [(partition, raw)])])
                [(_, [(_, error, offset, *_)])] = (await self._client.send(node, request)).topics
                if not error:
                    return int(offset)
                if error not in _NOT_YET:
                    raise Refused(error)
            await self._client.force_metadata_update()


@asynccontextmanager
async def raw_producer(settings: Settings) -> AsyncIterator[RawProducer]:
    client = AIOKafkaClient(**client_options(settings))
    await client.bootstrap()
    try:
        yield RawProducer(settings, client)
    finally:
        await client.close()
