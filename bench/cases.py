"""What `python -m bench all` measures, in three sizes; each case is one that a script of this folder has by itself."""

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

import psutil

from bench import backlog, latency, midnight, peers, scale
from bench.machine import topics
from local.kafka import LocalKafka
from streams.settings import Settings, Timestamps

__all__ = ["SIZES", "Case", "Size", "cases", "take"]

_PARTITIONS: Final = 4


class Size(NamedTuple):
    """How much is measured. Events are those of a backlog; of the peers', the second half is what is called warm."""

    brands: tuple[int, ...]
    events: int
    midnight_brands: int
    rates: tuple[int, ...]
    latency_seconds: int
    peer_brands: tuple[int, ...]
    peer_events: int


SIZES: Final = {
    "small": Size((1_000, 5_000), 100_000, 2_000, (5_000,), 10, (1_000,), 100_000),
    "medium": Size((1_000, 20_000), 500_000, 20_000, (20_000,), 20, (1_000,), 500_000),
    "full": Size(
        (1_000, 100_000, 1_000_000), 1_000_000, 200_000, (20_000, 50_000, 100_000), 30, (1_000, 1_000_000), 2_000_000
    ),
}


class Case(NamedTuple):
    """A column of a table. `arguments` are those with which `python -m bench` has it alone."""

    group: str
    column: str
    arguments: str
    measure: Callable[[Settings], dict[str, Any]]
    timestamps: Timestamps = Timestamps.APPEND


def cases(size: Size) -> Iterator[Case]:
    """In the order in which they are measured and stand in the page."""
    yield Case(
        "backlog", "1,000 brands", f"backlog --events {size.events}", partial(backlog.measure, events=size.events)
    )
    for brands in size.brands:
        yield _of_brands(brands, size.events)
    yield Case(
        "midnight",
        f"{size.midnight_brands:,} brands",
        f"midnight {size.midnight_brands}",
        partial(midnight.measure, brands=size.midnight_brands),
        Timestamps.CREATE,
    )
    for rate in size.rates:
        yield _of_rate(rate, size.latency_seconds)
    for brands in size.peer_brands:
        yield _of_peers(brands, size.peer_events)


def _of_brands(brands: int, events: int) -> Case:
    arguments = f"scale {brands} --events {events}"
    return Case("brands", f"{brands:,} brands", arguments, partial(scale.measure, brands=brands, events=events))


def _of_rate(rate: int, seconds: int) -> Case:
    arguments = f"latency --rate {rate} --seconds {seconds}"
    return Case("latency", f"{rate:,} events/s", arguments, partial(latency.measure, rate=rate, seconds=seconds))


def _of_peers(brands: int, events: int) -> Case:
    arguments = f"peers --brands {brands} --events {events}"
    return Case("peers", f"{brands:,} brands", arguments, partial(peers.measure, brands=brands, events=events, only=""))


def take(case: Case, kafka: LocalKafka, prefix: str) -> dict[str, Any]:
    """One run on fresh topics: its figures, or why there are none, and how busy others kept the machine meanwhile."""
    began, busy, own = time.monotonic(), _busy_seconds(), _own_seconds()
    try:
        found = {"figures": case.measure(topics(kafka, prefix, _PARTITIONS, case.timestamps))}
    except Exception as error:
        # One that fails leaves the others their figures, and its failure stands in its place.
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
