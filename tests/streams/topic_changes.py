"""Configurations of a topic that change under way."""

import asyncio

from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from streams.kafka.options import librdkafka_options
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.streams.raw_batches import BATCH_OVERHEAD, TOO_LARGE, RawProducer, Refused, batch, raw_producer

PATIENCE_SECONDS = 30
_CHECK_SUM_AT = 17


def change_config(settings: Settings, topic: Topic, name: str, value: str) -> None:
    """This one alone: Kafka's older call sets all that it does not name to the broker's defaults."""
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, settings.topic(topic), incremental_configs=[entry])
    admin = AdminClient(librdkafka_options(settings))
    for done in admin.incremental_alter_configs([resource]).values():
        done.result(PATIENCE_SECONDS)


async def limit(settings: Settings, topic: Topic, size: int) -> None:
    """The largest batch that the topic takes from now on, in bytes. Returns once each partition keeps to it: a broker
    tells a new configuration before its logs know it."""
    await asyncio.to_thread(change_config, settings, topic, "max.message.bytes", str(size))
    async with raw_producer(settings) as producer, asyncio.timeout(PATIENCE_SECONDS):
        for partition in range(await producer.partitions(topic)):
            while not await _keeps_to(size, producer, topic, partition):
                await asyncio.sleep(0.02)


async def _keeps_to(size: int, producer: RawProducer, topic: Topic, partition: int) -> bool:
    """Tried with batches whose check sum is wrong, which are refused, too, but only where they are not too large."""
    return [await _is_too_large(it, producer, topic, partition) for it in (size, size + 1)] == [False, True]


async def _is_too_large(size: int, producer: RawProducer, topic: Topic, partition: int) -> bool:
    broken = bytearray(batch([], payload=bytes(size - BATCH_OVERHEAD), count=1))
    broken[_CHECK_SUM_AT] ^= 0xFF
    try:
        await producer.send(topic, partition, bytes(broken))
    except Refused as refused:
        return refused.code == TOO_LARGE
    raise AssertionError("a batch with a wrong check sum was taken")
