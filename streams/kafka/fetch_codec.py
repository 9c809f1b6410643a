"""Lets aiokafka encode its fetches, and decode their answers, a partition at a time.

By default it does so a number at a time, which is most of what a fetch costs in Python: a consumer of six topics asks
for each of their partitions hundreds of times a second, also where few of them have records.
"""

import struct
from collections.abc import Sequence
from io import BytesIO
from typing import Any, Final

from aiokafka.protocol.fetch import FetchRequest_v11, FetchResponse_v11
from aiokafka.protocol.types import Array
from typing_extensions import override

__all__ = ["install"]

_COUNT: Final = struct.Struct(">i")
_SIZE: Final = struct.Struct(">h")
#: Partition, epoch of its leader, offset, first offset of a follower's log, most bytes.
_ASKED: Final = struct.Struct(">iiqqi")
#: Partition, error, high watermark, last stable offset, first offset, count of the aborted transactions that follow.
_ANSWERED: Final = struct.Struct(">ihqqqi")
#: Producer and first offset.
_ABORTED: Final = struct.Struct(">qq")
#: Replica to read from, bytes of the record batches that follow.
_RECORDS: Final = struct.Struct(">ii")


def install() -> None:
    """Replace the codecs of the topics in the version of a fetch that every broker since Kafka 2.3 speaks; a second
    call changes nothing."""
    topics_of(FetchRequest_v11).__class__ = _AskedTopics
    topics_of(FetchResponse_v11).__class__ = _AnsweredTopics


def topics_of(message: type[FetchRequest_v11 | FetchResponse_v11]) -> Any:
    """The codec of the message's topics."""
    return message.SCHEMA.fields[message.SCHEMA.names.index("topics")]


class _AskedTopics(Array):  # type: ignore[misc]
    @override
    def encode(self, items: Sequence[Any] | None) -> bytes:
        assert items is not None
        parts = [_COUNT.pack(len(items))]
        for topic, partitions in items:
            name = topic.encode()
            parts += (_SIZE.pack(len(name)), name, _COUNT.pack(len(partitions)))
            parts += [_ASKED.pack(*partition) for partition in partitions]
        return b"".join(parts)


class _AnsweredTopics(Array):  # type: ignore[misc]
    @override
    def decode(self, data: BytesIO) -> list[Any]:
        read = data.read
        return [
            (read(*_SIZE.unpack(read(2))).decode(), [_answered(data) for _ in range(*_COUNT.unpack(read(4)))])
            for _ in range(*_COUNT.unpack(read(4)))
        ]


def _answered(data: BytesIO) -> tuple[Any, ...]:
    *answer, count = _ANSWERED.unpack(data.read(_ANSWERED.size))
    aborted = None if count < 0 else [_ABORTED.unpack(data.read(_ABORTED.size)) for _ in range(count)]
    replica, size = _RECORDS.unpack(data.read(_RECORDS.size))
    batches = None if size < 0 else data.read(size)
    if batches is not None and len(batches) < size:
        raise ValueError(f"the record batches of a partition have {len(batches)} of {size} bytes")
    return (*answer, aborted, replica, batches)
