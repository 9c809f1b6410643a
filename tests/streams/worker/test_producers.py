"""Producers as they are in the field: other partitioners, no key, the broker's own clock."""

from collections import Counter
from datetime import UTC, datetime

import msgspec
import pytest
from confluent_kafka import Producer

from core.money import parse_money
from core.partitioner import partition_of
from streams.kafka.topics import Topic
from streams.settings import Timestamps
from tests.streams.broker import Broker, spend_event
from tests.streams.worker_process import WorkerProcess

BRANDS = [f"brand-{number}" for number in range(40)]
EVENTS = 25


@pytest.mark.parametrize("timestamps", [Timestamps.APPEND, Timestamps.CREATE])
@pytest.mark.parametrize("partitions", [4])
@pytest.mark.parametrize("keyed", [True, False], ids=["crc32 of the key", "no key"])
async def test_a_producer_that_partitions_in_its_own_way_counts_once_in_one_partition(
    broker: Broker, worker: WorkerProcess, keyed: bool
) -> None:
    for brand_id in BRANDS:
        await broker.brand(brand_id)
        await broker.campaign(brand_id, f"{brand_id}-campaign")
    await broker.until_settled()

    partitions = _produce(broker, keyed)
    misplaced = sum(where != partition_of(brand_id, broker.settings.partitions) for brand_id, where in partitions)
    assert misplaced > len(partitions) / 2

    whole = parse_money("0.25") * EVENTS
    await broker.until(lambda: _totals(broker) == dict.fromkeys(BRANDS, whole))
    # A second count of anything would have to come before what is sent now.
    for brand_id in BRANDS:
        await broker.spend(brand_id, f"{brand_id}-campaign", "0.01", event_id="last", occurred_at=_now())
    await broker.until_settled()
    assert _totals(broker) == dict.fromkeys(BRANDS, whole + parse_money("0.01"))
    places = Counter(brand_id for state in broker.states().values() for brand_id in state.brands)
    assert places == dict.fromkeys(BRANDS, 1)
    assert broker.dead_letters == []


@pytest.mark.parametrize("timestamps", [Timestamps.APPEND])
async def test_a_record_misplaced_a_second_time_is_a_dead_letter(broker: Broker, worker: WorkerProcess) -> None:
    await broker.brand("nike")
    await broker.until_settled()
    event = msgspec.json.encode(spend_event("nike", "summer", "5.00", "twice", _now()))
    elsewhere = (broker.home("nike") + 1) % broker.settings.partitions
    headers = (("spendgate-rerouted", b"spend-events/3/14"), ("trace", b"\x00\xff"))
    await broker.publish(Topic.SPEND_EVENTS, event, partition=elsewhere, key="nike", headers=headers)
    await broker.until_settled()

    (letter,) = broker.dead_letters
    assert (letter.key, letter.value) == (b"nike", event)
    assert letter.headers[: len(headers)] == headers
    assert dict(letter.headers)["spendgate-reason"] == b"misplaced"
    assert broker.state_of("nike").daily_micros == 0


def _produce(broker: Broker, keyed: bool) -> list[tuple[str, int]]:
    """Brand and partition of each record, as librdkafka chose it."""
    producer = Producer({"bootstrap.servers": broker.settings.brokers, "sticky.partitioning.linger.ms": 0})
    where: list[tuple[str, int]] = []
    topic = broker.settings.topic(Topic.SPEND_EVENTS)
    for number in range(EVENTS):
        for brand_id in BRANDS:
            event = spend_event(brand_id, f"{brand_id}-campaign", "0.25", f"{brand_id}-{number}", _now())
            producer.produce(
                topic,
                msgspec.json.encode(event),
                key=brand_id if keyed else None,
                on_delivery=lambda error, message, brand_id=brand_id: where.append((brand_id, message.partition())),
            )
    assert producer.flush(30) == 0
    return where


def _totals(broker: Broker) -> dict[str, int]:
    states = broker.states().values()
    return {
        brand_id: sum(campaign.total_micros for campaign in brand.campaigns.values())
        for state in states
        for brand_id, brand in state.brands.items()
    }


def _now() -> str:
    return datetime.now(UTC).isoformat()
