"""Lists dead letters, newest first. Reads the topic backwards from its end, so that a page costs what it shows.

A cursor has one offset for each partition, below which the next page begins; so no entry is shown twice while the topic
grows.
"""

import re
from collections import deque
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Final, NamedTuple

from core.errors import RefusedValue
from operations.dead_letters.search import DeadLetterEntry, DeadLetterFilter, entries_of
from streams.dead_letters.dead_letter import DeadLetter, read_dead_letter
from streams.kafka.reader import ReaderPositions, TopicReader, topic_reader
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["SCANNED_MAX", "DeadLetterPage", "every_page", "page"]

_CURSOR: Final = re.compile(r"\d{1,18}(-\d{1,18})*", re.ASCII)
#: Offsets of a partition that are read at once: few at first, more while few match.
_WINDOW_MIN: Final = 128
_WINDOW_MAX: Final = 4_096
#: After so many offsets a page ends, with a cursor to continue at.
SCANNED_MAX: Final = 200_000


class DeadLetterPage(NamedTuple):
    """Dead letters, newest first, without values and headers. `after` is the cursor of the next page, None on the
    last."""

    dead_letters: Sequence[DeadLetterEntry]
    after: str | None


async def page(
    settings: Settings, wanted: DeadLetterFilter, *, limit: int = 100, after: str | None = None
) -> DeadLetterPage:
    """The newest dead letters that match, or the next older ones after a cursor. A page may have fewer than `limit`, or
    none, where they are far apart, and still a cursor for the next page."""
    async with topic_reader(settings, Topic.DEAD_LETTERS, in_small_steps=True) as reader:
        ends = await reader.ends() if after is None else _read_cursor(after, reader.partition_count)
        backwards = _Backwards(settings, reader, wanted, await reader.starts(), ends)
        dead_letters: list[DeadLetterEntry] = []
        while len(dead_letters) < limit and (entry := await backwards.next()):
            dead_letters.append(entry)
        return DeadLetterPage(dead_letters, None if await backwards.is_at_end() else backwards.cursor())


async def every_page(settings: Settings, wanted: DeadLetterFilter, *, limit: int) -> Sequence[DeadLetterEntry]:
    """The newest dead letters that match, up to `limit`, through the whole topic."""
    found: list[DeadLetterEntry] = []
    after: str | None = None
    while len(found) < limit:
        dead_letters, after = await page(settings, wanted, limit=limit - len(found), after=after)
        found += dead_letters
        if after is None:
            break
    return found


class _Backwards:
    """Reads the dead letters that match, newest first; within a partition the higher offset first."""

    def __init__(
        self,
        settings: Settings,
        reader: TopicReader,
        wanted: DeadLetterFilter,
        starts: ReaderPositions,
        ends: ReaderPositions,
    ) -> None:
        self._settings = settings
        self._reader = reader
        self._wanted = wanted
        self._starts = starts
        #: The offset down to which each partition was read, and the dead letters that were not returned yet.
        self._read_to = {number: max(ends[number], starts[number]) for number in starts}
        self._read: dict[int, deque[DeadLetterEntry]] = {number: deque() for number in starts}
        self._window = _WINDOW_MIN
        self._scanned = 0

    async def next(self) -> DeadLetterEntry | None:
        """The next dead letter; None at the beginning of the topic, or after `SCANNED_MAX` offsets."""
        while (behind := self._behind()) and self._scanned < SCANNED_MAX:
            await self._read_back(behind)
        heads = [dead_letters[0] for dead_letters in self._read.values() if dead_letters]
        if not heads or behind:
            return None
        newest = max(heads, key=lambda entry: (entry.dead_letter.refused_at, *entry.dead_letter.position))
        return self._read[newest.dead_letter.partition].popleft()

    async def is_at_end(self) -> bool:
        while (behind := self._behind()) and self._scanned < SCANNED_MAX:
            await self._read_back(behind)
        return not behind and not any(self._read.values())

    def cursor(self) -> str:
        below = {
            number: dead_letters[0].dead_letter.offset + 1 if dead_letters else self._read_to[number]
            for number, dead_letters in self._read.items()
        }
        return "-".join(str(below[number]) for number in sorted(below))

    def _behind(self) -> list[int]:
        """The partitions that must be read further before the next dead letter is known."""
        return [number for number, at in self._read_to.items() if not self._read[number] and at > self._starts[number]]

    async def _read_back(self, numbers: Sequence[int]) -> None:
        ends = {number: self._read_to[number] for number in numbers}
        starts = {number: max(self._starts[number], end - self._window) for number, end in ends.items()}
        dead_letters: list[DeadLetter] = []
        sizes: dict[tuple[int, int], int] = {}
        async with aclosing(self._reader.between(starts, ends)) as records:
            async for record in records:
                dead_letter = read_dead_letter(record)
                if self._wanted.fits(dead_letter):
                    sizes[dead_letter.position] = len(dead_letter.value or b"")
                    dead_letters.append(replace(dead_letter, value=None, headers=(), added=()))
        for entry in await entries_of(self._settings, self._reader.topic_id, dead_letters):
            if self._wanted.handled or entry.action is None:
                sized = replace(entry, value_bytes=sizes[entry.dead_letter.position])
                self._read[entry.dead_letter.partition].appendleft(sized)
        self._read_to |= starts
        self._scanned += sum(ends[number] - starts[number] for number in numbers)
        self._window = min(2 * self._window, _WINDOW_MAX)


def _read_cursor(text: str, partitions: int) -> ReaderPositions:
    offsets = text.split("-")
    if not _CURSOR.fullmatch(text) or len(offsets) != partitions:
        raise RefusedValue(
            f"{text[:40]!r} is no place in the list of dead letters: write the cursor of the page before."
        )
    return dict(enumerate(map(int, offsets)))
