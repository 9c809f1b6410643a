"""What more brands cost a worker: catalog, backlog, restart and memory, by the number of brands. See `--help`."""

import argparse
import json
import sys
import time

from bench.draining import Draining
from bench.load import publish_catalog, publish_events
from bench.machine import Worker, broker, describe, topics, wait_until
from streams.kafka.topics import Topic
from streams.settings import Settings

_RESUMES = 'spendgate_commands_total{action="resume"}'
_PATIENCE_SECONDS = 1_200


def main() -> None:
    options = _options()
    runs = {}
    with broker() as kafka:
        for brands in options.brands:
            settings = topics(kafka, f"scale{brands}-", options.partitions)
            runs[brands] = measure(settings, brands, options.events)
            print(json.dumps({brands: runs[brands]}), file=sys.stderr, flush=True)
    print(json.dumps({"events": options.events, "machine": describe(), "brands": runs}, indent=2))


def measure(settings: Settings, brands: int, events: int) -> dict[str, float]:
    """A catalog of one campaign a brand is applied, then a backlog of events; then the worker is killed and starts."""
    publish_catalog(settings, [None] * brands)
    with Worker(settings) as worker:
        began = wait_until(lambda: worker.applied(Topic.CATALOG) > 0, 60)
        ended = wait_until(lambda: worker.metric(_RESUMES) == brands, _PATIENCE_SECONDS, every=0.1)
        catalog = ended - began
    publish_events(settings, events, brands)
    with Worker(settings) as worker:
        drained = Draining(worker).figures(events)
        resident = worker.resident_mib()
        worker.kill()
        publish_events(settings, 1, brands, first=events)
        started_at = time.monotonic()
        worker.start()
        restart = wait_until(lambda: worker.applied(Topic.SPEND_EVENTS) > 0, _PATIENCE_SECONDS) - started_at
        restart_cpu = worker.cpu_seconds()
        resident_after_restart = worker.resident_mib()
    return {
        "catalog_seconds": round(catalog, 2),
        "documents_per_second": round(2 * brands / catalog),
        **drained,
        "restart_seconds": round(restart, 2),
        "restart_cpu_seconds": round(restart_cpu, 2),
        "resident_mib": round(resident),
        "resident_mib_after_restart": round(resident_after_restart),
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("brands", type=int, nargs="*", default=[1_000, 100_000], help="numbers of brands")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--partitions", type=int, default=4)
    return parser.parse_args()


if __name__ == "__main__":
    main()
