"""Several workers on one topic: what an event costs, and how long decisions wait when one joins or is killed."""

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Final

from bench.load import BRANDS, publish_catalog, publish_events
from bench.machine import Worker, broker, describe, topics, wait_until
from bench.probes import Commands, Probes
from bench.sender import Sender, now
from core.records import Action
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["PARTITIONS", "measure"]

PARTITIONS: Final = 12
_PATIENCE_SECONDS: Final = 600
#: Spend while a worker comes, and while one goes: for longer than either is likely to take.
_EVERY_SECONDS: Final = 0.02
_OTHERS_SECONDS: Final = 60


def main() -> None:
    options = _options()
    runs = []
    with broker() as kafka:
        for number in range(options.repeat):
            settings = topics(kafka, f"workers{number}-", PARTITIONS)
            runs.append(measure(settings, options.workers, options.events))
            print(json.dumps(runs[-1]), file=sys.stderr, flush=True)
    medians = {name: round(statistics.median(run[name] for run in runs), 3) for name in runs[0]}
    print(json.dumps({"workers": options.workers, "machine": describe(), "runs": runs, "median": medians}, indent=2))


def measure(settings: Settings, count: int, events: int) -> dict[str, float]:
    """That many workers, all on the worker's core, take events as quickly as they can be sent; then one more joins, and
    one of the first is killed, while others spend."""
    sender = Sender(settings)
    joining, killing = (
        Probes(sender, _OTHERS_SECONDS, every_seconds=_EVERY_SECONDS, at=now(), name=name) for name in ("join", "kill")
    )
    sender.flush()
    publish_catalog(settings, [None] * BRANDS)
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(settings)) for _ in range(count)]
        _await_owners(workers, settings)
        commands = stack.enter_context(Commands(settings))
        commands.await_count(Action.RESUME, BRANDS + joining.count + killing.count, _PATIENCE_SECONDS)
        cpu = _drain(settings, workers, events)
        when_one_joins = _longest_wait(joining, commands, lambda: _join(stack, workers, settings))
        when_one_is_killed = _longest_wait(killing, commands, lambda: _kill_first(workers, settings))
    return {
        "cpu_seconds_per_million": round(cpu / events * 1_000_000, 2),
        "longest_wait_when_one_joins_seconds": when_one_joins,
        "longest_wait_when_one_is_killed_seconds": when_one_is_killed,
    }


def _drain(settings: Settings, workers: Sequence[Worker], events: int) -> float:
    """CPU seconds of all workers together."""
    before = sum(worker.cpu_seconds() for worker in workers)
    applied = _applied(workers)
    publish_events(settings, events)
    wait_until(lambda: _applied(workers) >= applied + events, _PATIENCE_SECONDS, every=0.05)
    return sum(worker.cpu_seconds() for worker in workers) - before


def _applied(workers: Sequence[Worker]) -> int:
    return sum(worker.applied(Topic.SPEND_EVENTS) for worker in workers)


def _longest_wait(others: Probes, commands: Commands, change: Callable[[], None]) -> float:
    with others.sending():
        change()
    return round(max(others.waits(commands)), 2)


def _join(stack: ExitStack, workers: list[Worker], settings: Settings) -> None:
    workers.append(stack.enter_context(Worker(settings)))
    _await_owners(workers, settings)


def _kill_first(workers: list[Worker], settings: Settings) -> None:
    workers.pop(0).kill()
    _await_owners(workers, settings)


def _await_owners(workers: Sequence[Worker], settings: Settings) -> None:
    """Each partition has an owner, and each worker a partition."""

    def is_shared_out() -> bool:
        owned = [worker.metric("spendgate_partitions_owned") for worker in workers]
        return min(owned) > 0 and sum(owned) == settings.partitions

    wait_until(is_shared_out, _PATIENCE_SECONDS, every=0.1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.workers", description=__doc__)
    parser.add_argument("workers", type=int, nargs="?", default=2, help="before one joins")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
