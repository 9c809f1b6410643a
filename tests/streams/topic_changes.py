"""Configurations of a topic that change under way."""

import asyncio

from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from streams.kafka.options import librdkafka_options
from streams.kafka.topics import Topic
from streams.settings import Settings

PATIENCE_SECONDS = 20


def change_config(settings: Settings, topic: Topic, name: str, value: str) -> None:
    """This one alone: Kafka's older call sets all that it does not name to the broker's defaults."""
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, settings.topic(topic), incremental_configs=[entry])
    admin = AdminClient(librdkafka_options(settings))
    for done in admin.incremental_alter_configs([resource]).values():
        done.result(PATIENCE_SECONDS)


async def limit(settings: Settings, topic: Topic, size: int) -> None:
    """The largest batch that the topic takes from now on, in bytes."""
    await asyncio.to_thread(change_config, settings, topic, "max.message.bytes", str(size))
    admin = AdminClient(librdkafka_options(settings))
    resource = ConfigResource(ResourceType.TOPIC, settings.topic(topic))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            for done in admin.describe_configs([resource]).values():
                configs = await asyncio.to_thread(done.result, PATIENCE_SECONDS)
                if configs["max.message.bytes"].value == str(size):
                    return
