"""Our topics on the broker: made as they must be, and compared with it."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    InvalidReplicationFactorError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from streams.errors import ConfigurationError, Unreachable
from streams.kafka_clients import answering, client_options
from streams.settings import Settings
from streams.topics import ALL_TOPICS, Topic, topic_configs

__all__ = ["Difference", "admin_client", "create_topics", "topic_differences"]

ANSWER_SECONDS: Final = 8.0
VISIBLE_SECONDS: Final = 15.0

#: Numbers that may be better than asked for: "-1" stands for no limit.
_AT_LEAST: Final = frozenset({"retention.ms", "min.compaction.lag.ms", "max.message.bytes", "min.insync.replicas"})
_AT_MOST: Final = frozenset({"segment.bytes", "max.compaction.lag.ms", "min.cleanable.dirty.ratio"})


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing about one topic that is not as it must be."""

    topic: str
    what: str
    found: str
    wanted: str
    mend: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.what} is {self.found} and must be {self.wanted}: {self.mend}"


@dataclass(frozen=True, slots=True)
class _Found:
    partitions: int
    replication: int


@asynccontextmanager
async def admin_client(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """Connected within seconds, or Unreachable."""
    admin = AIOKafkaAdminClient(**client_options(settings), request_timeout_ms=int(ANSWER_SECONDS * 1000))
    try:
        async with answering(settings, ANSWER_SECONDS):
            await admin.start()
    except Unreachable:
        await admin.close()
        raise
    try:
        yield admin
    finally:
        await admin.close()


async def create_topics(settings: Settings) -> list[str]:
    """Makes what is missing and returns its names; refuses topics that exist with other partition counts."""
    async with admin_client(settings) as admin:
        existing = await _existing(admin, [settings.topic(topic) for topic in ALL_TOPICS])
        missing = [topic for topic in ALL_TOPICS if settings.topic(topic) not in existing]
        _refuse_other_counts(existing, settings)
        if missing:
            await _create(admin, missing, settings)
            await _until_visible(admin, missing, settings)
        return [settings.topic(topic) for topic in missing]


async def topic_differences(settings: Settings) -> list[Difference]:
    """Everything that `create_topics` would have made in another way, empty when all is well."""
    names = {settings.topic(topic): topic for topic in ALL_TOPICS}
    async with admin_client(settings) as admin:
        existing = await _existing(admin, names)
        configs = await _configs(admin, existing)
    differences: list[Difference] = []
    for name, topic in names.items():
        if name in existing:
            differences += _size_differences(name, existing[name], settings)
            differences += _config_differences(name, configs[name], topic_configs(topic, settings))
        else:
            differences.append(Difference(name, "the topic", "missing", "there", "run `spendgate topics create`"))
    return differences


async def _existing(admin: AIOKafkaAdminClient, names: Collection[str]) -> dict[str, _Found]:
    found: dict[str, _Found] = {}
    for topic in await admin.describe_topics(list(names)):
        error = for_code(topic["error_code"])
        if error is UnknownTopicOrPartitionError:
            continue
        if topic["error_code"]:
            raise error(topic["topic"])
        replicas = [len(partition["replicas"]) for partition in topic["partitions"]]
        found[topic["topic"]] = _Found(len(replicas), min(replicas, default=0))
    return found


def _refuse_other_counts(existing: dict[str, _Found], settings: Settings) -> None:
    for name, found in existing.items():
        if found.partitions != settings.partitions:
            raise ConfigurationError(str(_partition_difference(name, found, settings)))


async def _create(admin: AIOKafkaAdminClient, topics: Collection[Topic], settings: Settings) -> None:
    wanted = [
        NewTopic(
            settings.topic(topic),
            settings.partitions,
            settings.replication_factor,
            topic_configs=topic_configs(topic, settings),
        )
        for topic in topics
    ]
    response = await admin.create_topics(wanted)
    for name, code, *message in response.topic_errors:
        error = for_code(code)
        if error is InvalidReplicationFactorError:
            raise ConfigurationError(
                f"The cluster has fewer than {settings.replication_factor} brokers for {name}: "
                "start more, or lower SPENDGATE_REPLICATION_FACTOR."
            )
        # Another process may make the same topics at the same time.
        if code and error is not TopicAlreadyExistsError:
            raise ConfigurationError(f"The broker does not make {name}: {message[0] or error.__name__}.")


async def _until_visible(admin: AIOKafkaAdminClient, topics: Collection[Topic], settings: Settings) -> None:
    """Brokers learn of a new topic one after the other."""
    names = [settings.topic(topic) for topic in topics]
    async with asyncio.timeout(VISIBLE_SECONDS):
        while len(existing := await _existing(admin, names)) < len(names):
            await asyncio.sleep(0.05)
    _refuse_other_counts(existing, settings)


async def _configs(admin: AIOKafkaAdminClient, names: Collection[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    responses = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    return {
        name: {entry[0]: entry[1] for entry in entries}
        for response in responses
        for _code, _message, _kind, name, entries in response.resources
    }


def _size_differences(name: str, found: _Found, settings: Settings) -> list[Difference]:
    differences = []
    if found.partitions != settings.partitions:
        differences.append(_partition_difference(name, found, settings))
    if found.replication < settings.replication_factor:
        mend = "add replicas with `spendgate kafka kafka-reassign-partitions`, or lower SPENDGATE_REPLICATION_FACTOR"
        differences.append(
            Difference(name, "replication", str(found.replication), str(settings.replication_factor), mend)
        )
    return differences


def _partition_difference(name: str, found: _Found, settings: Settings) -> Difference:
    """The count is fixed at creation, because keys would move away from their state."""
    mend = f"set SPENDGATE_PARTITIONS={found.partitions}, or start a new set of topics with SPENDGATE_TOPIC_PREFIX"
    return Difference(name, "partitions", str(found.partitions), str(settings.partitions), mend)


def _config_differences(name: str, found: dict[str, str], wanted: dict[str, str]) -> list[Difference]:
    return [
        Difference(
            name,
            key,
            found.get(key, "not set"),
            value,
            f"run `spendgate kafka kafka-configs --alter --entity-type topics --entity-name {name} "
            f"--add-config {key}={value}`",
        )
        for key, value in wanted.items()
        if not _good(key, found.get(key), value)
    ]


def _good(key: str, found: str | None, wanted: str) -> bool:
    if found is None or key not in _AT_LEAST | _AT_MOST:
        return found == wanted
    have, want = (float("inf") if text == "-1" else float(text) for text in (found, wanted))
    return have >= want if key in _AT_LEAST else have <= want
