"""The accepted event ids of one partition, as stable 64-bit hashes: at least the last `capacity` of them.

They are kept in chunks of the order in which they came. A chunk is what one `seen/<n>` record of the state topic
holds; the newest is rewritten until it is full, the oldest is dropped as a whole.
"""

import struct
from collections import deque
from collections.abc import Iterable
from typing import Final

from xxhash import xxh3_64_intdigest

__all__ = ["CHUNK_FULL", "ENTRY_BYTES", "DuplicateWindow", "id_hash"]

#: Chunks below this many ids are rewritten rather than followed by another, so that a quiet partition has few.
CHUNK_FULL: Final = 256
#: A chunk's record stays far below the broker's limit of 1 MiB a message.
CHUNK_MAX: Final = 32_768

_ENTRY: Final = struct.Struct("<Qq")
ENTRY_BYTES: Final = _ENTRY.size


def id_hash(brand_id: str, event_id: str) -> int:
    """64 bits of a brand's event id, the same in every process; two brands may use the same id."""
    return xxh3_64_intdigest(f"{brand_id}\0{event_id}".encode())


class DuplicateWindow:
    """Maps the hash of an event id to its amount in micros: a duplicate of another amount can then be reported."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.seen: dict[int, int] = {}
        self._chunks: deque[tuple[int, list[int]]] = deque()  # (n, hashes), oldest first
        self._unwritten: list[int] = []
        self._next = 0

    def add(self, hashed: int, amount_micros: int) -> None:
        """Remember an id that was counted."""
        self._unwritten.append(hashed)
        self.seen[hashed] = amount_micros

    def mark(self) -> int:
        """A point that `forget_since` can return to, until the next `take_changes`."""
        return len(self._unwritten)

    def forget_since(self, mark: int) -> None:
        """Forget the ids that were added since `mark`: their decision was undone."""
        for hashed in self._unwritten[mark:]:
            self.seen.pop(hashed, None)
        del self._unwritten[mark:]

    def take_changes(self) -> tuple[list[tuple[int, bytes]], list[int]]:
        """Return chunks to write, as (number, bytes), and numbers of chunks to delete, since the last call."""
        written = self._pack_unwritten()
        return [(number, self._pack(hashes)) for number, hashes in written], self._drop_old()

    def restore(self, chunks: Iterable[tuple[int, bytes]]) -> None:
        """Take the chunks of the state topic, in any order."""
        for number, packed in sorted(chunks):
            entries = list(_ENTRY.iter_unpack(packed))
            self.seen.update(entries)
            self._chunks.append((number, [hashed for hashed, _ in entries]))
            self._next = number + 1

    def _pack_unwritten(self) -> list[tuple[int, list[int]]]:
        unwritten, self._unwritten = self._unwritten, []
        if not unwritten:
            return []
        written = []
        if self._chunks and len(self._chunks[-1][1]) < CHUNK_FULL:
            number, hashes = self._chunks.pop()
            unwritten = hashes + unwritten
            self._next = number
        for start in range(0, len(unwritten), CHUNK_MAX):
            chunk = (self._next, unwritten[start : start + CHUNK_MAX])
            self._chunks.append(chunk)
            written.append(chunk)
            self._next += 1
        return written

    def _drop_old(self) -> list[int]:
        dropped = []
        while self._chunks and len(self.seen) - len(self._chunks[0][1]) >= self.capacity:
            number, hashes = self._chunks.popleft()
            for hashed in hashes:
                self.seen.pop(hashed, None)  # a forged chunk may repeat ids of another
            dropped.append(number)
        return dropped

    def _pack(self, hashes: list[int]) -> bytes:
        seen = self.seen
        return b"".join(_ENTRY.pack(hashed, seen[hashed]) for hashed in hashes)
