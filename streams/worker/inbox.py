"""The records of one partition number that are read but not applied, lowest arrival first across topics."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, cast

from aiokafka import ConsumerRecord

from core.moment import ALWAYS, Moment
from streams.kafka.topics import INPUTS, Topic

#: The most of one topic that is kept in memory while it waits, plus one poll; the rest stays on the broker.
_KEPT_RECORDS: Final = 20_000
_KEPT_BYTES: Final = 32 * 1024 * 1024  # of keys, values and headers
#: What Python needs for a header besides its bytes.
_HEADER_BYTES: Final = 150

__all__ = ["Inbox"]

_ORDER: Final = {topic: order for order, topic in enumerate(INPUTS)}


class Inbox:
    """One queue for each topic. A record leaves it when it is applied, so a restart reads again what is left."""

    def __init__(self) -> None:
        self._queues: dict[Topic, deque[ConsumerRecord]] = {topic: deque() for topic in INPUTS}
        #: The offset of the last record and the bytes of each poll that is not applied completely: to count bytes once
        #: for each poll costs less than for each record.
        self._polls: dict[Topic, deque[tuple[int, int]]] = {topic: deque() for topic in INPUTS}
        self._bytes = dict.fromkeys(INPUTS, 0)
        self._read: dict[Topic, int] = {}
        self._ends: dict[Topic, int] = {}
        self._last_arrival: dict[Topic, Moment] = {}
        #: Offset and moment: the records below the offset are all that there were when a fetch was sent at the moment.
        self._fetched: dict[Topic, tuple[int, Moment]] = {}

    def begin(self, positions: dict[Topic, int], ends: dict[Topic, int]) -> None:
        """Empty the queues: reading begins again at `positions`. Topics are behind until they are read to `ends`."""
        for topic, queue in self._queues.items():
            queue.clear()
            self._polls[topic].clear()
            self._bytes[topic] = 0
        self._read = dict(positions)
        self._last_arrival.clear()
        self._fetched.clear()
        self._ends = {topic: end for topic, end in ends.items() if positions[topic] < end}

    def add(self, topic: Topic, records: list[ConsumerRecord], position: int) -> None:
        """Add the records of one poll; `position` is read next. Records that were added before are left out."""
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

    def expect(self, positions: Mapping[Topic, int]) -> None:
        """Topics are behind until they are read to these positions: what one poll has read comes topic by topic, and is
        at hand together."""
        for topic, position in positions.items():
            if self._read[topic] < position:
                self._ends[topic] = max(position, self._ends.get(topic, 0))

    def note_fetched(self, topic: Topic, offset: int, sent_at: Moment) -> None:
        """Records below `offset` are all that the topic had when a fetch was sent at `sent_at`, by our own clock."""
        self._fetched[topic] = (offset, sent_at)

    def applied_up_to(self, topic: Topic, arrival_of_fetch: Callable[[Moment], Moment]) -> Moment:
        """The moment before which every arrival is applied; ALWAYS where it is not known."""
        if queue := self._queues[topic]:
            return cast(Moment, queue[0].timestamp)
        offset, sent_at = self._fetched.get(topic, (0, None))
        last = self._last_arrival.get(topic, ALWAYS)
        if sent_at is None or self._read[topic] < offset:
            return last
        return max(last, arrival_of_fetch(sent_at))

    def is_empty(self) -> bool:
        return not any(self._queues.values())

    def queued(self, topic: Topic) -> Iterator[ConsumerRecord]:
        """The topic's records in order; nothing may be added or dropped meanwhile."""
        return iter(self._queues[topic])

    def drop(self, topic: Topic, count: int) -> None:
        """Remove the first `count` records, which are applied."""
        queue, polls = self._queues[topic], self._polls[topic]
        for _ in range(count):
            queue.popleft()
        applied = self.applied(topic)
        while polls and polls[0][0] < applied:
            self._bytes[topic] -= polls.popleft()[1]

    def size_in_bytes(self, topic: Topic) -> int:
        """Bytes of keys, values and headers, including those already applied of the first poll."""
        return self._bytes[topic]

    def applied(self, topic: Topic) -> int:
        """The offset below which every record of the topic is applied."""
        queue = self._queues[topic]
        return queue[0].offset if queue else self._read[topic]

    def positions(self) -> dict[Topic, int]:
        """The offset below which each topic is applied."""
        return {topic: self.applied(topic) for topic in self._read}

    def read_up_to(self, topic: Topic) -> int:
        """The offset below which the topic was read."""
        return self._read[topic]

    def behind(self) -> set[Topic]:
        """Topics with empty queues that were not read to their ends as of the start, or to where a poll has read them:
        the order waits for them."""
        return {topic for topic in self._ends if not self._queues[topic]}

    def full(self) -> set[Topic]:
        """Topics whose queues are full. Nothing waits for more of them: what is in the queue is applied first."""
        return {
            topic
            for topic, queue in self._queues.items()
            if queue and (len(queue) >= _KEPT_RECORDS or self._bytes[topic] >= _KEPT_BYTES)
        }

    def next_topic(self, among: Iterable[Topic]) -> Topic | None:
        """The topic whose first record has the lowest arrival; catalog first, ticks last when equal."""
        heads = [(self._queues[topic][0].timestamp, _ORDER[topic], topic) for topic in among if self._queues[topic]]
        return min(heads)[2] if heads else None

    def lowest_arrival_besides(self, topic: Topic, applying: Topic | None = None) -> tuple[int, int] | None:
        """Arrival and order of the first record of the other topics, of `applying` of its second; None when there is
        none."""
        heads = []
        for other, queue in self._queues.items():
            first = int(other is applying)
            if other is not topic and len(queue) > first:
                heads.append((queue[first].timestamp, _ORDER[other]))
        return min(heads, default=None)


def _size(records: list[ConsumerRecord]) -> int:
    size = sum([len(record.value or b"") + len(record.key or b"") for record in records])
    for headers in [record.headers for record in records if record.headers]:
        size += sum(_HEADER_BYTES + len(name) + len(value or b"") for name, value in headers)
    return size
