"""The partitions that are assigned to a worker and cannot be restored yet."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

import structlog
from typing_extensions import override

from streams.kafka.topics import INPUTS, Topic
from streams.worker import worker_metrics
from streams.worker.offset_queries import TopicAndPartition

__all__ = ["Obstacle", "Unrestored", "until_then"]

log = structlog.get_logger()


class Obstacle(NamedTuple):
    """Why a partition cannot be restored yet: a sentence that says what to do, and what of it must answer before."""

    sentence: str
    lacking: frozenset[TopicAndPartition] = frozenset()


def until_then(number: int) -> str:
    """The sentence after one that says why a partition is stopped, and what to do."""
    return f"Until then partition {number} decides nothing; it goes on by itself."


class Unrestored(Collection[int]):
    """The partitions by number, each with sentences on why; logs and counts them as stopped."""

    def __init__(self) -> None:
        self._sentences: dict[int, str] = {}
        self._lacking: dict[int, frozenset[TopicAndPartition]] = {}

    @override
    def __len__(self) -> int:
        return len(self._sentences)

    @override
    def __iter__(self) -> Iterator[int]:
        return iter(list(self._sentences))

    @override
    def __contains__(self, number: object) -> bool:
        return number in self._sentences

    def sentences(self) -> list[str]:
        return list(self._sentences.values())

    def needed(self, numbers: Iterable[int]) -> dict[int, frozenset[TopicAndPartition]]:
        """What must answer before each of these partitions can be restored: its inputs, its state, and whatever else it
        has lacked before."""
        topics = (*INPUTS, Topic.CONTROLLER_STATE)
        return {n: self._lacking.get(n, frozenset()) | {(topic, n) for topic in topics} for n in numbers}

    def note_tried(self, numbers: Collection[int], obstacles: Mapping[int, Obstacle]) -> None:
        """Note that these partitions were restored, except those in `obstacles`."""
        for number in numbers:
            if number in self._sentences and number not in obstacles:
                self._forget(number)
                log.warning("partition_goes_on", partition=number)
        self._note(obstacles)

    def note_still(self, obstacles: Mapping[int, Obstacle]) -> None:
        """Note why those of these that are still not restored are not, which may be for another reason than before."""
        self._note({number: why for number, why in obstacles.items() if number in self._sentences})

    def keep(self, numbers: Collection[int]) -> None:
        """Forget the partitions that are not assigned any more: all but `numbers`."""
        for number in [it for it in self if it not in numbers]:
            self._forget(number)

    def _forget(self, number: int) -> None:
        del self._sentences[number]
        self._lacking.pop(number, None)
        worker_metrics.STOPPED.labels(str(number)).set(0)

    def _note(self, obstacles: Mapping[int, Obstacle]) -> None:
        for number, (sentence, lacking) in obstacles.items():
            why = f"{sentence} {until_then(number)}"
            if self._sentences.get(number) != why:
                log.error("partition_stopped", partition=number, why=why)
            self._sentences[number] = why
            self._lacking[number] = self._lacking.get(number, frozenset()) | lacking
            worker_metrics.STOPPED.labels(str(number)).set(1)
