"""Creates our topics, and compares existing ones with what they must be."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidConfigurationError,
    InvalidReplicationFactorError,
    PolicyViolationError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)
from typing_extensions import override

from core.errors import ConfigurationError, NotAllowed, Unreachable
from streams.kafka.any_broker import ask_any_broker
from streams.kafka.clients import unreachable_after
from streams.kafka.failures import translated
from streams.kafka.options import client_options
from streams.kafka.topic_plan import PlannedTopic, planned_topics
from streams.kafka.topics import (
    ALL_TOPICS,
    IN_SYNC_OF_A_CLUSTER,
    NEEDED_SETTINGS,
    REPLICAS_OF_A_CLUSTER,
    Topic,
    topic_configs,
)
from streams.settings import Settings

__all__ = ["CreatedTopic", "TopicDifference", "admin_client", "create_topics", "message_limit", "topic_differences"]

ANSWER_SECONDS: Final = 8.0
VISIBLE_SECONDS: Final = 15.0

#: Numbers that may be higher than wanted; "-1" is no limit.
_AT_LEAST: Final = frozenset({"retention.ms", "min.compaction.lag.ms", "max.message.bytes"})
_IN_SYNC: Final = "min.insync.replicas"
#: What brokers answer that do not take a setting: one that they do not know, or that a policy of theirs forbids.
_OF_A_SETTING: Final = frozenset({InvalidConfigurationError.errno, PolicyViolationError.errno})
_AT_MOST: Final = frozenset({"segment.bytes", "max.compaction.lag.ms", "min.cleanable.dirty.ratio"})


class CreatedTopic(NamedTuple):
    """A topic that was made, the settings that it lacks because the broker refused them, and the broker's words."""

    name: str
    left_out: dict[str, str]
    refusals: list[str]


@dataclass(frozen=True, slots=True)
class TopicDifference:
    """A property of a topic that is not as it must be."""

    topic: str
    what: str
    found: str
    wanted: str
    mend: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.what} is {self.found} and must be {self.wanted}: {self.mend}"


@dataclass(frozen=True, slots=True)
class _ExistingTopic:
    partitions: int
    replication: int


class _AdminClient(AIOKafkaAdminClient):  # type: ignore[misc]
    """Asks another broker where one is away or stands still; aiokafka asks one, at random."""

    @override
    async def _send_request(self, request: Any, node_id: int | None = None) -> Any:
        if node_id is None:
            return await ask_any_broker(self._client, request)
        return await super()._send_request(request, node_id)


