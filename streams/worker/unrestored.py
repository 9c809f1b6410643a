"""The partitions that are assigned to a worker and cannot be restored yet."""

from collections.abc import Collection, Iterator, Mapping

import structlog
from typing_extensions import override

from streams.worker import worker_metrics

__all__ = ["Unrestored"]

log = structlog.get_logger()


class Unrestored(Collection[int]):
    """The partitions by number, each with a sentence on why; logs and counts them as stopped."""

    def __init__(self) -> None:
        self._sentences: dict[int, str] = {}

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

    def note_tried(self, numbers: Collection[int], why_not: Mapping[int, str]) -> None:
        """Note that these partitions were restored, except those in `why_not`."""
        for number in numbers:
            if number in self._sentences and number not in why_not:
                del self._sentences[number]
                log.warning("partition_goes_on", partition=number)
                worker_metrics.STOPPED.labels(str(number)).set(0)
        self._note(why_not)

    def note_still(self, why_not: Mapping[int, str]) -> None:
        """Note why those of these that are still not restored are not, which may be for another reason than before."""
        self._note({number: why for number, why in why_not.items() if number in self._sentences})

    def keep(self, numbers: Collection[int]) -> None:
        """Forget the partitions that are not assigned any more: all but `numbers`."""
        for number in [it for it in self if it not in numbers]:
            del self._sentences[number]
            worker_metrics.STOPPED.labels(str(number)).set(0)

    def _note(self, why_not: Mapping[int, str]) -> None:
        for number, why in why_not.items():
            if self._sentences.get(number) != why:
                log.error("partition_stopped", partition=number, why=why)
            self._sentences[number] = why
            worker_metrics.STOPPED.labels(str(number)).set(1)
