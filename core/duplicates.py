"""The accepted event ids of one partition, as stable 64-bit hashes: at least the last `capacity` of them.

They are kept in chunks of the order in which they came. A chunk is what one `seen/<n>` record of the state topic
holds; the newest is rewritten until it is full, the oldest is dropped as a whole.
"""

import struct
from collections import deque
from collections.abc import Iterable
from typing import Final

from xxhash import xxh3_64_intdigest

from core.moment import Moment

__all__ = ["CHUNK_FULL", "ENTRY_BYTES", "DuplicateWindow", "id_hash"]

#: Chunks below this many ids are rewritten rather than followed by another, so that a quiet partition has few.
CHUNK_FULL: Final = 256
#: A chunk's record stays far below the broker's limit of 1 MiB a message.
CHUNK_MAX: Final = 32_768

#: So many chunks have the moment kept at which they were begun; others are between two of them.
_BEGINNINGS_MAX: Final = 32

_ENTRY: Final = struct.Struct("<Qq")
ENTRY_BYTES: Final = _ENTRY.size
#: Packed at once, for a third of what each by itself costs. Python keeps the formats of all lengths up to this one.
_BLOCK_ENTRIES: Final = 64


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
        #: (chunk, moment at which it was begun), rising in both, of some chunks that are held.
        self.beginnings: list[tuple[int, Moment]] = []

    @property
    def reaches_back_to(self) -> Moment | None:
        """A moment since which every id that came is held, at or somewhat after the arrival of the oldest one. None
        when there is none, or an older release wrote them."""
        return self.beginnings[0][1] if self.beginnings else None

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
            del self.seen[hashed]
        del self._unwritten[mark:]

    def take_changes(self, now: Moment = 0) -> tuple[list[tuple[int, bytes]], list[int]]:
        """Return chunks to write, as (number, bytes), and numbers of chunks to delete, since the last call. `now` is
        when the newest id came."""
        written = self._pack_unwritten()
        dropped = self._drop_old()
        if written or dropped:
            self._note_beginnings([number for number, _ in written], now)
        return [(number, self._pack(hashes)) for number, hashes in written], dropped

    def restore(self, chunks: Iterable[tuple[int, bytes]], beginnings: Iterable[tuple[int, Moment]] = ()) -> None:
        """Take the chunks of the state topic, in any order, and when some of them were begun."""
        self.beginnings = list(beginnings)
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

    def _note_beginnings(self, written: list[int], now: Moment) -> None:
        last = self.beginnings[-1][0] if self.beginnings else -1
        self.beginnings += [(number, now) for number in written if number > last]
        oldest = self._chunks[0][0] if self._chunks else self._next
        self.beginnings = [(number, moment) for number, moment in self.beginnings if number >= oldest]
        while len(self.beginnings) > 2 * _BEGINNINGS_MAX:
            self.beginnings = self.beginnings[::2]

    def _drop_old(self) -> list[int]:
        dropped = []
        while self._chunks and len(self.seen) - len(self._chunks[0][1]) >= self.capacity:
            number, hashes = self._chunks.popleft()
            for hashed in hashes:
                self.seen.pop(hashed, None)  # a forged chunk may repeat ids of another
            dropped.append(number)
        return dropped

    def _pack(self, hashes: list[int]) -> bytes:
        numbers = [0] * (2 * len(hashes))
        numbers[::2] = hashes
        numbers[1::2] = map(self.seen.__getitem__, hashes)
        blocks = (numbers[at : at + 2 * _BLOCK_ENTRIES] for at in range(0, len(numbers), 2 * _BLOCK_ENTRIES))
        return b"".join([struct.pack("<" + "Qq" * (len(block) // 2), *block) for block in blocks])
