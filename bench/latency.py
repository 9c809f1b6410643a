"""Time from producing a spend event to reading the pause that it made, at a steady rate. `--help` lists the options.

The producer's clock stands in the event's id, which the command names as its cause; both clocks are this machine's.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

from confluent_kafka import Consumer, TopicPartition

from bench.load import BRANDS, publish_catalog
from bench.machine import Worker, broker, describe, median, topics, wait_until
from core.moment import parse_moment
from core.records import CauseKind
from streams.kafka.codec import decode_command
from streams.kafka.topics import Topic
from streams.settings import Settings

#: Spend before the first pause, so that connections and caches are warm. Until then the broker's JVM also compiles what
#: it runs, on the core on which it answers.
_WARM_UP_SECONDS = 20


class Pause(NamedTuple):
    """The way of one pause, in milliseconds since the epoch."""

    produced_at: float
    arrived_at: float  # the spend on the broker, which is the command's decided_at
    written_at: float  # the command on the broker, its transaction not yet committed
    read_at: float


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
            pauses = list(_pauses(reader, BRANDS, seconds=_WARM_UP_SECONDS + seconds + 60))
            wait_until(lambda: producer.poll() is not None, 60)
        flush_ms = 1000 * worker.mean("spendgate_flush_seconds")
        busy = (worker.cpu_seconds() - cpu_before) / (time.monotonic() - started_at)
    reader.close()
    assert producer.returncode == 0
    latencies = sorted(pause.read_at - pause.produced_at for pause in pauses)
    return {
        "commands": len(pauses),
        "commands_per_second": round(len(pauses) / seconds, 1),
        "p50_ms": _percentile(latencies, 0.50),
        "p90_ms": _percentile(latencies, 0.90),
        "p99_ms": _percentile(latencies, 0.99),
        "max_ms": round(latencies[-1], 1),
        "p50_ms_to_arrival": _percentile(sorted(it.arrived_at - it.produced_at for it in pauses), 0.50),
        "p50_ms_to_written": _percentile(sorted(it.written_at - it.arrived_at for it in pauses), 0.50),
        "p50_ms_to_read": _percentile(sorted(it.read_at - it.written_at for it in pauses), 0.50),
        "transaction_ms_mean": round(flush_ms, 1),
        "worker_core_busy": round(busy, 2),
    }


def _pauses(reader: Consumer, count: int, seconds: float) -> Iterator[Pause]:
    """The pauses that spend made, as they come."""
    deadline = time.monotonic() + seconds
    found = 0
    while found < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{found} of {count} pauses came")
        message = reader.poll(0.5)
        if message is None or message.error():
            continue
        read_at = time.time_ns() / 1_000_000
        command = decode_command(message.value())
        if command.cause.kind is CauseKind.SPEND and command.cause.event_id:
            found += 1
            produced_at = int(command.cause.event_id.partition(".")[0]) / 1_000_000
            yield Pause(produced_at, parse_moment(command.decided_at), message.timestamp()[1], read_at)


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
