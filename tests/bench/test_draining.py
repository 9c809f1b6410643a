"""The figures of a worker that drains a backlog, from counts that are given here."""

from typing import cast

import pytest

from bench.draining import Draining
from bench.machine import Worker
from core.errors import SpendgateError


class ScriptedWorker:
    """A worker that has applied these numbers of events each time it is asked, and the last number from then on."""

    def __init__(self, *applied: int) -> None:
        self._applied = list(applied)

    def applied(self, _topic: str) -> int:
        return self._applied.pop(0) if len(self._applied) > 1 else self._applied[0]

    def cpu_seconds(self) -> float:
        return 1.0


def draining(*applied: int) -> Draining:
    return Draining(cast(Worker, ScriptedWorker(*applied)))


def test_what_is_applied_between_two_counts_has_its_rate() -> None:
    assert draining(0, 10, 10, 40).figures(40).keys() == {"events_per_second", "cpu_seconds_per_million"}


def test_a_backlog_that_is_drained_at_once_has_no_rate() -> None:
    with pytest.raises(SpendgateError, match="take more"):
        draining(40).figures(40)


def test_where_others_spend_their_next_event_ends_it() -> None:
    assert draining(40, 40, 40, 41).figures(40, others_spend=True)["cpu_seconds_per_million"] == 0
