"""What `python -m bench all` measures, in three sizes; each case is one that a script of this folder has by itself."""

from collections.abc import Iterator
from functools import partial
from typing import Final, NamedTuple

from bench import backlog, latency, many_pauses, midnight, peers, scale, skew, workers
from bench.case import Case
from streams.settings import Timestamps

__all__ = ["SIZES", "Size", "cases"]


class Size(NamedTuple):
    """How much is measured. Events are those of a backlog; of the peers', the second half is what is called warm."""

    brands: tuple[int, ...]
    events: int
    rates: tuple[int, ...]
    latency_seconds: int
    peers: tuple[tuple[int, int], ...]  # brands and events
    campaigns: int
    workers: tuple[int, ...]
    midnight_brands: int


SIZES: Final = {
    "small": Size((1_000, 5_000), 100_000, (5_000,), 10, ((1_000, 100_000),), 500, (1, 2), 2_000),
    "medium": Size((1_000, 100_000), 1_000_000, (20_000,), 20, ((1_000, 500_000),), 5_000, (1, 2), 20_000),
    "full": Size(
        brands=(1_000, 100_000, 1_000_000),
        events=1_000_000,
        rates=(20_000, 50_000, 100_000),
        latency_seconds=30,
        peers=((1_000, 2_000_000), (1_000_000, 1_000_000)),
        campaigns=5_000,
        workers=(1, 2, 4),
        midnight_brands=200_000,
    ),
}


def cases(size: Size) -> Iterator[Case]:
    """In the order in which they are measured and stand in the page: what tells most is first."""
    yield _of_backlog(size.events)
    for brands in size.brands:
        yield _of_brands(brands, size.events)
    for rate in size.rates:
        yield _of_rate(rate, size.latency_seconds)
    for brands, events in size.peers:
        yield peers.case(brands, events)
    yield _of_many_pauses(size.campaigns)
    yield _of_skew(size.events)
    for count in size.workers:
        yield _of_workers(count, size.events)
    yield _of_midnight(size.midnight_brands)


def _of_backlog(events: int) -> Case:
    measure = partial(backlog.measure, events=events)
    return Case("backlog", "1,000 brands", f"backlog --events {events}", 20 + events / 50_000, measure)


def _of_brands(brands: int, events: int) -> Case:
    arguments = f"scale {brands} --events {events}"
    seconds = 25 + brands / 2_500 + events / 25_000
    measure = partial(scale.measure, brands=brands, events=events)
    return Case("brands", f"{brands:,} brands", arguments, seconds, measure)


def _of_rate(rate: int, seconds: int) -> Case:
    arguments = f"latency --rate {rate} --seconds {seconds}"
    measure = partial(latency.measure, rate=rate, seconds=seconds)
    return Case("latency", f"{rate:,} events/s", arguments, seconds + 25, measure)


def _of_many_pauses(campaigns: int) -> Case:
    measure = partial(many_pauses.measure, campaigns=campaigns)
    return Case("pauses", f"{campaigns:,} campaigns", f"many_pauses {campaigns}", 25, measure)


def _of_skew(events: int) -> Case:
    measure = partial(skew.measure, events=events)
    return Case("skew", "1,000 brands", f"skew --events {events}", 30 + events / 50_000, measure)


def _of_workers(count: int, events: int) -> Case:
    measure = partial(workers.measure, count=count, events=events)
    column = "1 worker" if count == 1 else f"{count} workers"
    seconds = 40 + 5 * count + events / 50_000
    return Case("workers", column, f"workers {count} --events {events}", seconds, measure, workers.PARTITIONS)


def _of_midnight(brands: int) -> Case:
    measure = partial(midnight.measure, brands=brands)
    arguments, seconds = f"midnight {brands}", 30 + brands / 1_000
    return Case("midnight", f"{brands:,} brands", arguments, seconds, measure, timestamps=Timestamps.CREATE)
