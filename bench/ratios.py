"""A worker's cost as a ratio to something of the same run: a bare reader, and itself with fewer brands. See `--help`.

The cost is processor seconds, as those of the clock say more of what else a machine does than of the worker.
"""

import argparse
import json
import statistics
import sys
from contextlib import ExitStack
from typing import NamedTuple

from bench.backlog import read_raw
from bench.load import publish_catalog, publish_events
from bench.machine import Worker, broker, describe, topics, wait_until
from local.kafka import LocalKafka
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["FEW", "MANY", "Ratios", "measure"]

FEW = 1_000
MANY = 100_000
_PARTITIONS = 4
_EVENTS = 60_000
_ROUNDS = 3
_RESUMES = 'spendgate_commands_total{action="resume"}'
_PATIENCE_SECONDS = 600


class Ratios(NamedTuple):
    """Events for a second of the processor, by those of the other: 1 is no difference, less is more costly."""

    to_raw: float  # with FEW brands, to aiokafka's `getmany`, which does nothing with what it reads
    many_to_few: float  # MANY brands to FEW


def main() -> None:
    options = _options()
    runs = []
    with broker() as kafka:
        for number in range(options.repeat):
            runs.append(measure(kafka, f"ratios{number}-")._asdict())
            print(json.dumps(runs[-1]), file=sys.stderr, flush=True)
    print(json.dumps({"machine": describe(), "runs": runs}, indent=2))


def measure(kafka: LocalKafka, prefix: str) -> Ratios:
    """The median of rounds in which two workers, one with FEW and one with MANY brands, and the reader take turns."""
    settings = {brands: topics(kafka, f"{prefix}{brands}-", _PARTITIONS) for brands in (FEW, MANY)}
    for brands, of_brands in settings.items():
        publish_catalog(of_brands, [None] * brands)
    with ExitStack() as stack:
        workers = {brands: stack.enter_context(Worker(it)) for brands, it in settings.items()}
        for brands, worker in workers.items():
            wait_until(lambda: worker.metric(_RESUMES) >= brands, _PATIENCE_SECONDS, every=0.2)  # noqa: B023
        rounds = [_round(settings, workers, number) for number in range(_ROUNDS)]
    return Ratios(*(round(statistics.median(values), 3) for values in zip(*rounds, strict=True)))


def _round(settings: dict[int, Settings], workers: dict[int, Worker], number: int) -> Ratios:
    cost = {brands: _drain(settings[brands], workers[brands], brands, number) for brands in (FEW, MANY)}
    read = _EVENTS * (number + 1)
    raw = read_raw(settings[FEW], read).cpu_seconds / read * _EVENTS
    return Ratios(raw / cost[FEW], cost[FEW] / cost[MANY])


def _drain(settings: Settings, worker: Worker, brands: int, number: int) -> float:
    """Processor seconds for the events of a round, which come as quickly as they can be sent."""
    before = worker.cpu_seconds()
    publish_events(settings, _EVENTS, brands, first=_EVENTS * number)
    wanted = _EVENTS * (number + 1)
    wait_until(lambda: worker.applied(Topic.SPEND_EVENTS) >= wanted, _PATIENCE_SECONDS, every=0.05)
    return worker.cpu_seconds() - before


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench ratios", description=__doc__)
    parser.add_argument("--repeat", type=int, default=10)
    return parser.parse_args()


if __name__ == "__main__":
    main()
