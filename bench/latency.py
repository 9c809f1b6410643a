"""Time from producing a spend event to reading the pause that it made, at a steady rate. `--help` tells the options.

The producer's clock stands in the event's id, which the command names as its cause; both clocks are this machine's.
"""

import argparse
import json
import subprocess
import sys
import time

from confluent_kafka import Consumer, TopicPartition

from bench.load import BRANDS, publish_catalog
from bench.machine import Worker, broker, describe, median, topics, wait_until
from streams.core.records import CauseKind, ControlCommand
from streams.records import decode_command
from streams.settings import Settings
from streams.topics import Topic

#: Spend before the first pause, so that connections and caches are warm.
_WARM_UP_SECONDS = 5


def main() -> None:
    options = _options()
    about = describe()
    runs = []
    with broker() as kafka:
        for number in range(options.repeat):
            settings = topics(kafka, f"run{number}-", options.partitions)
            runs.append(measure(settings, options.rate, options.seconds))
            print(json.dumps(runs[-1]), file=sys.stderr, flush=True)
    medians = {name: median([run[name] for run in runs]) for name in runs[0]}
    print(json.dumps({"rate": options.rate, "machine": about, "runs": runs, "median": medians}, indent=2))


def measure(settings: Settings, rate: int, seconds: int) -> dict[str, float]:
    """Every campaign is paused once, at a moment of its own, evenly over the run."""
    warm_up, count = rate * _WARM_UP_SECONDS // BRANDS, rate * (_WARM_UP_SECONDS + seconds) // BRANDS
    publish_catalog(settings, [warm_up + (count - warm_up) * number // BRANDS + 1 for number in range(BRANDS)])
    with Worker(settings) as worker:
        wait_until(lambda: worker.metric('spendgate_commands_total{action="resume"}') == BRANDS, 120, every=0.1)
        reader = _reader(settings)
        cpu_before, started_at = worker.cpu_seconds(), time.monotonic()
        command = [sys.executable, "-m", "bench.steady_producer", settings.brokers, settings.topic_prefix]
        with subprocess.Popen([*command, str(settings.partitions), str(rate), str(count * BRANDS)]) as producer:
            latencies = sorted(_latencies(reader, BRANDS, seconds=_WARM_UP_SECONDS + seconds + 60))
            wait_until(lambda: producer.poll() is not None, 60)
        busy = (worker.cpu_seconds() - cpu_before) / (time.monotonic() - started_at)
    reader.close()
    assert producer.returncode == 0
    return {
        "commands": len(latencies),
        "commands_per_second": round(len(latencies) / seconds, 1),
        "p50_ms": _percentile(latencies, 0.50),
        "p90_ms": _percentile(latencies, 0.90),
        "p99_ms": _percentile(latencies, 0.99),
        "max_ms": round(latencies[-1], 1),
        "worker_core_busy": round(busy, 2),
    }


def _latencies(reader: Consumer, count: int, seconds: float) -> list[float]:
    """Milliseconds of each pause that spend made."""
    found: list[float] = []
    deadline = time.monotonic() + seconds
    while len(found) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(found)} of {count} pauses came")
        message = reader.poll(0.5)
        if message is None or message.error():
            continue
        read_at = time.time_ns()
        produced_at = _produced_at(decode_command(message.value()))
        if produced_at is not None:
            found.append((read_at - produced_at) / 1_000_000)
    return found


def _produced_at(command: ControlCommand) -> int | None:
    if command.cause.kind is not CauseKind.SPEND or command.cause.event_id is None:
        return None
    return int(command.cause.event_id.partition(".")[0])


def _reader(settings: Settings) -> Consumer:
    """Reads committed, from the beginning; the first commands are no pauses of spend."""
    reader = Consumer(
        {"bootstrap.servers": settings.brokers, "group.id": "latency", "isolation.level": "read_committed"}
    )
    topic = settings.topic(Topic.CAMPAIGN_CONTROL)
    reader.assign([TopicPartition(topic, number, 0) for number in range(settings.partitions)])
    return reader


def _percentile(rising: list[float], share: float) -> float:
    return round(rising[min(len(rising) - 1, int(len(rising) * share))], 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=20_000, help="events per second")
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--repeat", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
