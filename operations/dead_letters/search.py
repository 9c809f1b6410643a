"""Reads dead letters with their last action: all that match a filter, or some by position. Lists are in `pages`.

`operations.dead_letters.handling` replays and drops them, `operations.dead_letters.views` shows them.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, NamedTuple

from aiokafka import ConsumerRecord

from core.errors import NotFound, RefusedValue
from models.queries.dead_letter_actions import DeadLetterPosition, last_actions
from models.session import session_scope
from models.tables.dead_letter_action import DeadLetterAction
from streams.dead_letters.dead_letter import DeadLetter, read_dead_letter
from streams.kafka.reader import TopicReader, topic_reader
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = [
    "WAITING",
    "Batches",
    "DeadLetterEntry",
    "DeadLetterFilter",
    "Progress",
    "dead_letter_position",
    "entries_of",
    "find",
    "read_batches",
    "scan",
]

WAITING: Final = "waiting"

_ID: Final = re.compile(r"(\d{1,5})/(\d{1,18})", re.ASCII)
#: The most dead letters of a batch, and their most bytes, because each may have a megabyte.
_BATCH: Final = 500
_BATCH_BYTES: Final = 8 * 1024 * 1024

#: Batches of dead letters; a caller that does not read all of them must close the generator.
Batches = AsyncGenerator[list["DeadLetterEntry"], None]
#: Called with the number of offsets that were read, and of all.
Progress = Callable[[int, int], None]


class DeadLetterFilter(NamedTuple):
    """Conditions on dead letters; by default those that were neither replayed nor dropped."""

    reason: str | None = None
    brand_id: str | None = None  # by key or value
    handled: bool = False  # replayed and dropped ones as well

    def fits(self, dead_letter: DeadLetter) -> bool:
        """Whether reason and brand match; `handled` is not considered."""
        if self.reason is not None and dead_letter.reason != self.reason:
            return False
        return (
            self.brand_id is None or dead_letter.brand_id == self.brand_id or dead_letter.key == self.brand_id.encode()
        )


@dataclass(frozen=True, slots=True)
class DeadLetterEntry:
    """A dead letter, the id of its topic, and the last action on it; None while it waits."""

    dead_letter: DeadLetter
    topic_id: str
    action: DeadLetterAction | None
    #: The length of the value in bytes, where a list has dropped the value itself.
    value_bytes: int | None = None

    @property
    def dead_letter_id(self) -> str:
        """Its partition and offset, as `1/42`."""
        return "{}/{}".format(*self.dead_letter.position)

    @property
    def size(self) -> int:
        """The length of the value in bytes."""
        return len(self.dead_letter.value or b"") if self.value_bytes is None else self.value_bytes


def dead_letter_position(text: str) -> DeadLetterPosition:
    """Parse the id of a dead letter, `partition/offset`. Raises RefusedValue."""
    match = _ID.fullmatch(text)
    if match is None:
        raise RefusedValue(
            f"{text[:40]!r} is no dead letter: write partition/offset, as `spendgate dlq list` shows it."
        )
    return int(match[1]), int(match[2])


async def scan(settings: Settings, wanted: DeadLetterFilter, progress: Progress | None = None) -> Batches:
    """All dead letters that match and are on the topic at the call, in batches, in the order of the topic."""
    async with topic_reader(settings, Topic.DEAD_LETTERS, in_small_steps=True) as reader:
        starts, ends = await reader.starts(), await reader.ends()
        total, done = sum(ends.values()) - sum(starts.values()), 0
        async with aclosing(_batches(reader)) as batches:
            async for batch in batches:
                entry = await entries_of(
                    settings, reader.topic_id, [dead_letter for dead_letter in batch if wanted.fits(dead_letter)]
                )
                yield [one for one in entry if wanted.handled or one.action is None]
                done += len(batch)
                if progress:
                    progress(done, total)
    if progress:
        progress(total, total)  # marks of transactions have offsets too


async def read_batches(settings: Settings, positions: Iterable[DeadLetterPosition]) -> Batches:
    """The dead letters at these positions, in one batch. Raises NotFound when one of them is not there."""
    async with topic_reader(settings, Topic.DEAD_LETTERS, in_small_steps=True) as reader:
        dead_letters = [await _read_one(reader, position) for position in dict.fromkeys(positions)]
        yield await entries_of(settings, reader.topic_id, dead_letters)


async def find(settings: Settings, position: DeadLetterPosition) -> DeadLetterEntry:
    """The dead letter at the position. Raises NotFound."""
    async with aclosing(read_batches(settings, [position])) as found:
        [entry] = await anext(found)
        return entry


async def _batches(reader: TopicReader) -> AsyncGenerator[list[DeadLetter], None]:
    batch: list[DeadLetter] = []
    size = 0
    async with aclosing(reader.to_end()) as records:
        async for record in records:
            batch.append(read_dead_letter(record))
            size += len(record.value or b"")
            if len(batch) == _BATCH or size >= _BATCH_BYTES:
                yield batch
                batch, size = [], 0
    yield batch


async def _read_one(reader: TopicReader, position: DeadLetterPosition) -> DeadLetter:
    partition, offset = position
    ends = await reader.ends()
    if offset < ends.get(partition, 0):
        reader.seek({**ends, partition: offset})
        async with aclosing(reader.to_end()) as records:
            async for record in records:
                if record.partition == partition and record.offset >= offset:
                    return _dead_letter_at(record, position)
    raise _not_there(position)


def _dead_letter_at(record: ConsumerRecord, position: DeadLetterPosition) -> DeadLetter:
    """The dead letter at the position. Raises NotFound where the first record from there has a higher offset:
    transaction markers have offsets, and retention removes records."""
    dead_letter = read_dead_letter(record)
    if dead_letter.position != position:
        raise _not_there(position)
    return dead_letter


def _not_there(position: DeadLetterPosition) -> NotFound:
    return NotFound("There is no dead letter {}/{}.".format(*position))


async def entries_of(settings: Settings, topic_id: str, dead_letters: Sequence[DeadLetter]) -> list[DeadLetterEntry]:
    """The dead letters with their last actions, in the same order."""
    if not dead_letters:
        return []
    positions = [dead_letter.position for dead_letter in dead_letters]
    actions = await asyncio.to_thread(_last_actions, settings, topic_id, positions)
    return [DeadLetterEntry(dead_letter, topic_id, actions.get(dead_letter.position)) for dead_letter in dead_letters]


def _last_actions(
    settings: Settings, topic_id: str, positions: Sequence[DeadLetterPosition]
) -> dict[DeadLetterPosition, DeadLetterAction]:
    with session_scope(settings.database) as session:
        return last_actions(session, topic_id, positions)
