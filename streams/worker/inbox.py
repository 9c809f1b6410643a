"""The records of one partition number that are read but not applied, lowest arrival first across topics."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final, cast

from aiokafka import ConsumerRecord

from core.moment import ALWAYS, Moment
from streams.kafka.topics import INPUTS, Topic

#: So much of one topic, and a poll more, is kept while it waits; the rest stays with the broker.
_KEPT_RECORDS: Final = 20_000
_KEPT_BYTES: Final = 32 * 1024 * 1024  # of keys, values and headers
#: What Python needs for a header besides its bytes.
_HEADER_BYTES: Final = 150

__all__ = ["Inbox"]

_ORDER: Final = {topic: order for order, topic in enumerate(INPUTS)}


class Inbox:
    """One queue a topic. A record leaves it when it is applied, so the rest is what a restart reads again."""

    def __init__(self) -> None:
        self._queues: dict[Topic, deque[ConsumerRecord]] = {topic: deque() for topic in INPUTS}
        #: Of each poll that is not applied whole, the offset of its last record and its bytes. To count them once a
        #: poll costs less than to count what is left of it.
        self._polls: dict[Topic, deque[tuple[int, int]]] = {topic: deque() for topic in INPUTS}
        self._bytes = dict.fromkeys(INPUTS, 0)
        self._read: dict[Topic, int] = {}
        self._ends: dict[Topic, int] = {}
        self._last_arrival: dict[Topic, Moment] = {}
        #: Offset and moment: when all below is read, all is that was there when a fetch was sent at that moment.
        self._whole: dict[Topic, tuple[int, Moment]] = {}

    def begin(self, positions: dict[Topic, int], ends: dict[Topic, int]) -> None:
        """Forget what is at hand: reading begins anew at `positions`; `ends` is what is there to catch up with."""
        for topic, queue in self._queues.items():
            queue.clear()
            self._polls[topic].clear()
            self._bytes[topic] = 0
        self._read = dict(positions)
        self._last_arrival.clear()
        self._whole.clear()
        self._ends = {topic: end for topic, end in ends.items() if positions[topic] < end}

    def add(self, topic: Topic, records: list[ConsumerRecord], position: int) -> None:
        """Take the records of one poll; `position` is read next. What was taken before is not taken again."""
        read = self._read[topic]
        if records and records[0].offset < read:
            records = [record for record in records if record.offset >= read]
        if records:
            size = _size(records)
            self._queues[topic].extend(records)
            self._polls[topic].append((records[-1].offset, size))
            self._bytes[topic] += size
            self._last_arrival[topic] = records[-1].timestamp
        self._read[topic] = max(read, position)
        if position >= self._ends.get(topic, 0):
            self._ends.pop(topic, None)

    def note_whole(self, topic: Topic, offset: int, sent_at: Moment) -> None:
        """Records below `offset` are all that the topic had when a fetch was sent at `sent_at`, by our own clock."""
        self._whole[topic] = (offset, sent_at)

    def applied_up_to(self, topic: Topic, arrival_of_fetch: Callable[[Moment], Moment]) -> Moment:
        """Every record that arrived before is applied; ALWAYS where that is not known."""
        if queue := self._queues[topic]:
            return cast(Moment, queue[0].timestamp)
        offset, sent_at = self._whole.get(topic, (0, None))
        last = self._last_arrival.get(topic, ALWAYS)
        if sent_at is None or self._read[topic] < offset:
            return last
        return max(last, arrival_of_fetch(sent_at))

    def is_empty(self) -> bool:
        return not any(self._queues.values())

    def at_hand(self, topic: Topic) -> Iterator[ConsumerRecord]:
        """In their order; nothing may be added or dropped meanwhile."""
        return iter(self._queues[topic])

    def drop(self, topic: Topic, count: int) -> None:
        """The first `count` are applied."""
        queue, polls = self._queues[topic], self._polls[topic]
        for _ in range(count):
            queue.popleft()
        applied = self.applied(topic)
        while polls and polls[0][0] < applied:
            self._bytes[topic] -= polls.popleft()[1]

    def size_in_bytes(self, topic: Topic) -> int:
        """Of keys, values and headers, with what is applied already of the poll that is next."""
        return self._bytes[topic]

    def applied(self, topic: Topic) -> int:
        """The offset below which every record of the topic is applied."""
        queue = self._queues[topic]
        return queue[0].offset if queue else self._read[topic]

    def positions(self) -> dict[Topic, int]:
        return {topic: self.applied(topic) for topic in self._read}

    def read_up_to(self, topic: Topic) -> int:
        return self._read[topic]

    def behind(self) -> set[Topic]:
        """Topics with records from before the start that are not at hand: order across topics waits for them."""
        return {topic for topic in self._ends if not self._queues[topic]}

    def full(self) -> set[Topic]:
        """Topics of which enough is at hand. None of them is waited for, because what is at hand is applied first."""
        return {
            topic
            for topic, queue in self._queues.items()
            if queue and (len(queue) >= _KEPT_RECORDS or self._bytes[topic] >= _KEPT_BYTES)
        }

    def next_topic(self, among: Iterable[Topic]) -> Topic | None:
        """The topic whose first record has the lowest arrival; catalog first, ticks last when equal."""
        heads = [(self._queues[topic][0].timestamp, _ORDER[topic], topic) for topic in among if self._queues[topic]]
        return min(heads)[2] if heads else None

    def lowest_arrival_besides(self, topic: Topic) -> tuple[int, int] | None:
        """Arrival and order of the record that must go before later ones of `topic`; None when there is none."""
        heads = [
            (queue[0].timestamp, _ORDER[other]) for other, queue in self._queues.items() if queue and other is not topic
        ]
        return min(heads, default=None)


def _size(records: list[ConsumerRecord]) -> int:
    size = sum([len(record.value or b"") + len(record.key or b"") for record in records])
    for headers in [record.headers for record in records if record.headers]:
        size += sum(_HEADER_BYTES + len(name) + len(value or b"") for name, value in headers)
    return size
