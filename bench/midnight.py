"""A zone's midnight: brands whose day is used up resume all at once, and others' spend goes on meanwhile. See `--help`.

Records carry times of their own (SPENDGATE_TIMESTAMPS=create), so that it is midnight whenever this runs: catalog and
spend of the brands are dated before the last midnight, UTC.
"""

import argparse
import json
import statistics
import sys
import threading
import time
from typing import NamedTuple

from confluent_kafka import Consumer, Producer, TopicPartition

from bench.load import producer
from bench.machine import Worker, broker, describe, topics, wait_until
from core.moment import HOUR, MINUTE, Moment, format_moment
from core.partitioner import partition_of
from core.records import Action, BrandDocument, CampaignDocument, ZoneDocument
from streams.kafka.codec import decode_command, encode
from streams.kafka.topics import Topic
from streams.settings import Settings, Timestamps

_PATIENCE_SECONDS = 1_200
_DAY = 24 * HOUR
#: Spend of the others, one campaign after the other, each of which it pauses.
_OTHERS = 400
_EVERY_SECONDS = 0.03
#: Of the others' zone; its midnight is at a quarter past 18, UTC.
_OTHER_ZONE = "Asia/Kathmandu"


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
    sender = _Sender(settings)
    others = [sender.other(number) for number in range(settings.partitions)]
    for number in range(brands):
        sender.brand(f"brand-{number}", "UTC", "1")
    for number in range(_OTHERS):
        sender.campaign(others[number % len(others)], f"other-{number}", total_budget="1")
    sender.flush()
    with Worker(settings) as worker:
        first_states = brands + _OTHERS
        wait_until(lambda: worker.metric(_name(Action.RESUME)) >= first_states, _PATIENCE_SECONDS, every=0.2)
        for number in range(brands):
            sender.spend(f"brand-{number}", f"brand-{number}-c", sender.midnight - MINUTE)
        sender.flush()
        wait_until(lambda: worker.metric(_name(Action.PAUSE)) >= brands, _PATIENCE_SECONDS, every=0.2)
        return _observe(settings, sender, others, brands)


class Command(NamedTuple):
    campaign_id: str
    action: Action
    seen_at: float  # by time.monotonic


def _observe(settings: Settings, sender: "_Sender", others: list[str], brands: int) -> dict[str, float]:
    reader = _reader(settings)
    sent_at: dict[str, float] = {}

    def spend_of_others() -> None:
        for number in range(_OTHERS):
            sent_at[f"other-{number}"] = time.monotonic()
            sender.spend(others[number % len(others)], f"other-{number}", _now())
            time.sleep(_EVERY_SECONDS)

    spending = threading.Thread(target=spend_of_others)
    spending.start()
    began = time.monotonic()
    sender.tick(settings.partitions)
    seen: list[Command] = []
    resumed = 0
    deadline = began + _PATIENCE_SECONDS
    while resumed < brands or spending.is_alive():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{resumed} of {brands} resumes")
        for message in reader.consume(5_000, 0.02):
            command = decode_command(message.value() or b"")
            seen.append(Command(command.campaign_id, command.action, time.monotonic()))
            resumed += command.action is Action.RESUME
    spending.join()
    reader.close()
    all_resumed_at = max(it.seen_at for it in seen if it.action is Action.RESUME)
    # The last pauses of before midnight may be committed only now.
    of_others = [it for it in seen if it.action is Action.PAUSE and it.campaign_id in sent_at]
    waited = [it.seen_at - sent_at[it.campaign_id] for it in of_others if sent_at[it.campaign_id] < all_resumed_at]
    return {
        "all_resumes_seconds": round(all_resumed_at - began, 2),
        "others_answered_median_seconds": round(statistics.median(waited), 3),
        "others_answered_longest_seconds": round(max(waited), 3),
    }


class _Sender:
    """Produces catalog, spend and ticks with times of their own."""

    def __init__(self, settings: Settings) -> None:
        now = _now()
        self.midnight: Moment = now - now % _DAY
        self._settings = settings
        self._producer: Producer = producer(settings, linger_ms=5)
        self._sent = 0

    def brand(self, brand_id: str, zone: str, budget: str | None) -> None:
        document = BrandDocument(brand_id, 1, [ZoneDocument(zone)], "USD", daily_budget=budget)
        self._send(Topic.CATALOG, brand_id, brand_id, encode(document), self.midnight - HOUR)
        if budget is not None:
            self.campaign(brand_id, f"{brand_id}-c")

    def campaign(self, brand_id: str, campaign_id: str, total_budget: str | None = None) -> None:
        document = CampaignDocument(brand_id, campaign_id, 1, total_budget=total_budget)
        self._send(Topic.CATALOG, f"{brand_id}/{campaign_id}", brand_id, encode(document), self.midnight - HOUR)

    def other(self, partition: int) -> str:
        """A brand of that partition whose midnight is another."""
        number = 0
        while partition_of(brand_id := f"other-brand-{number}", self._settings.partitions) != partition:
            number += 1
        self.brand(brand_id, _OTHER_ZONE, None)
        return brand_id

    def spend(self, brand_id: str, campaign_id: str, moment: Moment) -> None:
        self._sent += 1
        event = {"event_id": f"event-{self._sent}", "brand_id": brand_id, "campaign_id": campaign_id, "amount": "1"}
        self._send(Topic.SPEND_EVENTS, brand_id, brand_id, encode(event), moment)

    def tick(self, partitions: int) -> None:
        tick = {"tick_id": "midnight", "due_at": format_moment(self.midnight)}
        for number in range(partitions):
            self._produce(Topic.DAYPARTING_TICKS, str(number), number, json.dumps(tick).encode(), _now())

    def flush(self) -> None:
        assert self._producer.flush(120) == 0

    def _send(self, topic: Topic, key: str, brand_id: str, value: bytes, moment: Moment) -> None:
        self._produce(topic, key, partition_of(brand_id, self._settings.partitions), value, moment)

    def _produce(self, topic: Topic, key: str, partition: int, value: bytes, moment: Moment) -> None:
        while True:
            try:
                self._producer.produce(self._settings.topic(topic), value, key.encode(), partition, timestamp=moment)
                self._producer.poll(0)
                return
            except BufferError:
                self._producer.poll(0.1)


def _reader(settings: Settings) -> Consumer:
    """Reads committed commands from the end of the topic on."""
    reader = Consumer(
        {
            "bootstrap.servers": settings.brokers,
            "group.id": "bench-midnight",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 5,
        }
    )
    parts = [TopicPartition(settings.topic(Topic.CAMPAIGN_CONTROL), number) for number in range(settings.partitions)]
    for part in parts:
        _, part.offset = reader.get_watermark_offsets(part)
    reader.assign(parts)
    return reader


def _name(action: Action) -> str:
    return f'spendgate_commands_total{{action="{action}"}}'


def _now() -> Moment:
    return time.time_ns() // 1_000_000


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.midnight", description=__doc__)
    parser.add_argument("brands", type=int, nargs="?", default=50_000, help="with one campaign each")
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--repeat", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
