"""The accepted event ids of one partition, as stable 64-bit hashes: at least the last `capacity` of them.

They are kept in chunks of the order in which they came. A chunk is what one `seen/<n>` record of the state topic
holds; the newest is rewritten until it is full, the oldest is dropped as a whole.
"""

import struct
from collections import deque
from collections.abc import Iterable
from typing import Final

from xxhash import xxh3_64_intdigest

__all__ = ["CHUNK_FULL", "DuplicateWindow", "id_hash"]

#: Chunks below this many ids are rewritten rather than followed by another, so that a quiet partition has few.
CHUNK_FULL: Final = 256
#: A chunk's record stays far below the broker's limit of 1 MiB a message.
CHUNK_MAX: Final = 32_768

_ENTRY: Final = struct.Struct("<Qq")


def id_hash(brand_id: str, event_id: str) -> int:
    """64 bits of a brand's event id, the same in every process; two brands may use the same id."""
    return xxh3_64_intdigest(f"{brand_id}\0{event_id}".encode())


class DuplicateWindow:
    """Remembers hash -> amount in micros, so that an id that comes again with another amount can be told."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.seen: dict[int, int] = {}
        self._chunks: deque[tuple[int, list[int]]] = deque()  # (n, hashes), oldest first
        self._fresh: list[int] = []
        self._next = 0

    def add(self, hashed: int, amount_micros: int) -> None:
        """Remember an id that was counted."""
        self.seen[hashed] = amount_micros
        self._fresh.append(hashed)

    def take_changes(self) -> tuple[list[tuple[int, bytes]], list[int]]:
        """Chunks to write and numbers of chunks to drop since the last call; moves the window on."""
        written = self._write_fresh()
        return [(number, self._pack(hashes)) for number, hashes in written], self._drop_old()

    def restore(self, chunks: Iterable[tuple[int, bytes]]) -> None:
        """Take the chunks of the state topic, in any order."""
        for number, packed in sorted(chunks):
            entries = list(_ENTRY.iter_unpack(packed))
            self.seen.update(entries)
            self._chunks.append((number, [hashed for hashed, _ in entries]))
            self._next = number + 1

    def _write_fresh(self) -> list[tuple[int, list[int]]]:
        fresh, self._fresh = self._fresh, []
        if not fresh:
            return []
        written = []
        if self._chunks and len(self._chunks[-1][1]) < CHUNK_FULL:
            number, hashes = self._chunks.pop()
            fresh = hashes + fresh
            self._next = number
        for start in range(0, len(fresh), CHUNK_MAX):
            chunk = (self._next, fresh[start : start + CHUNK_MAX])
            self._chunks.append(chunk)
            written.append(chunk)
            self._next += 1
        return written

    def _drop_old(self) -> list[int]:
        dropped = []
        while self._chunks and len(self.seen) - len(self._chunks[0][1]) >= self.capacity:
            number, hashes = self._chunks.popleft()
            for hashed in hashes:
                del self.seen[hashed]
            dropped.append(number)
        return dropped

    def _pack(self, hashes: list[int]) -> bytes:
        seen = self.seen
        return b"".join(_ENTRY.pack(hashed, seen[hashed]) for hashed in hashes)
