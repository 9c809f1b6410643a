"""What is committed to a topic, and the sums that the controller holds."""

import time
from collections.abc import Collection, Iterator
from typing import Any, Final

from confluent_kafka import Consumer, TopicPartition

from bench.totals import Arrived, Sums
from streams.kafka.topics import Topic
from streams.live_state import read_brands
from streams.settings import Settings

__all__ = ["arrived_spend", "held_sums", "read_committed"]

_PATIENCE_SECONDS: Final = 120


def arrived_spend(settings: Settings, events: int) -> Iterator[Arrived]:
    """All spend of the topic, which must be so many events."""
    read = 0
    for message in read_committed(settings, settings.topic(Topic.SPEND_EVENTS)):
        read += 1
        yield Arrived(message.timestamp()[1], message.value())
    assert read == events, f"{read} of {events} events are in the topic"


async def held_sums(settings: Settings, brand_ids: Collection[str], patience_seconds: float) -> Sums:
    """What the controller holds when it has applied all of its spend, of brands that have any."""
    sums: Sums = {}
    for brand_id, held in (await read_brands(settings, brand_ids, patience_seconds)).items():
        if held is not None and held.state.has_spend:
            sums[brand_id] = (held.state.daily_micros, held.state.monthly_micros)
            for campaign in held.state.campaigns.values():
                sums[f"{brand_id}/{campaign.campaign_id}"] = (campaign.daily_micros, campaign.total_micros)
    return sums


def read_committed(settings: Settings, topic: str) -> Iterator[Any]:
    """The messages up to the ends that the partitions have now, one partition after the other."""
    reader = Consumer(
        {
            "bootstrap.servers": settings.brokers,
            "group.id": "bench-totals",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
        }
    )
    try:
        for number in range(settings.partitions):
            tp = TopicPartition(topic, number)
            first, end = reader.get_watermark_offsets(tp, timeout=30)
            reader.assign([TopicPartition(topic, number, first)])
            deadline = time.monotonic() + _PATIENCE_SECONDS
            # Markers of transactions take offsets too, and no record has theirs: the position passes them.
            while reader.position([tp])[0].offset < end and first < end:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{topic} {number} was not read to {end}")
                for message in reader.consume(10_000, timeout=0.2):
                    if not message.error():
                        yield message
    finally:
        reader.close()
