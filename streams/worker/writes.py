"""A record that a flush writes, its size, and the parts in which records are given to a producer."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from math import inf
from typing import Final

import msgspec

__all__ = ["Write", "rounds", "size_of"]

#: Upper bounds of what surrounds keys, values and headers in a batch of one record.
_BATCH_OVERHEAD: Final = 61 + 32
_HEADER_OVERHEAD: Final = 10


class Write(msgspec.Struct, frozen=True, gc=False):
    """One record with its topic's name on the broker."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    fallback: "Write | None" = None  # written when the topic refuses this record


def size_of(write: Write) -> int:
    """The most bytes that a batch with this record alone has."""
    headers = sum(
        len(name.encode(errors="replace")) + len(value or b"") + _HEADER_OVERHEAD for name, value in write.headers
    )
    return _BATCH_OVERHEAD + len(write.key or b"") + len(write.value or b"") + headers


def rounds(writes: Sequence[Write], batch_bytes: Mapping[str, int]) -> Iterator[Sequence[Write]]:
    """Part the writes so that no batch of a round is larger than `batch_bytes` of its topic.

    Within a round the records of each topic partition fit into one batch. A topic that `batch_bytes` does not name has
    no limit; without any limit all writes are one round.
    """
    if not batch_bytes:
        yield writes
        return
    batches: defaultdict[tuple[str, int], list[list[Write]]] = defaultdict(lambda: [[]])
    room: dict[tuple[str, int], float] = {}
    for write in writes:
        target, size = (write.topic, write.partition), size_of(write)
        left = room.get(target, inf) - size
        if left < 0:
            batches[target].append([])
        if left < 0 or target not in room:
            left = batch_bytes.get(write.topic, inf) - size
        room[target] = left
        batches[target][-1].append(write)
    for one_round in zip_longest(*batches.values(), fillvalue=()):
        yield [write for batch in one_round for write in batch]
