"""How quickly a worker applies the backlog that it finds when it starts."""

from typing import Final

from bench.machine import Worker, wait_until
from core.errors import SpendgateError
from streams.kafka.topics import Topic

__all__ = ["Draining"]

_PATIENCE_SECONDS: Final = 1_200


class Draining:
    """From the first look at the worker that shows spend applied; it waits for that when it is made."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self.began_at = wait_until(lambda: self._applied() > 0, _PATIENCE_SECONDS)
        self._before, self._cpu_before = self._applied(), worker.cpu_seconds()

    def figures(self, events: int, *, others_spend: bool = False) -> dict[str, float]:
        """Rate and processor time up to the look that shows so many applied. Raises SpendgateError where the first look
        showed all of them, unless others spend, whose next event then ends it."""
        if others_spend:
            events = max(events, self._before + 1)
        elif self._before >= events:
            raise SpendgateError(f"all {events:,} events were applied before the first look at the worker: take more")
        ended_at = wait_until(lambda: self._applied() >= events, _PATIENCE_SECONDS, every=0.05)
        applied, cpu = self._applied() - self._before, self._worker.cpu_seconds() - self._cpu_before
        return {
            "events_per_second": round(applied / (ended_at - self.began_at)),
            "cpu_seconds_per_million": round(cpu / applied * 1_000_000, 2),
        }

    def _applied(self) -> int:
        return self._worker.applied(Topic.SPEND_EVENTS)
