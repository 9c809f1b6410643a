"""Lets aiokafka ask who leads a partition without a leader ten times a second at most.

By default a consumer asks again as soon as it has the answer, as long as one of its partitions has no leader: without a
pause, in the process that decides on all other partitions meanwhile.
"""

from time import monotonic
from typing import Any, Final
from weakref import WeakKeyDictionary

from aiokafka.consumer.fetcher import Fetcher

__all__ = ["install"]

_PAUSE_SECONDS: Final = 0.1

#: Fetcher -> when it last asked for a missing leader, by time.monotonic.
_asked_at: Final[WeakKeyDictionary[Fetcher, float]] = WeakKeyDictionary()

_next_actions: Final = Fetcher._get_actions_per_node


def install() -> None:
    """Replace the method for every consumer of this process, existing ones too; a second call changes nothing."""
    Fetcher._get_actions_per_node = _next_actions_with_pauses


def _next_actions_with_pauses(fetcher: Fetcher, assignment: Any) -> tuple[Any, ...]:
    fetches, resets, timeout, misses_leader, resumes = _next_actions(fetcher, assignment)
    if not misses_leader:
        return fetches, resets, timeout, False, resumes
    now = monotonic()
    is_due = fetcher not in _asked_at or now >= _asked_at[fetcher] + _PAUSE_SECONDS
    if is_due:
        _asked_at[fetcher] = now
    return fetches, resets, min(timeout, _PAUSE_SECONDS), is_due, resumes
