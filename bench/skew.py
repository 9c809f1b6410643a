"""One brand has nine tenths of the traffic: what a backlog of it costs, and how long others wait. See `--help`."""

import argparse
import json
import statistics
import sys
from typing import Final

from bench.draining import Draining
from bench.load import BRANDS, brand_id, publish_catalog, publish_events
from bench.machine import Worker, broker, describe, topics
from bench.probes import Commands, Probes
from bench.sender import Sender, now
from core.partitioner import partition_of
from core.records import Action
from streams.settings import Settings

_SHARE: Final = 0.9
_PATIENCE_SECONDS: Final = 600
#: Spend of brands that have a partition's other traffic before them, for longer than the backlog is likely to take.
_EVERY_SECONDS: Final = 0.01
_OTHERS_SECONDS: Final = 30
_EVENTS_PER_SECOND: Final = 20_000


def main() -> None:
    options = _options()
    runs = []
    with broker() as kafka:
        for number in range(options.repeat):
            settings = topics(kafka, f"skew{number}-", options.partitions)
            runs.append(measure(settings, options.events))
            print(json.dumps(runs[-1]), file=sys.stderr, flush=True)
    medians = {name: round(statistics.median(run[name] for run in runs), 3) for name in runs[0]}
    print(json.dumps({"events": options.events, "machine": describe(), "runs": runs, "median": medians}, indent=2))


def measure(settings: Settings, events: int) -> dict[str, float]:
    """A backlog, of which one brand has nine tenths, is drained; others spend meanwhile, in that brand's partition and
    in the other ones. In its own they come after the backlog, so they wait until it is drained; in the other ones the
    first of them come after a thirtieth of it, and are not counted."""
    sender = Sender(settings)
    seconds = _OTHERS_SECONDS + events / _EVENTS_PER_SECOND
    others = Probes(sender, seconds, every_seconds=_EVERY_SECONDS, at=now())
    sender.flush()
    publish_catalog(settings, [None] * BRANDS)
    with Worker(settings), Commands(settings) as commands:
        commands.await_count(Action.RESUME, BRANDS + others.count, _PATIENCE_SECONDS)
    publish_events(settings, events, of_first_brand=_SHARE)
    hot = partition_of(brand_id(0), settings.partitions)
    with Worker(settings) as worker, Commands(settings) as commands:
        draining = Draining(worker)
        with others.sending():
            drained = draining.figures(events, others_spend=True)
            others.await_one_each()  # also where the backlog is drained at once
        elsewhere = others.waits(commands, partition=lambda number: number != hot, behind_backlog=False)
        behind_it = others.waits(commands, partition=lambda number: number == hot)
    return {
        **drained,
        "elsewhere_answered_median_seconds": round(statistics.median(elsewhere), 3),
        "elsewhere_answered_longest_seconds": round(max(elsewhere), 3),
        "behind_it_answered_longest_seconds": round(max(behind_it), 3),
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.skew", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--repeat", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
