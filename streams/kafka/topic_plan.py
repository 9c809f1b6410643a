"""Our topics as they must be made: by `create_topics`, or by whoever may on a cluster where we may not."""

import shlex
from collections.abc import Iterable
from typing import NamedTuple

from streams.kafka.topics import ALL_TOPICS, Topic, topic_configs
from streams.settings import Settings

__all__ = ["PlannedTopic", "creation_line", "planned_topics"]


class PlannedTopic(NamedTuple):
    """A topic under its full name, and the broker-side settings that it needs."""

    name: str
    partitions: int
    replication_factor: int
    config: dict[str, str]


def planned_topics(settings: Settings, topics: Iterable[Topic] = ALL_TOPICS) -> list[PlannedTopic]:
    """These topics with what they are made of."""
    counts = settings.partitions, settings.replication_factor
    return [PlannedTopic(settings.topic(topic), *counts, topic_configs(topic, settings)) for topic in topics]


def creation_line(topic: PlannedTopic, settings: Settings) -> str:
    """The command line of Kafka's tool that makes a topic of `planned_topics`, to be run by an administrator."""
    words = ["kafka-topics", "--bootstrap-server", settings.brokers, "--create", "--topic", topic.name]
    words += ["--partitions", str(topic.partitions), "--replication-factor", str(topic.replication_factor)]
    for name, value in topic.config.items():
        words += ["--config", f"{name}={value}"]
    return shlex.join(words)
