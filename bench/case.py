"""One measurement that can stand in the page, and one run of it."""

import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import psutil

from bench.machine import topics
from local.kafka import LocalKafka
from streams.settings import Settings, Timestamps

__all__ = ["Case", "take"]

_PARTITIONS: Final = 4


class Case(NamedTuple):
    """A column of a table. `arguments` are those with which `python -m bench` has it alone; `seconds` is about what it
    takes on a quiet machine."""

    group: str
    column: str
    arguments: str
    seconds: float
    measure: Callable[[Settings], dict[str, Any]]
    partitions: int = _PARTITIONS
    timestamps: Timestamps = Timestamps.APPEND


def take(case: Case, kafka: LocalKafka, prefix: str) -> dict[str, Any]:
    """One run on fresh topics: its figures, or why there are none, and how busy others kept the machine meanwhile."""
    began, busy, own = time.monotonic(), _busy_seconds(), _own_seconds()
    try:
        found = {"figures": case.measure(topics(kafka, prefix, case.partitions, case.timestamps))}
    except Exception as error:
        # One that fails leaves the others their figures, and its failure stands in its place.
        traceback.print_exc(file=sys.stderr)
        found = {"failed": " ".join(f"{type(error).__name__}: {error}".split())[:200]}
    took = time.monotonic() - began
    others = max(0.0, (_busy_seconds() - busy) - (_own_seconds() - own)) / took
    return {"seconds": round(took, 1), "cores_of_others": round(others, 2), "load_after": os.getloadavg()[0], **found}


def _busy_seconds() -> float:
    """Processor seconds of the whole machine."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)


def _own_seconds() -> float:
    """Processor seconds of this process, of all below it, and of those that have ended."""
    seconds = 0.0
    for process in (own := psutil.Process(), *own.children(recursive=True)):
        try:
            seconds += sum(process.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue
    return seconds
