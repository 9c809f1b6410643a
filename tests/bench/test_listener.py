"""What a reader of committed records notes beside a measurement, on a real broker."""

from confluent_kafka import Producer

from bench.listener import Listener
from bench.machine import topics
from local.kafka import LocalKafka
from streams.kafka.topics import Topic
from streams.settings import Settings


def test_records_are_heard_when_they_are_committed(kafka: LocalKafka, topic_prefix: str) -> None:
    settings = topics(kafka, topic_prefix, partitions=1)
    topic = settings.topic(Topic.CAMPAIGN_CONTROL)
    _transaction(settings, topic, b"before", commit=True)
    with Listener(settings, topic) as listener:
        _transaction(settings, topic, b"aborted", commit=False)
        while not listener.heard:  # the first ones may come before it knows the end of the topic
            _transaction(settings, topic, b"pause", commit=True)
    assert {it.value for it in listener.heard} == {b"pause"}
    assert all(it.delay_ms >= 0 for it in listener.heard)


def _transaction(settings: Settings, topic: str, value: bytes, *, commit: bool) -> None:
    producer = Producer({"bootstrap.servers": settings.brokers, "transactional.id": f"{settings.topic_prefix}test"})
    producer.init_transactions()
    producer.begin_transaction()
    producer.produce(topic, value, b"a-campaign", partition=0)
    producer.flush()
    if commit:
        producer.commit_transaction()
    else:
        producer.abort_transaction()
