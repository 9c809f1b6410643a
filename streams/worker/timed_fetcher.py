"""A fetcher of aiokafka that notes when each partition was fetched, that pauses between fetches, and whose polls take
partitions in turns."""

import asyncio
import time
from collections.abc import Iterable
from typing import Any, Final

from aiokafka.consumer.fetcher import Fetcher
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

    @override
    def _get_actions_per_node(self, assignment: Assignment) -> Any:
        """As the client's, but a fetch that leaves out partitions whose records are not all polled is answered at once,
        also without records: the client sends a broker one fetch at a time, and those partitions may need the next one
        soon."""
        actions = super()._get_actions_per_node(assignment)
        if self._records:
            request: FetchRequest
            for _, request in actions[0]:
                request._max_wait_ms = 0
        return actions

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
        for tp in records:
            if (rest := self._records.pop(tp, None)) is not None:
                self._records[tp] = rest
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


def make_timed(fetcher: Fetcher) -> None:
    """Give a started consumer's fetcher this behaviour. The client takes no other fetcher class, so the class of the
    object is replaced."""
    fetcher.__class__ = TimedFetcher
    fetcher.sent_at, fetcher.fetched_at, fetcher.fetching = {}, {}, {}
    fetcher.pause_seconds = _BETWEEN_FETCHES_SECONDS
    fetcher._prefetch_backoff = _ALONE_SECONDS
