"""What a campaign spends beyond its budget, with a real worker and the Python library. `--help` lists the options.

Each case is a campaign whose ad server spends at a steady rate, learns of the pause by the library and stops so many
seconds later; then it acknowledges. Beside what was spent too much stands the bound: the rate times our latency and
the consumer's delay, and the one event that crossed the budget.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

import msgspec
from confluent_kafka import Producer

from bench.load import producer
from bench.machine import Worker, broker, describe, topics, wait_until
from core.moment import format_moment
from core.money import MICROS, format_money
from core.partitioner import partition_of
from core.records import BrandDocument, CampaignDocument, SpendEvent, ZoneDocument
from streams.kafka.codec import encode
from streams.kafka.topics import Topic
from streams.settings import Settings

sys.path.insert(0, str(Path(__file__).parents[1] / "clients" / "python"))

from spendgate_control import ControlReader, Policy

_CONSUMER: Final = "bench"
#: Of spend at the rate; long enough for all campaigns to be running.
_BUDGET_SECONDS: Final = 3
_PATIENCE_SECONDS: Final = 300.0


@dataclass
class Case:
    """One campaign; moments are seconds of this machine's clock."""

    name: str
    rate_micros: int  # a second
    delay: float
    event_micros: int
    spent_micros: int = 0
    crossed_at: float | None = None
    command_at: float | None = None
    stopped_at: float | None = None

    @property
    def budget_micros(self) -> int:
        return self.rate_micros * _BUDGET_SECONDS

    def result(self) -> dict[str, Any]:
        assert self.crossed_at and self.command_at and self.stopped_at
        latency, delay = self.command_at - self.crossed_at, self.stopped_at - self.command_at
        bound = round(self.rate_micros * (latency + delay)) + self.event_micros
        over = self.spent_micros - self.budget_micros
        return {
            "rate": format_money(self.rate_micros),
            "delay_seconds": self.delay,
            "latency_ms": round(1000 * latency, 1),
            "reaction_seconds": round(delay, 3),
            "overspent": format_money(over),
            "bound": format_money(bound),
            "within": over <= bound,
        }


def main() -> None:
    options = _options()
    about = describe()
    rates = [float(it) for it in options.rates.split(",")]
    delays = [float(it) for it in options.delays.split(",")]
    with broker() as kafka:
        settings = topics(kafka, "overspend-", options.partitions)
        cases = [
            _case(number, round(rate * MICROS), delay, options.events_per_second)
            for number, (rate, delay) in enumerate(product(rates, delays))
        ]
        measure(settings, cases, options.events_per_second)
    results = [case.result() for case in cases]
    print(json.dumps({"machine": about, "events_per_second": options.events_per_second, "cases": results}, indent=2))
    if not all(it["within"] for it in results):
        raise SystemExit(1)


def _case(number: int, rate_micros: int, delay: float, events_per_second: int) -> Case:
    return Case(f"case-{number}", rate_micros, delay, max(1, round(rate_micros / events_per_second)))


def measure(settings: Settings, cases: Sequence[Case], events_per_second: int) -> None:
    """All campaigns at once, each with a brand of its own, until the last has stopped."""
    sender = producer(settings, linger_ms=1)
    for case in cases:
        _publish_campaign(settings, sender, case)
    assert sender.flush(60) == 0
    with (
        Worker(settings) as worker,
        ControlReader(
            settings.brokers, consumer=_CONSUMER, policy=Policy.CLOSED, topic_prefix=settings.topic_prefix
        ) as reader,
    ):
        wait_until(lambda: worker.metric('spendgate_commands_total{action="resume"}') == len(cases), 120, every=0.1)
        reader.catch_up(60)
        _spend(settings, sender, reader, {case.name: case for case in cases}, events_per_second)


def _spend(
    settings: Settings, sender: Producer, reader: ControlReader, cases: dict[str, Case], events_per_second: int
) -> None:
    started_at, step = time.time(), 0
    waiting: dict[str, Any] = {}  # campaign -> the pause that its ad server has not applied yet
    while any(case.stopped_at is None for case in cases.values()):
        if time.time() - started_at > _PATIENCE_SECONDS:
            running = [f"{it.rate_micros / MICROS:g} a second" for it in cases.values() if it.command_at is None]
            raise TimeoutError(f"after {_PATIENCE_SECONDS:g} s these were not paused yet: {running}")
        due = started_at + step / events_per_second
        while True:
            left = due - time.time()
            for change in reader.poll(max(0.0, min(left, 0.01))):
                if change.command.action == "pause" and change.command.campaign_id in cases:
                    cases[change.command.campaign_id].command_at = time.time()
                    waiting[change.command.campaign_id] = change.command
            _apply_due(reader, cases, waiting)
            if left <= 0:
                break
        step += 1
        for case in cases.values():
            if case.stopped_at is None:
                _spend_once(settings, sender, case, step)
        sender.poll(0)
    assert sender.flush(60) == 0


def _apply_due(reader: ControlReader, cases: dict[str, Case], waiting: dict[str, Any]) -> None:
    now = time.time()
    for name, command in list(waiting.items()):
        case = cases[name]
        assert case.command_at is not None
        if now >= case.command_at + case.delay:
            case.stopped_at = now
            reader.acknowledge(command)
            del waiting[name]


def _spend_once(settings: Settings, sender: Producer, case: Case, step: int) -> None:
    now = time.time()
    case.spent_micros += case.event_micros
    if case.crossed_at is None and case.spent_micros >= case.budget_micros:
        case.crossed_at = now
    event_id, moment = f"{case.name}-{step}", format_moment(int(now * 1000))
    amount, none = format_money(case.event_micros), msgspec.Raw(b"{}")
    event = SpendEvent(event_id, case.name, case.name, amount, "USD", moment, none)
    partition = partition_of(case.name, settings.partitions)
    sender.produce(settings.topic(Topic.SPEND_EVENTS), encode(event), case.name.encode(), partition)


def _publish_campaign(settings: Settings, sender: Producer, case: Case) -> None:
    topic, partition = settings.topic(Topic.CATALOG), partition_of(case.name, settings.partitions)
    budget = format_money(case.budget_micros)
    brand = BrandDocument(case.name, 1, [ZoneDocument("UTC")], "USD", daily_budget=budget)
    sender.produce(topic, encode(brand), case.name.encode(), partition)
    campaign = CampaignDocument(case.name, case.name, 1)
    sender.produce(topic, encode(campaign), f"{case.name}/{case.name}".encode(), partition)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rates", default="1,10,100", help="money a second of each campaign, with commas between")
    parser.add_argument("--delays", default="0,1,5", help="seconds from the command to the last event, with commas")
    parser.add_argument("--events-per-second", type=int, default=20, help="of each campaign")
    parser.add_argument("--partitions", type=int, default=4)
    return parser.parse_args()


if __name__ == "__main__":
    main()
