"""What the measurements send: a catalog of many brands, and spend events of about 110 bytes."""

from collections.abc import Iterable, Iterator

from confluent_kafka import Producer

from core.money import format_money
from core.partitioner import partition_of
from core.records import BrandDocument, CampaignDocument, ZoneDocument
from streams.kafka.codec import encode
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = [
    "AMOUNT_MICROS",
    "BRANDS",
    "brand_id",
    "campaign_id",
    "documents",
    "event",
    "producer",
    "publish_catalog",
    "publish_events",
]

BRANDS = 1_000
AMOUNT_MICROS = 12_500
AMOUNT = format_money(AMOUNT_MICROS)
#: A prime, so that events go over all brands before one comes again.
_STRIDE = 7_919

_BRAND_IDS = [f"brand-{number:04d}" for number in range(BRANDS)]


def brand_id(number: int) -> str:
    return _BRAND_IDS[number % BRANDS]


def campaign_id(number: int) -> str:
    return f"{brand_id(number)}-c"


def event(event_id: str, number: int, amount: str = AMOUNT) -> bytes:
    return _event(event_id, brand_id(number), amount)


def _name(number: int) -> str:
    return f"brand-{number:04d}"


def _event(event_id: str, brand: str, amount: str = AMOUNT) -> bytes:
    names = f'"event_id":"{event_id}","brand_id":"{brand}","campaign_id":"{brand}-c"'
    return f'{{{names},"amount":"{amount}","currency":"USD"}}'.encode()


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
    topic = settings.topic(Topic.CATALOG)
    for number, events in enumerate(events_to_budget):
        partition = partition_of(_name(number), settings.partitions)
        for key, value in documents(number, events):
            _produce(sender, topic, value, key.encode(), partition)
    assert sender.flush(60) == 0


def publish_events(
    settings: Settings,
    count: int,
    brands: int = BRANDS,
    first: int = 0,
    repeat_every: int | None = None,
    of_first_brand: float = 0,
) -> int:
    """Brands in an order that looks random and is the same in every run. Returns the bytes of the values.

    `first` is the number of the first event: numbers make the event ids. With `repeat_every`, the last of each so many
    records is a duplicate of the one before it. `of_first_brand` is the share of events that the first brand has beside
    its own.
    """
    sender = producer(settings, linger_ms=20)
    topic = settings.topic(Topic.SPEND_EVENTS)
    names = [_name(number) for number in range(brands)]
    keys = [(name.encode(), partition_of(name, settings.partitions)) for name in names]
    size = 0
    for record in range(first, first + count):
        number = record - 1 if repeat_every and record % repeat_every == repeat_every - 1 else record
        brand = 0 if number % 100 < of_first_brand * 100 else number * _STRIDE % brands
        key, partition = keys[brand]
        value = _event(f"event-{number:08d}", names[brand])
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


def documents(number: int, events_to_budget: int | None) -> Iterator[tuple[str, bytes]]:
    """Keys and values of a brand and of its one campaign."""
    budget = None if events_to_budget is None else format_money(events_to_budget * AMOUNT_MICROS)
    brand = _name(number)
    campaign = f"{brand}-c"
    yield brand, encode(BrandDocument(brand, 1, [ZoneDocument("UTC")], "USD"))
    yield f"{brand}/{campaign}", encode(CampaignDocument(brand, campaign, 1, daily_budget=budget))
