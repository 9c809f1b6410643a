"""What the measurements send: a catalog of many brands, and spend events of about 110 bytes."""

from collections.abc import Iterable, Iterator

from confluent_kafka import Producer

from streams.core.money import format_money
from streams.core.partitioner import partition_of
from streams.core.records import BrandDocument, CampaignDocument, ZoneDocument
from streams.records import encode
from streams.settings import Settings
from streams.topics import Topic

__all__ = ["BRANDS", "brand_id", "campaign_id", "event", "producer", "publish_catalog", "publish_events"]

BRANDS = 1_000
AMOUNT_MICROS = 12_500

_BRAND_IDS = [f"brand-{number:04d}" for number in range(BRANDS)]


def brand_id(number: int) -> str:
    return _BRAND_IDS[number % BRANDS]


def campaign_id(number: int) -> str:
    return f"{brand_id(number)}-c"


def event(event_id: str, number: int) -> bytes:
    brand = brand_id(number)
    return (
        f'{{"event_id":"{event_id}","brand_id":"{brand}","campaign_id":"{brand}-c","amount":"0.0125","currency":"USD"}}'
    ).encode()


def producer(settings: Settings, linger_ms: float) -> Producer:
    return Producer(
        {
            "bootstrap.servers": settings.brokers,
            "acks": "all",
            "max.in.flight.requests.per.connection": 5,
            "linger.ms": linger_ms,
            "batch.size": 256 * 1024,
            "queue.buffering.max.messages": 500_000,
        }
    )


def publish_catalog(settings: Settings, events_to_budget: Iterable[int | None]) -> None:
    """A brand and its one campaign each, whose daily budget that many events use up; None: no budget."""
    sender = producer(settings, linger_ms=20)
    for number, events in enumerate(events_to_budget):
        for key, value in _documents(number, events):
            partition = partition_of(brand_id(number), settings.partitions)
            sender.produce(settings.topic(Topic.CATALOG), value, key, partition)
    assert sender.flush(60) == 0


def publish_events(settings: Settings, count: int) -> int:
    """Brands in turn. Returns the bytes of their values."""
    sender = producer(settings, linger_ms=20)
    topic = settings.topic(Topic.SPEND_EVENTS)
    keys = [
        (brand_id(number).encode(), partition_of(brand_id(number), settings.partitions)) for number in range(BRANDS)
    ]
    size = 0
    for number in range(count):
        key, partition = keys[number % BRANDS]
        value = event(f"event-{number:08d}", number)
        size += len(value)
        _produce(sender, topic, value, key, partition)
    assert sender.flush(120) == 0
    return size


def _produce(sender: Producer, topic: str, value: bytes, key: bytes, partition: int) -> None:
    while True:
        try:
            sender.produce(topic, value, key, partition)
            return
        except BufferError:
            sender.poll(0.1)


def _documents(number: int, events_to_budget: int | None) -> Iterator[tuple[str, bytes]]:
    budget = None if events_to_budget is None else format_money(events_to_budget * AMOUNT_MICROS)
    brand, campaign = brand_id(number), campaign_id(number)
    yield brand, encode(BrandDocument(brand, 1, [ZoneDocument("UTC")], "USD"))
    yield f"{brand}/{campaign}", encode(CampaignDocument(brand, campaign, 1, daily_budget=budget))
