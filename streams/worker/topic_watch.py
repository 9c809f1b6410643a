"""Notices, while a worker runs, that one of its topics was deleted, recreated or given more partitions."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from core.errors import ConfigurationError
from streams.kafka.metadata import TopicFacts, topic_facts
from streams.kafka.topics import ALL_TOPICS, Topic
from streams.settings import Settings

__all__ = ["watch_topics"]

_CHECK_SECONDS: Final = 2.0
#: A broker that has just started may not know every topic for a moment.
_CHECKS_UNTIL_MISSING: Final = 2


async def watch_topics(client: AIOKafkaClient, settings: Settings, ids: Mapping[str, str]) -> None:
    """Check the topics every 2 seconds; raise ConfigurationError when one is missing or has another id than in `ids`
    (by name without prefix), or another partition count. A broker that does not answer is asked again."""
    missed = dict.fromkeys(ALL_TOPICS, 0)
    while True:
        await asyncio.sleep(_CHECK_SECONDS)
        with suppress(KafkaError, OSError, TimeoutError):
            found = await topic_facts(client, [settings.topic(topic) for topic in ALL_TOPICS])
            for topic in ALL_TOPICS:
                facts = found.get(settings.topic(topic))
                missed[topic] = missed[topic] + 1 if facts is None else 0
                _check(topic, facts, missed[topic], settings, ids)


def _check(topic: Topic, facts: TopicFacts | None, missed: int, settings: Settings, ids: Mapping[str, str]) -> None:
    name = settings.topic(topic)
    if facts is None:
        if missed >= _CHECKS_UNTIL_MISSING:
            raise ConfigurationError(f"Topic {name} was deleted under the running worker.")
    elif facts.topic_id != ids[topic]:
        raise ConfigurationError(f"Topic {name} was made anew under the running worker.")
    elif facts.partitions != settings.partitions:
        raise ConfigurationError(
            f"Topic {name} was given {facts.partitions} partitions under the running worker, in place of "
            f"{settings.partitions}: keys no longer lead to their state."
        )
