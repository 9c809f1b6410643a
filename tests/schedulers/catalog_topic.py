"""Making and removing the catalog topic of a test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams.settings import Settings
from streams.topics import Topic, topic_configs


async def make_topic(settings: Settings) -> None:
    name = settings.topic(Topic.CATALOG)
    topic = NewTopic(name, settings.partitions, 1, topic_configs=topic_configs(Topic.CATALOG, settings))
    async with admin(settings) as client:
        await client.create_topics([topic])
        # The broker that answered has only promised it.
        while name not in await client.list_topics():
            await asyncio.sleep(0.05)


async def remove_topic(settings: Settings) -> None:
    name = settings.topic(Topic.CATALOG)
    async with admin(settings) as client:
        await client.delete_topics([name])
        while name in await client.list_topics():
            await asyncio.sleep(0.05)


@asynccontextmanager
async def admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=settings.brokers)
    await client.start()
    try:
        yield client
    finally:
        await client.close()
