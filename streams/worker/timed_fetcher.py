"""A fetcher of aiokafka that notes when each partition was fetched, that pauses between fetches, whose polls take
partitions in turns, and that fetches no spend without the edits before it."""

import asyncio
import time
from collections.abc import Container, Iterable
from typing import Any, Final

from aiokafka.consumer.fetcher import Fetcher, FetchResult
from aiokafka.consumer.subscription_state import Assignment
from aiokafka.protocol.fetch import FetchRequest
from faust.types import TP
from typing_extensions import override

from core.moment import Moment
from streams.clock import current_moment

__all__ = ["TimedFetcher", "make_timed"]

#: How long after a fetch the next one is sent at the earliest, also after one that had many records. A fetch and the
#: poll that takes it cost the same for one record as for hundreds, and a record that comes after a pause does not wait:
#: the fetch before is still unanswered. docs/scaling.md, "Fetches", has the figures.
_BETWEEN_FETCHES_SECONDS: Final = 0.002
_AFTER_MANY_SECONDS: Final = 0.005
_MANY_RECORDS: Final = 100
#: How old the fetched records of one partition must be before others of the broker are fetched without it.
_ALONE_SECONDS: Final = 0.02
#: How old they must be, where a poll has left them, before others of its number are. An edit and the spend after it are
#: in partitions of one number: where one was fetched without the other, spend would be decided before an edit that was
#: sent first.
_NUMBER_ALONE_SECONDS: Final = 0.25


class TimedFetcher(Fetcher):  # type: ignore[misc]
    """Notes when the last answered fetch of each partition was sent, and sends the next one not too soon."""

    #: By the worker's clock.
    sent_at: dict[TP, Moment]
    #: When the last fetch was sent to a broker, by time.monotonic.
    fetched_at: dict[int, float]
    #: How long after it the next one is sent at the earliest.
    pause_seconds: float
    #: What fetches a partition, or did last.
    fetching: dict[TP, "asyncio.Task[Any] | None"]
    #: The topic of edits.
    catalog: str
    #: The partitions of which the last poll has left records.
    left: set[TP]

    @override
    def _get_actions_per_node(self, assignment: Assignment) -> Any:
        """As the client's, with three differences.

        A fetch that leaves out partitions whose records are not all polled is answered at once, also without records:
        the client sends a broker one fetch at a time, and those partitions may need the next one soon. It leaves out
        the other topics of their numbers too; where a poll has left records, until they are _NUMBER_ALONE_SECONDS old.

        A broker reads partitions in the order of the request. The catalog is last, so that an answer with spend has the
        edits before it; after a poll of many records it is first, because a backlog of spend may fill an answer."""
        fetches, resets, timeout, *others = super()._get_actions_per_node(assignment)
        held = self._held_numbers()
        # An error stays there while nobody polls its partition, one that is not restored.
        has_records = any(isinstance(it, FetchResult) for it in self._records.values())
        present: list[tuple[int, FetchRequest]] = []
        request: FetchRequest
        for node_id, request in fetches:
            if has_records:
                request._max_wait_ms = 0
            topics = _without(held, request.topics) if held else request.topics
            first = self.pause_seconds == _AFTER_MANY_SECONDS
            request._topics = sorted(topics, key=lambda it: (it[0] == self.catalog) is not first)
            if topics:
                present.append((node_id, request))
        return present, resets, min(timeout, _NUMBER_ALONE_SECONDS) if held else timeout, *others

    def _held_numbers(self) -> set[int]:
        """The partition numbers of which nothing is fetched, because of records that are not polled."""
        since = time.monotonic() - _NUMBER_ALONE_SECONDS
        held: set[int] = set()
        result: FetchResult
        for tp, result in self._records.items():
            if tp not in self.left or result._created > since:
                held.add(tp.partition)
        return held

    @override
    async def _proc_fetch_request(self, assignment: Assignment, node_id: int, request: Any) -> bool:
        try:
            await asyncio.sleep(self.fetched_at.get(node_id, 0.0) + self.pause_seconds - time.monotonic())
        except asyncio.CancelledError:
            return False  # as the client does while it waits for the answer
        self.fetched_at[node_id] = time.monotonic()
        states = {
            tp: state
            for topic, partitions in request.topics
            for number, *_ in partitions
            if (state := assignment.state_value(tp := TP(topic, number))) is not None
        }
        for state in states.values():
            state.timestamp = None  # set by an answer
        self._supersede(states)
        sent_at = current_moment()
        try:
            has_records = await super()._proc_fetch_request(assignment, node_id, request)
        except asyncio.CancelledError:
            return False
        # The client has processed the answer in the same step of the event loop.
        self.sent_at.update({tp: sent_at for tp, state in states.items() if state.timestamp is not None})
        for tp in [it for it in states if it.topic == self.catalog and it in self._records]:
            self._records.move_to_end(tp, last=False)  # a poll may be full before it has taken all
        return bool(has_records)

    @override
    async def fetched_records(
        self,
        partitions: Iterable[TP],
        timeout: float = 0,
        max_records: int | None = None,
    ) -> dict[TP, list[Any]]:
        """The records of one poll. What a poll leaves of a partition comes last in the next one: the client would take
        one partition to its end first, and a backlog of 8 MiB would keep all others waiting for many polls."""
        records: dict[TP, list[Any]] = await super().fetched_records(partitions, timeout, max_records)
        self.left = set(self._records)
        for tp in self.left & records.keys():
            self._records.move_to_end(tp)
        return records

    def note_polled(self, records: int) -> None:
        """Pause as long as is right after a poll of so many records."""
        self.pause_seconds = _AFTER_MANY_SECONDS if records > _MANY_RECORDS else _BETWEEN_FETCHES_SECONDS

    def _supersede(self, tps: Iterable[TP]) -> None:
        """Cancel what still fetches these from a former leader, whose answer would set the high watermark back."""
        present = asyncio.current_task()
        for tp in tps:
            former, self.fetching[tp] = self.fetching.get(tp), present
            if former is not None and former is not present:
                former.cancel()


def _without(
    numbers: Container[int], topics: Iterable[tuple[str, list[tuple[int, int, int]]]]
) -> list[tuple[str, list[tuple[int, int, int]]]]:
    """Topics with number, offset and most bytes of their partitions, without the partitions of these numbers."""
    kept = [(topic, [it for it in partitions if it[0] not in numbers]) for topic, partitions in topics]
    return [(topic, partitions) for topic, partitions in kept if partitions]


def make_timed(fetcher: Fetcher, catalog: str) -> None:
    """Give a started consumer's fetcher this behaviour; `catalog` is the topic of edits. The client takes no other
    fetcher class, so the class of the object is replaced."""
    fetcher.__class__ = TimedFetcher
    fetcher.sent_at, fetcher.fetched_at, fetcher.fetching = {}, {}, {}
    fetcher.catalog, fetcher.left = catalog, set()
    fetcher.pause_seconds = _BETWEEN_FETCHES_SECONDS
    fetcher._prefetch_backoff = _ALONE_SECONDS
