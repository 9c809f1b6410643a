"""One record in, all records out."""

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from streams.settings import Settings
from tests.topics import make_topic


def create_topic(brokers: str, topic: str) -> None:
    asyncio.run(make_topic(Settings(brokers=brokers), topic))


def send(brokers: str, topic: str, value: bytes) -> None:
    asyncio.run(_send(brokers, topic, value))


def read_all(brokers: str, topic: str) -> list[bytes]:
    return asyncio.run(_read_all(brokers, topic))


async def _send(brokers: str, topic: str, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=brokers) as producer:
        await producer.send_and_wait(topic, value)


async def _read_all(brokers: str, topic: str) -> list[bytes]:
    partition = TopicPartition(topic, 0)
    async with AIOKafkaConsumer(bootstrap_servers=brokers, auto_offset_reset="earliest") as consumer:
        consumer.assign([partition])
        end = (await consumer.end_offsets([partition]))[partition]
        values: list[bytes] = []
        while await consumer.position(partition) < end:
            values.append((await consumer.getone()).value)
        return values
