"""Events per second of a worker that drains a backlog, beside a reader that does nothing. See `--help`; `bench.peers`
measures it beside other engines."""

import argparse
import json
import subprocess
import sys
import time
from typing import NamedTuple

from bench.draining import Draining
from bench.load import BRANDS, publish_catalog, publish_events
from bench.machine import WORKER_CORE, Worker, broker, describe, median, topics, wait_until
from streams.kafka.topics import Topic
from streams.settings import Settings


def main() -> None:
    options = _options()
    about = describe()
    runs = []
    with broker() as kafka:
        for number in range(options.repeat):
            settings = topics(kafka, f"run{number}-", options.partitions)
            runs.append(measure(settings, options.events))
            print(json.dumps(runs[-1]), file=sys.stderr, flush=True)
    medians = {name: median([run[name] for run in runs]) for name in runs[0]}
    print(json.dumps({"events": options.events, "machine": about, "runs": runs, "median": medians}, indent=2))


def measure(settings: Settings, events: int) -> dict[str, float]:
    """One backlog: the worker knows the catalog, is stopped, and finds all events there when it comes back."""
    publish_catalog(settings, [None] * BRANDS)
    with Worker(settings) as worker:
        wait_until(lambda: worker.applied(Topic.CATALOG) == 2 * BRANDS, 120, every=0.1)
        wait_until(lambda: worker.metric('spendgate_commands_total{action="resume"}') == BRANDS, 60, every=0.1)
    size = publish_events(settings, events)
    worker_figures = _drain(settings, events)
    raw = events / read_raw(settings, events).seconds
    return {
        **worker_figures,
        "raw_events_per_second": round(raw),
        "share_of_raw": round(worker_figures["events_per_second"] / raw, 3),
        "bytes_per_event": round(size / events, 1),
    }


def _drain(settings: Settings, events: int) -> dict[str, float]:
    started_at = time.monotonic()
    with Worker(settings) as worker:
        draining = Draining(worker)
        return {
            **draining.figures(events),
            "start_seconds": round(draining.began_at - started_at, 2),
            "transactions": worker.metric("spendgate_flushes_total"),
            "transaction_ms_mean": round(1000 * worker.mean("spendgate_flush_seconds"), 1),
            "resident_mib": round(worker.resident_mib()),
        }


class RawRead(NamedTuple):
    """Of the first records to the last."""

    seconds: float
    cpu_seconds: float


def read_raw(settings: Settings, events: int) -> RawRead:
    """What `getmany` takes for the topic on the worker's core."""
    arguments = [settings.brokers, settings.topic(Topic.SPEND_EVENTS), str(settings.partitions), str(events)]
    command = ["taskset", "-c", str(WORKER_CORE), sys.executable, "-m", "bench.raw_reader", *arguments]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout
    return RawRead(*map(float, said.split()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--repeat", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