@asynccontextmanager
async def admin_client(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """A connected admin client. Raises Unreachable within 8 seconds."""
    admin = _AdminClient(**client_options(settings), request_timeout_ms=int(ANSWER_SECONDS * 1000))
    try:
        async with unreachable_after(settings, ANSWER_SECONDS):
            await admin.start()
    except Unreachable:
        await admin.close()
        raise
    try:
        yield admin
    finally:
        await admin.close()


async def create_topics(settings: Settings) -> list[CreatedTopic]:
    """Create the missing topics. A setting that a broker refuses is left out where a worker starts without it. Raises
    ConfigurationError for a topic with another partition count, or one that the broker does not make."""
    async with admin_client(settings) as admin:
        existing = await _existing(admin, [settings.topic(topic) for topic in ALL_TOPICS], settings)
        missing = [topic for topic in ALL_TOPICS if settings.topic(topic) not in existing]
        await _refuse_other_counts(existing, settings)
        if not missing:
            return []
        created = await _create(admin, missing, settings)
        await _until_visible(admin, missing, settings)
        return created


async def topic_differences(settings: Settings) -> list[TopicDifference]:
    """All properties of topics that differ from what `create_topics` would make."""
    names = {settings.topic(topic): topic for topic in ALL_TOPICS}
    async with admin_client(settings) as admin:
        existing = await _existing(admin, names, settings)
        configs = await _configs(admin, existing, settings)
        brokers = await _broker_count(admin)
    counts = await _partition_differences(existing, settings)
    differences: list[TopicDifference] = []
    for name, topic in names.items():
        if name in existing:
            replicas = _replica_mend(existing, brokers, settings)
            differences += [one for one in counts if one.topic == name]
            differences += _replica_differences(name, existing[name], configs[name], replicas, settings)
            differences += _config_differences(name, configs[name], topic_configs(topic, settings))
        else:
            differences.append(TopicDifference(name, "the topic", "missing", "there", "run `spendgate topics create`"))
    return differences


async def message_limit(settings: Settings, name: str) -> int | None:
    """The topic's max.message.bytes as of now; None without the right to read it."""
    async with admin_client(settings) as admin, unreachable_after(settings, ANSWER_SECONDS):
        try:
            found = (await _configs(admin, [name], settings)).get(name, {}).get("max.message.bytes")
        except NotAllowed:
            return None
    return int(found) if found else None


async def _existing(
    admin: AIOKafkaAdminClient, names: Collection[str], settings: Settings
) -> dict[str, _ExistingTopic]:
    found: dict[str, _ExistingTopic] = {}
    for topic in await admin.describe_topics(list(names)):
        error = for_code(topic["error_code"])
        if error is UnknownTopicOrPartitionError:
            continue
        if topic["error_code"]:
            raise translated(error(topic["topic"]), settings, "Describe")
        replicas = [len(partition["replicas"]) for partition in topic["partitions"]]
        found[topic["topic"]] = _ExistingTopic(len(replicas), min(replicas, default=0))
    return found


async def _broker_count(admin: AIOKafkaAdminClient) -> int:
    """`describe_cluster` asks for all topics of the cluster, which may be of others and many."""
    return len((await admin._get_cluster_metadata([])).brokers)


async def _refuse_other_counts(existing: dict[str, _ExistingTopic], settings: Settings) -> None:
    for difference in await _partition_differences(existing, settings):
        raise ConfigurationError(str(difference))


async def _create(admin: AIOKafkaAdminClient, topics: Collection[Topic], settings: Settings) -> list[CreatedTopic]:
    planned = {it.name: it for it in planned_topics(settings, topics)}
    refusals: dict[str, list[str]] = {name: [] for name in planned}
    missing = dict(planned)
    made = dict(planned)
    while missing:
        again = {}
        for name, code, message in await _make(admin, missing.values()):
            if code in _OF_A_SETTING and (fewer := _without_refused(missing[name], message)):
                again[name] = made[name] = fewer
                refusals[name].append(message)
            elif code:
                _refuse(name, code, message, settings)
        missing = again
    return [
        CreatedTopic(name, dict(topic.config.items() - made[name].config.items()), refusals[name])
        for name, topic in planned.items()
    ]


async def _make(admin: AIOKafkaAdminClient, topics: Collection[PlannedTopic]) -> list[tuple[str, int, str]]:
    """What the broker says of each: its name, an error code and a message."""
    wanted = [NewTopic(it.name, it.partitions, it.replication_factor, topic_configs=it.config) for it in topics]
    response = await admin.create_topics(wanted)
    return [(name, code, (message[0] if message else None) or "") for name, code, *message in response.topic_errors]


def _without_refused(topic: PlannedTopic, message: str) -> PlannedTopic | None:
    """The topic without the optional settings that the broker's message names; without all optional ones where it names
    none, as a CreateTopicPolicy need not. None where the broker names a needed setting, or no optional one is left."""
    optional = topic.config.keys() - NEEDED_SETTINGS
    if not optional or any(name in message for name in topic.config.keys() & NEEDED_SETTINGS):
        return None
    refused = {name for name in optional if name in message} or optional
    return topic._replace(config={name: value for name, value in topic.config.items() if name not in refused})


def _refuse(name: str, code: int, message: str, settings: Settings) -> None:
    """Raise what the code means. Another process may create the same topics at the same time."""
    error = for_code(code)
    if error is InvalidReplicationFactorError:
        raise ConfigurationError(
            f"The cluster has fewer than {settings.replication_factor} brokers for {name}: "
            "start more, or lower SPENDGATE_REPLICATION_FACTOR."
        )
    if error in (TopicAuthorizationFailedError, ClusterAuthorizationFailedError):
        raise translated(error(name), settings, "Create")
    if error is not TopicAlreadyExistsError:
        raise ConfigurationError(f"The broker does not make {name}: {message or error.__name__}.")


async def _until_visible(admin: AIOKafkaAdminClient, topics: Collection[Topic], settings: Settings) -> None:
    """Wait until the topics are visible: brokers learn of them one after the other."""
    names = [settings.topic(topic) for topic in topics]
    async with asyncio.timeout(VISIBLE_SECONDS):
        while len(existing := await _existing(admin, names, settings)) < len(names):
            await asyncio.sleep(0.05)
    await _refuse_other_counts(existing, settings)


async def _configs(admin: AIOKafkaAdminClient, names: Collection[str], settings: Settings) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    responses = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    configs = {}
    for response in responses:
        for code, _message, _kind, name, entries, *_ in response.resources:
            if code:  # without entries, which would look like a topic to alter
                raise translated(for_code(code)(name), settings, "DescribeConfigs")
            configs[name] = {entry[0]: entry[1] for entry in entries}
    return configs


async def _partition_differences(existing: Mapping[str, _ExistingTopic], settings: Settings) -> list[TopicDifference]:
    """Topics with another partition count. The count is fixed by the first record: later, keys would lead to other
    partitions than their state."""
    if all(found.partitions == settings.partitions for found in existing.values()):
        return []
    written = await _ever_written(existing, settings)
    counts = {existing[name].partitions for name in written}
    if len(counts) > 1:
        prefix = f"{settings.topic_prefix}p{settings.partitions}-"
        mend = (
            f"topics with records differ in their partitions, so set SPENDGATE_TOPIC_PREFIX={prefix}, run "
            "`spendgate topics create` and rebuild there with `spendgate replay --from-ledger`"
        )
        return [
            TopicDifference(name, "partitions", str(found.partitions), str(settings.partitions), mend)
            for name, found in existing.items()
            if found.partitions != settings.partitions
        ]
    count = counts.pop() if counts else _usual_count(existing, settings)
    setting = "" if count == settings.partitions else f"set SPENDGATE_PARTITIONS={count}"
    return [
        _count_difference(name, found, count, setting, settings)
        for name, found in existing.items()
        if setting or found.partitions != count
    ]


def _count_difference(
    name: str, found: _ExistingTopic, count: int, setting: str, settings: Settings
) -> TopicDifference:
    if found.partitions == count:
        return TopicDifference(name, "partitions", str(count), str(settings.partitions), setting)
    anew = f"run `spendgate kafka kafka-topics --delete --topic {name}`, as it is empty, and `spendgate topics create`"
    mend = f"{setting}, then {anew}" if setting else anew
    return TopicDifference(name, "partitions", str(found.partitions), str(count), mend)


def _usual_count(existing: Mapping[str, _ExistingTopic], settings: Settings) -> int:
    counts = Counter(found.partitions for found in existing.values())
    return settings.partitions if settings.partitions in counts else counts.most_common(1)[0][0]


async def _ever_written(existing: Mapping[str, _ExistingTopic], settings: Settings) -> set[str]:
    """The names of topics that have or had a record."""
    parts = [TopicPartition(name, number) for name, found in existing.items() for number in range(found.partitions)]
    consumer = AIOKafkaConsumer(**client_options(settings), enable_auto_commit=False)
    async with unreachable_after(settings, ANSWER_SECONDS):
        try:
            await consumer.start()
            ends = await consumer.end_offsets(parts)
        finally:
            await consumer.stop()
    return {part.topic for part, end in ends.items() if end}


def _replica_mend(existing: Mapping[str, _ExistingTopic], brokers: int, settings: Settings) -> str:
    least = min(found.replication for found in existing.values())
    more = "add replicas with `kafka-reassign-partitions`" if brokers >= settings.replication_factor else "start more"
    return f"the cluster has {brokers} broker(s): {more}, or set SPENDGATE_REPLICATION_FACTOR={least}"


def _replica_differences(
    name: str, found: _ExistingTopic, configs: dict[str, str], mend: str, settings: Settings
) -> list[TopicDifference]:
    """Differences of replicas and min.insync.replicas: a topic with fewer replicas than the latter takes no records."""
    differences = []
    if found.replication < settings.replication_factor:
        wanted = str(settings.replication_factor)
        differences.append(TopicDifference(name, "replication", str(found.replication), wanted, mend))
    in_sync = int(configs.get(_IN_SYNC, 1))
    most = max(1, found.replication - 1)
    if in_sync > found.replication:
        mend = _alter(name, _IN_SYNC, str(most))
        differences.append(TopicDifference(name, _IN_SYNC, str(in_sync), f"at most {most}", mend))
    if settings.replication_factor >= REPLICAS_OF_A_CLUSTER and in_sync < IN_SYNC_OF_A_CLUSTER:
        if found.replication >= REPLICAS_OF_A_CLUSTER:
            mend = _alter(name, _IN_SYNC, str(IN_SYNC_OF_A_CLUSTER))
        differences.append(TopicDifference(name, _IN_SYNC, str(in_sync), str(IN_SYNC_OF_A_CLUSTER), mend))
    return differences


def _config_differences(name: str, found: dict[str, str], wanted: dict[str, str]) -> list[TopicDifference]:
    return [
        TopicDifference(name, key, found.get(key, "not set"), value, _alter(name, key, value))
        for key, value in wanted.items()
        if key != _IN_SYNC and not _good(key, found.get(key), value)
    ]


def _alter(name: str, key: str, value: str) -> str:
    return (
        f"run `spendgate kafka kafka-configs --alter --entity-type topics --entity-name {name} "
        f"--add-config {key}={value}`"
    )


def _good(key: str, found: str | None, wanted: str) -> bool:
    if found is None or key not in _AT_LEAST | _AT_MOST:
        return found == wanted
    have, want = (float("inf") if text == "-1" else float(text) for text in (found, wanted))
    return have >= want if key in _AT_LEAST else have <= want
