"""A zone's midnight: brands whose day is used up resume all at once, and others' spend goes on meanwhile. See `--help`.

Records carry times of their own (SPENDGATE_TIMESTAMPS=create), so that it is midnight whenever this runs: catalog and
spend of the brands are dated before the last midnight, UTC.
"""

import argparse
import json
import statistics
import sys
import time
from typing import Final

from bench.machine import Worker, broker, describe, topics
from bench.probes import Commands, Probes
from bench.sender import Sender, now
from core.moment import HOUR, MINUTE
from core.records import Action
from streams.settings import Settings, Timestamps

_PATIENCE_SECONDS: Final = 1_200
_DAY: Final = 24 * HOUR
#: Spend of the others, one campaign after the other, each of which it pauses; for longer than all resumes are likely to
#: take. At a load of 30 those of 2,000 brands took up to 6.4 s.
_EVERY_SECONDS: Final = 0.03
_OTHERS_SECONDS: Final = 30
_BRANDS_PER_SECOND: Final = 400
#: Of the others' zone; its midnight is at a quarter past 18, UTC.
_OTHER_ZONE: Final = "Asia/Kathmandu"


def main() -> None:
    options = _options()
    runs = []
    with broker() as kafka:
        for number in range(options.repeat):
            settings = topics(kafka, f"midnight{number}-", options.partitions, timestamps=Timestamps.CREATE)
            runs.append(measure(settings, options.brands))
            print(json.dumps(runs[-1]), file=sys.stderr, flush=True)
    medians = {name: round(statistics.median(run[name] for run in runs), 3) for name in runs[0]}
    print(json.dumps({"brands": options.brands, "machine": describe(), "runs": runs, "median": medians}, indent=2))


def measure(settings: Settings, brands: int) -> dict[str, float]:
    """Seconds from the tick of midnight until the last resume is read, and from spend of the others to their pauses."""
    sender = Sender(settings)
    midnight = now() - now() % _DAY
    seconds = _OTHERS_SECONDS + brands / _BRANDS_PER_SECOND
    others = Probes(sender, seconds, every_seconds=_EVERY_SECONDS, at=midnight - HOUR, zone=_OTHER_ZONE)
    for number in range(brands):
        sender.brand(f"brand-{number}", midnight - HOUR, daily_budget="1")
        sender.campaign(f"brand-{number}", f"brand-{number}-c", midnight - HOUR)
    sender.flush()
    with Worker(settings), Commands(settings) as commands:
        first_states = brands + others.count
        commands.await_count(Action.RESUME, first_states, _PATIENCE_SECONDS)
        for number in range(brands):
            sender.spend(f"brand-{number}", f"brand-{number}-c", midnight - MINUTE)
        sender.flush()
        commands.await_count(Action.PAUSE, brands, _PATIENCE_SECONDS)
        with others.sending():
            began = time.monotonic()
            sender.tick(midnight)
            commands.await_count(Action.RESUME, first_states + brands, _PATIENCE_SECONDS)
            all_resumed_at = commands.last_at[Action.RESUME]
        answered = others.figures(commands, until=all_resumed_at)
    return {
        "all_resumes_seconds": round(all_resumed_at - began, 2),
        **answered,
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.midnight", description=__doc__)
    parser.add_argument("brands", type=int, nargs="?", default=50_000, help="with one campaign each")
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--repeat", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
