"""The records of one partition number that are read but not applied, lowest arrival first across topics."""

from collections import deque
from collections.abc import Iterable
from typing import Final

from aiokafka import ConsumerRecord

from streams.topics import INPUTS, Topic

__all__ = ["Inbox"]

_ORDER: Final = {topic: order for order, topic in enumerate(INPUTS)}


class Inbox:
    """One queue a topic. A record leaves it when it is applied, so the rest is what a restart reads again."""

    def __init__(self) -> None:
        self.queues: dict[Topic, deque[ConsumerRecord]] = {topic: deque() for topic in INPUTS}
        self._read: dict[Topic, int] = {}
        self._ends: dict[Topic, int] = {}

    def begin(self, positions: dict[Topic, int], ends: dict[Topic, int]) -> None:
        """Forget what is at hand: reading begins anew at `positions`; `ends` is what is there to catch up with."""
        for queue in self.queues.values():
            queue.clear()
        self._read = dict(positions)
        self._ends = {topic: end for topic, end in ends.items() if positions[topic] < end}

    def add(self, topic: Topic, records: list[ConsumerRecord], position: int) -> None:
        """Take the records of one poll; `position` is read next. What was taken before is not taken again."""
        read = self._read[topic]
        if records and records[0].offset < read:
            records = [record for record in records if record.offset >= read]
        self.queues[topic].extend(records)
        self._read[topic] = max(read, position)
        if position >= self._ends.get(topic, 0):
            self._ends.pop(topic, None)

    def applied(self, topic: Topic) -> int:
        """The offset below which every record of the topic is applied."""
        queue = self.queues[topic]
        return queue[0].offset if queue else self._read[topic]

    def positions(self) -> dict[Topic, int]:
        return {topic: self.applied(topic) for topic in self._read}

    def read_up_to(self, topic: Topic) -> int:
        return self._read[topic]

    def behind(self) -> set[Topic]:
        """Topics with records from before the start that are not at hand: order across topics waits for them."""
        return {topic for topic in self._ends if not self.queues[topic]}

    def next_topic(self, among: Iterable[Topic]) -> Topic | None:
        """The topic whose first record has the lowest arrival; catalog first, ticks last when equal."""
        heads = [(self.queues[topic][0].timestamp, _ORDER[topic], topic) for topic in among if self.queues[topic]]
        return min(heads)[2] if heads else None

    def lowest_arrival_besides(self, topic: Topic) -> tuple[int, int] | None:
        """Arrival and order of the record that must go before later ones of `topic`; None when there is none."""
        heads = [
            (queue[0].timestamp, _ORDER[other]) for other, queue in self.queues.items() if queue and other is not topic
        ]
        return min(heads, default=None)
