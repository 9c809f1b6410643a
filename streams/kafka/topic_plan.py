"""Formats our topics for whoever makes them on a cluster where we may not: as facts, and as lines of `kafka-topics`."""

import shlex
from typing import NamedTuple

from streams.kafka.topics import ALL_TOPICS, topic_configs
from streams.settings import Settings

__all__ = ["PlannedTopic", "creation_line", "planned_topics"]


class PlannedTopic(NamedTuple):
    """A topic under its full name, and the broker-side settings that it needs."""

    name: str
    partitions: int
    replication_factor: int
    config: dict[str, str]


def planned_topics(settings: Settings) -> list[PlannedTopic]:
    """All topics as `create_topics` makes them."""
    counts = settings.partitions, settings.replication_factor
    return [PlannedTopic(settings.topic(topic), *counts, topic_configs(topic, settings)) for topic in ALL_TOPICS]


def creation_line(topic: PlannedTopic, settings: Settings) -> str:
    """The command line of Kafka's tool that makes a topic of `planned_topics`, to be run by an administrator."""
    words = ["kafka-topics", "--bootstrap-server", settings.brokers, "--create", "--topic", topic.name]
    words += ["--partitions", str(topic.partitions), "--replication-factor", str(topic.replication_factor)]
    for name, value in topic.config.items():
        words += ["--config", f"{name}={value}"]
    return shlex.join(words)
