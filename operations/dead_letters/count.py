"""Counts the dead letters that were neither replayed nor dropped. Each record of the topic is read once, however often
the count is asked for."""

import asyncio
from array import array
from bisect import bisect_left

from models.queries.dead_letter_actions import count_handled
from models.session import session_scope
from streams.kafka.reader import ReaderPositions, TopicReader, topic_reader
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["DeadLetterCount"]


class DeadLetterCount:
    """Remembers the offset of each dead letter, 8 bytes each: transaction markers have offsets too, so a difference of
    offsets is no count."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic_id = ""
        self._offsets: dict[int, array[int]] = {}
        self._read_to: ReaderPositions = {}
        self._turn = asyncio.Lock()

    async def waiting(self) -> int:
        """The number of dead letters that were neither replayed nor dropped."""
        async with self._turn, topic_reader(self._settings, Topic.DEAD_LETTERS, in_small_steps=True) as reader:
            starts, ends = await reader.starts(), await reader.ends()
            self._forget(reader.topic_id, starts, ends)
            await self._read_on(reader, ends)
            total = sum(map(len, self._offsets.values()))
            handled = await asyncio.to_thread(_count_handled, self._settings, reader.topic_id, starts) if total else 0
            return total - handled

    def _forget(self, topic_id: str, starts: ReaderPositions, ends: ReaderPositions) -> None:
        """Forget records that the topic has deleted, and all records when the topic was created again."""
        if topic_id != self._topic_id or any(ends.get(number, 0) < at for number, at in self._read_to.items()):
            self._topic_id = topic_id
            self._offsets = {number: array("q") for number in starts}
            self._read_to = dict(starts)
        for number, start in starts.items():
            self._read_to[number] = max(self._read_to.get(number, start), start)
            offsets = self._offsets.setdefault(number, array("q"))
            del offsets[: bisect_left(offsets, start)]

    async def _read_on(self, reader: TopicReader, ends: ReaderPositions) -> None:
        async for record in reader.between(dict(self._read_to), ends):
            self._offsets[record.partition].append(record.offset)
            self._read_to[record.partition] = record.offset + 1
        self._read_to = ends


def _count_handled(settings: Settings, topic_id: str, starts: ReaderPositions) -> int:
    with session_scope(settings.database) as session:
        return count_handled(session, topic_id, starts)
