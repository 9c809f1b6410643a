"""Reading the dead letters: which there are, how each stands, and one of them in full.

What is done with them is in `console.operations.letters`, how they are shown in `console.dead_letter_views`.
"""

import asyncio
import heapq
import re
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, NamedTuple

from aiokafka import ConsumerRecord

from models.dead_letter_action import DeadLetterAction
from models.dead_letter_actions import Position, count_handled, last_actions
from models.session import session_scope
from streams.errors import NotFound, RefusedValue
from streams.letter import Letter, read_letter
from streams.settings import Settings
from streams.topic_reader import TopicReader, topic_reader
from streams.topics import Topic

__all__ = [
    "WAITING",
    "Batches",
    "Filed",
    "Page",
    "Progress",
    "Wanted",
    "count_waiting",
    "find",
    "letter_position",
    "page",
    "picked",
    "scan",
]

WAITING: Final = "waiting"

_ID: Final = re.compile(r"(\d{1,5})/(\d{1,18})", re.ASCII)
_CURSOR: Final = re.compile(r"(\d{1,16})\.(\d{1,5})\.(\d{1,18})", re.ASCII)
#: Letters that are looked up, or handled, at once; and how many bytes of them, because each may be a megabyte.
_BATCH: Final = 500
_BATCH_BYTES: Final = 8 * 1024 * 1024

#: Batches of letters; whoever does not read them to the end closes them.
Batches = AsyncGenerator[list["Filed"], None]
#: Called with how much of the topic was read and how much there is.
Progress = Callable[[int, int], None]
#: When it was refused, partition, offset: no two letters have the same.
_Age = tuple[int, int, int]


class Wanted(NamedTuple):
    """Which letters: all that wait, unless it says less or more."""

    reason: str | None = None
    brand_id: str | None = None  # by key or value
    handled: bool = False  # replayed and dropped ones as well

    def fits(self, letter: Letter) -> bool:
        """As far as the letter itself tells."""
        if self.reason is not None and letter.reason != self.reason:
            return False
        return self.brand_id is None or letter.brand_id == self.brand_id or letter.key == self.brand_id.encode()


@dataclass(frozen=True, slots=True)
class Filed:
    """A letter, which topic of that name it lies on, and the last that was done with it; None while it waits."""

    letter: Letter
    topic_id: str
    action: DeadLetterAction | None

    @property
    def letter_id(self) -> str:
        return "{}/{}".format(*self.letter.position)

    @property
    def age(self) -> _Age:
        return self.letter.refused_at, *self.letter.position


class Page(NamedTuple):
    """Newest first. `after` asks for the next page; None when this is the last."""

    letters: Sequence[Filed]
    after: str | None


def letter_position(text: str) -> Position:
    """Read an id as it is shown."""
    match = _ID.fullmatch(text)
    if match is None:
        raise RefusedValue(
            f"{text[:40]!r} is no dead letter: write partition/offset, as `spendgate dlq list` shows it."
        )
    return int(match[1]), int(match[2])


async def page(settings: Settings, wanted: Wanted, *, limit: int = 100, after: str | None = None) -> Page:
    """The newest letters that fit, or the next older ones. Reads the topic through and holds one page of it."""
    newer_than_all = None if after is None else _read_cursor(after)
    newest: list[tuple[_Age, Filed]] = []
    async for batch in scan(settings, wanted):
        for filed in batch:
            if newer_than_all is None or filed.age < newer_than_all:
                heapq.heappush(newest, (filed.age, filed))
                if len(newest) > limit + 1:
                    heapq.heappop(newest)
    letters = [filed for _, filed in sorted(newest, reverse=True)]
    if len(letters) <= limit:
        return Page(letters, None)
    return Page(letters[:limit], ".".join(map(str, letters[limit - 1].age)))


async def scan(settings: Settings, wanted: Wanted, progress: Progress | None = None) -> Batches:
    """All letters that fit, of those that are there at the call, in batches and in the order of the topic."""
    async with topic_reader(settings, Topic.DEAD_LETTERS) as reader:
        starts, ends = await reader.starts(), await reader.ends()
        total, done = sum(ends.values()) - sum(starts.values()), 0
        async with aclosing(_batches(reader)) as batches:
            async for batch in batches:
                filed = await _filed(settings, reader.topic_id, [letter for letter in batch if wanted.fits(letter)])
                yield [one for one in filed if wanted.handled or one.action is None]
                done += len(batch)
                if progress:
                    progress(done, total)
    if progress:
        progress(total, total)  # marks of transactions have offsets too


async def picked(settings: Settings, positions: Iterable[Position]) -> Batches:
    """These letters in one batch; NotFound when one of them is not there."""
    async with topic_reader(settings, Topic.DEAD_LETTERS) as reader:
        letters = [await _read_one(reader, position) for position in dict.fromkeys(positions)]
        yield await _filed(settings, reader.topic_id, letters)


async def find(settings: Settings, position: Position) -> Filed:
    async with aclosing(picked(settings, [position])) as found:
        [filed] = await anext(found)
        return filed


async def count_waiting(settings: Settings) -> int:
    """Letters neither replayed nor dropped. Reads the topic through without looking into a record, because offsets
    would count the marks of transactions too."""
    async with topic_reader(settings, Topic.DEAD_LETTERS) as reader:
        starts, letters = await reader.starts(), 0
        async for _ in reader.to_end():
            letters += 1
        handled = await asyncio.to_thread(_count_handled, settings, reader.topic_id, starts) if letters else 0
        return letters - handled


async def _batches(reader: TopicReader) -> AsyncGenerator[list[Letter], None]:
    batch: list[Letter] = []
    size = 0
    async with aclosing(reader.to_end()) as records:
        async for record in records:
            batch.append(read_letter(record))
            size += len(record.value or b"")
            if len(batch) == _BATCH or size >= _BATCH_BYTES:
                yield batch
                batch, size = [], 0
    yield batch


async def _read_one(reader: TopicReader, position: Position) -> Letter:
    partition, offset = position
    ends = await reader.ends()
    if offset < ends.get(partition, 0):
        reader.go_to({**ends, partition: offset})
        async with aclosing(reader.to_end()) as records:
            async for record in records:
                if record.partition == partition and record.offset >= offset:
                    return _the_one(record, position)
    raise _not_there(position)


def _the_one(record: ConsumerRecord, position: Position) -> Letter:
    """The first record from a place on need not be at it: marks of transactions have offsets, and old letters go."""
    letter = read_letter(record)
    if letter.position != position:
        raise _not_there(position)
    return letter


def _not_there(position: Position) -> NotFound:
    return NotFound("There is no dead letter {}/{}.".format(*position))


async def _filed(settings: Settings, topic_id: str, letters: Sequence[Letter]) -> list[Filed]:
    if not letters:
        return []
    positions = [letter.position for letter in letters]
    actions = await asyncio.to_thread(_last_actions, settings, topic_id, positions)
    return [Filed(letter, topic_id, actions.get(letter.position)) for letter in letters]


def _last_actions(settings: Settings, topic_id: str, positions: Sequence[Position]) -> dict[Position, DeadLetterAction]:
    with session_scope(settings.database) as session:
        return last_actions(session, topic_id, positions)


def _count_handled(settings: Settings, topic_id: str, starts: dict[int, int]) -> int:
    with session_scope(settings.database) as session:
        return count_handled(session, topic_id, starts)


def _read_cursor(text: str) -> _Age:
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise RefusedValue(f"{text[:40]!r} is no place in the list of dead letters: write what the page before told.")
    return int(match[1]), int(match[2]), int(match[3])
