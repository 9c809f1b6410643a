"""Catalog, spend and ticks, one record after the other, each with a time of its own (SPENDGATE_TIMESTAMPS=create)."""

import itertools
import json
import time

from bench.load import producer
from core.moment import Moment, format_moment
from core.partitioner import partition_of
from core.records import BrandDocument, CampaignDocument, ZoneDocument
from streams.kafka.codec import encode
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["Sender", "now"]


class Sender:
    """Any thread may use it."""

    def __init__(self, settings: Settings) -> None:
        self.partitions = settings.partitions
        self._settings = settings
        self._producer = producer(settings, linger_ms=5)
        self._numbers = itertools.count()

    def brand(self, brand_id: str, at: Moment, *, zone: str = "UTC", daily_budget: str | None = None) -> None:
        document = BrandDocument(brand_id, 1, [ZoneDocument(zone)], "USD", daily_budget=daily_budget)
        self._send(Topic.CATALOG, brand_id, brand_id, encode(document), at)

    def campaign(self, brand_id: str, campaign_id: str, at: Moment, *, total_budget: str | None = None) -> None:
        document = CampaignDocument(brand_id, campaign_id, 1, total_budget=total_budget)
        self._send(Topic.CATALOG, f"{brand_id}/{campaign_id}", brand_id, encode(document), at)

    def spend(self, brand_id: str, campaign_id: str, at: Moment) -> None:
        """Of 1 USD."""
        event_id = f"event-{next(self._numbers)}"
        event = {"event_id": event_id, "brand_id": brand_id, "campaign_id": campaign_id, "amount": "1"}
        self._send(Topic.SPEND_EVENTS, brand_id, brand_id, encode(event), at)

    def tick(self, due_at: Moment) -> None:
        """To each partition, now."""
        tick = json.dumps({"tick_id": "tick", "due_at": format_moment(due_at)}).encode()
        for number in range(self.partitions):
            self._produce(Topic.DAYPARTING_TICKS, str(number), number, tick, now())

    def flush(self) -> None:
        assert self._producer.flush(120) == 0

    def _send(self, topic: Topic, key: str, brand_id: str, value: bytes, at: Moment) -> None:
        self._produce(topic, key, partition_of(brand_id, self.partitions), value, at)

    def _produce(self, topic: Topic, key: str, partition: int, value: bytes, at: Moment) -> None:
        while True:
            try:
                self._producer.produce(self._settings.topic(topic), value, key.encode(), partition, timestamp=at)
                self._producer.poll(0)
                return
            except BufferError:
                self._producer.poll(0.1)


def now() -> Moment:
    return time.time_ns() // 1_000_000
