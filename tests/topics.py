"""Topics made, removed and made anew: each call returns once the broker shows it.

The broker answers a request when its controller has written it down; its metadata follow a moment later. Who made a
topic and goes on at once may be told that it is not there, and who removed one may find it still there.
"""

import asyncio
from collections.abc import Collection, Mapping

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code

from streams.kafka.metadata import topic_facts
from streams.kafka.provision import admin_client, create_topics
from streams.kafka.topics import ALL_TOPICS, Topic, topic_configs
from streams.settings import Settings

PATIENCE_SECONDS = 30


async def make_topic(
    settings: Settings, name: str, partitions: int = 1, configs: Mapping[str, str] | None = None
) -> None:
    """One topic under its full name."""
    await _make(settings, [NewTopic(name, partitions, 1, topic_configs=dict(configs or {}))])


async def make_topics(settings: Settings, *topics: Topic, partitions: int | None = None) -> None:
    """These of ours and no others, with the partitions of the settings unless others are given."""
    count = partitions or settings.partitions
    await _make(
        settings,
        [NewTopic(settings.topic(it), count, 1, topic_configs=topic_configs(it, settings)) for it in topics],
    )


async def delete_topics(settings: Settings, *topics: Topic) -> None:
    names = [settings.topic(topic) for topic in topics]
    async with admin_client(settings) as admin:
        _raise_errors((await admin.delete_topics(names)).topic_error_codes)
        await _until_shown(admin, names, 0)


async def make_anew(settings: Settings, *topics: Topic) -> None:
    """These, or all, under their old names and empty."""
    await delete_topics(settings, *(topics or ALL_TOPICS))
    await create_topics(settings)


async def _make(settings: Settings, topics: list[NewTopic]) -> None:
    async with admin_client(settings) as admin:
        _raise_errors((await admin.create_topics(topics)).topic_errors)
        await _until_shown(admin, [topic.name for topic in topics], len(topics))


def _raise_errors(answers: Collection[tuple[str, int, object]]) -> None:
    for name, code, *_ in answers:
        if code:
            raise for_code(code)(name)


async def _until_shown(admin: AIOKafkaAdminClient, names: Collection[str], count: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(await topic_facts(admin._client, names)) != count:
            await asyncio.sleep(0.02)
