"""A brand's budget ends and all of its campaigns pause at once, and others' spend goes on meanwhile. See `--help`."""

import argparse
import json
import statistics
import sys
import time
from typing import Final

from bench.machine import Worker, broker, describe, topics
from bench.probes import Commands, Probes
from bench.sender import Sender, now
from core.records import Action
from streams.settings import Settings

_PATIENCE_SECONDS: Final = 240
#: Spend of the others, for longer than all pauses are likely to take.
_EVERY_SECONDS: Final = 0.01
_OTHERS_SECONDS: Final = 30
_CAMPAIGNS_PER_SECOND: Final = 200


def main() -> None:
    options = _options()
    runs = []
    with broker() as kafka:
        for number in range(options.repeat):
            settings = topics(kafka, f"pauses{number}-", options.partitions)
            runs.append(measure(settings, options.campaigns))
            print(json.dumps(runs[-1]), file=sys.stderr, flush=True)
    medians = {name: round(statistics.median(run[name] for run in runs), 3) for name in runs[0]}
    print(
        json.dumps({"campaigns": options.campaigns, "machine": describe(), "runs": runs, "median": medians}, indent=2)
    )


def measure(settings: Settings, campaigns: int) -> dict[str, float]:
    """Seconds from the spend that uses up the day of the brand until the last pause is read, and from spend of others,
    in all partitions, to the pauses that it makes."""
    sender = Sender(settings)
    seconds = _OTHERS_SECONDS + campaigns / _CAMPAIGNS_PER_SECOND
    others = Probes(sender, seconds, every_seconds=_EVERY_SECONDS, at=now())
    sender.brand("large", now(), daily_budget="1")
    for number in range(campaigns):
        sender.campaign("large", f"large-{number}", now())
    sender.flush()
    with Worker(settings), Commands(settings) as commands:
        commands.await_count(Action.RESUME, campaigns + others.count, _PATIENCE_SECONDS)
        with others.sending():
            began = time.monotonic()
            sender.spend("large", "large-0", now())
            all_paused_at = commands.await_pauses({f"large-{number}" for number in range(campaigns)}, _PATIENCE_SECONDS)
        answered = others.figures(commands, until=all_paused_at)
    return {
        "all_pauses_seconds": round(all_paused_at - began, 3),
        **answered,
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.many_pauses", description=__doc__)
    parser.add_argument("campaigns", type=int, nargs="?", default=5_000)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--repeat", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
