"""Produces spend at a steady rate, a little every 2 ms; the producer's clock stands in each event's id."""

import sys
import time

from bench.load import BRANDS, brand_id, event, producer
from core.partitioner import partition_of
from streams.kafka.topics import Topic
from streams.settings import Settings

_STEP_SECONDS = 0.002


def produce(settings: Settings, rate: int, count: int) -> None:
    sender = producer(settings, linger_ms=5)
    topic = settings.topic(Topic.SPEND_EVENTS)
    keys = [
        (brand_id(number).encode(), partition_of(brand_id(number), settings.partitions)) for number in range(BRANDS)
    ]
    started_at, sent = time.monotonic(), 0
    while sent < count:
        due = min(count, int((time.monotonic() - started_at) * rate))
        for number in range(sent, due):
            key, partition = keys[number % BRANDS]
            sender.produce(topic, event(f"{time.time_ns()}.{number}", number), key, partition)
        sent = due
        sender.poll(0)
        time.sleep(_STEP_SECONDS)
    assert sender.flush(60) == 0


if __name__ == "__main__":
    produce(
        Settings(brokers=sys.argv[1], topic_prefix=sys.argv[2], partitions=int(sys.argv[3])),
        rate=int(sys.argv[4]),
        count=int(sys.argv[5]),
    )
