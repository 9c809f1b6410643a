"""Reads ids and partition counts of topics. The id changes when a topic is deleted and created again under its name.

aiokafka requests metadata only up to version 5; ids came with version 10.
"""

import uuid
from collections.abc import Collection
from io import BytesIO
from typing import NamedTuple

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import TopicAuthorizationFailedError, UnknownTopicOrPartitionError, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    AbstractType,
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)
from typing_extensions import override

from core.errors import ConfigurationError
from streams.kafka.any_broker import ask_any_broker
from streams.kafka.undescribed_topics import may_not_describe

__all__ = ["TopicFacts", "authorized_operations", "existing_topic", "topic_facts", "topic_ids", "without_leader"]

_ANY_ID = uuid.UUID(int=0)


class TopicFacts(NamedTuple):
    """The id of a topic and its number of partitions."""

    topic_id: str
    partitions: int


async def topic_facts(client: AIOKafkaClient, names: Collection[str]) -> dict[str, TopicFacts]:
    """Id and partition count by topic name, as of now; missing topics are left out. Raises an error of aiokafka."""
    response = await ask_any_broker(client, _MetadataRequest(names))
    facts: dict[str, TopicFacts] = {}
    for error_code, name, topic_id, _, partitions, *_ in response.topics:
        error = for_code(error_code)
        if error is UnknownTopicOrPartitionError:
            continue
        if error_code:
            raise may_not_describe(name) if error is TopicAuthorizationFailedError else error(name)
        facts[name] = TopicFacts(str(topic_id), len(partitions))
    return facts


async def existing_topic(client: AIOKafkaClient, name: str) -> TopicFacts:
    """Id and partition count of one topic. Raises ConfigurationError when the topic is missing."""
    facts = (await topic_facts(client, [name])).get(name)
    if facts is None:
        raise ConfigurationError(f"The topic {name} is not there: run `spendgate topics create`.")
    return facts


async def authorized_operations(client: AIOKafkaClient, names: Collection[str]) -> dict[str, frozenset[int]]:
    """The operations that our user may do on each topic, as numbers of Kafka's AclOperation; none without the right to
    describe it. Missing topics are left out."""
    response = await ask_any_broker(client, _MetadataRequest(names, authorized_operations=True))
    allowed: dict[str, frozenset[int]] = {}
    for error_code, name, _, _, _, operations, *_ in response.topics:
        error = for_code(error_code)
        if error is UnknownTopicOrPartitionError:
            continue
        may_be_seen = error is not TopicAuthorizationFailedError
        allowed[name] = frozenset(bit for bit in range(31) if may_be_seen and operations & 1 << bit)
    return allowed


async def topic_ids(client: AIOKafkaClient, names: Collection[str]) -> dict[str, str]:
    """The id of each topic by name; missing topics are left out."""
    return {name: facts.topic_id for name, facts in (await topic_facts(client, names)).items()}


async def without_leader(client: AIOKafkaClient, names: Collection[str]) -> list[tuple[str, int]]:
    """Topic and number of each partition that has no leader, as of now. Raises an error of aiokafka."""
    response = await ask_any_broker(client, _MetadataRequest(names))
    return sorted(
        (name, number)
        for _, name, _, _, partitions, *_ in response.topics
        for _, number, leader, *_ in partitions
        if leader < 0
    )


class _Uuid(AbstractType):  # type: ignore[misc]
    @classmethod
    @override
    def encode(cls, value: uuid.UUID) -> bytes:
        return value.bytes

    @classmethod
    @override
    def decode(cls, data: BytesIO) -> uuid.UUID:
        return uuid.UUID(bytes=data.read(16))


class _MetadataResponse(Response):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", CompactString("utf-8")),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("in_sync_replicas", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class _MetadataRequestV10(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 10
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("name", CompactString("utf-8")), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class _MetadataRequest(Request[_MetadataRequestV10]):  # type: ignore[misc]
    API_KEY = 3

    def __init__(self, names: Collection[str], *, authorized_operations: bool = False) -> None:
        self._names: Collection[str] = names
        self._authorized_operations: bool = authorized_operations

    @override
    def build(self, request_struct_class: type[_MetadataRequestV10]) -> _MetadataRequestV10:
        topics: list[tuple[uuid.UUID, str, dict[int, bytes]]] = [(_ANY_ID, name, {}) for name in self._names]
        return request_struct_class(topics, False, False, self._authorized_operations, {})
