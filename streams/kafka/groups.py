"""Describes consumer groups: members, their partitions, committed offsets, and the lag."""

import asyncio
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from time import monotonic
from typing import Final

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    KafkaError,
    NotCoordinatorForGroupError,
    UnknownMemberIdError,
    for_code,
)
from aiokafka.protocol.admin import DescribeGroupsRequest_v2
from aiokafka.protocol.api import Request
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.protocol.group import LeaveGroupRequest
from aiokafka.structs import OffsetAndMetadata
from typing_extensions import override

from streams.kafka.clients import unreachable_after
from streams.kafka.options import client_options
from streams.kafka.reader import topic_reader
from streams.kafka.topics import ALL_TOPICS, Topic
from streams.settings import Settings

__all__ = ["ConsumerGroup", "DescribeGroups", "Member", "describe_group", "group_offsets", "leave_group"]

ANSWER_SECONDS: Final = 8.0
_ASK_AGAIN_SECONDS: Final = 0.1
#: The state of a group that the broker does not know.
_DEAD: Final = "Dead"

_NOT_YET: Final = (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError)

#: Id, client id, host, metadata and assignment, in the order of the protocol.
_RawMember = tuple[str, str, str, bytes, bytes]


@dataclass(frozen=True, slots=True)
class Member:
    """A consumer in a group, and what is assigned to it."""

    client_id: str
    host: str
    partitions: dict[str, list[int]]  # by topic


@dataclass(frozen=True, slots=True)
class ConsumerGroup:
    """A group as its coordinator describes it, with its lag."""

    name: str
    state: str
    members: list[Member]
    lag: dict[str, int]  # by topic, without the prefix: records on the broker that are not committed


async def describe_group(settings: Settings, admin: AIOKafkaAdminClient, name: str) -> ConsumerGroup | None:
    """The group, or None when it never had a member. Raises Unreachable."""
    async with unreachable_after(settings, ANSWER_SECONDS, operation="Describe"):
        state, members = await _described(settings, admin, name)
    lag = await _lag(settings, admin, name)
    if state == _DEAD and not lag:
        return None
    return ConsumerGroup(name, state, [_member(member) for member in members], lag)


async def group_offsets(
    admin: AIOKafkaAdminClient,
    group: str,
    partitions: Collection[TopicPartition] | None = None,
    patience_seconds: float = ANSWER_SECONDS,
) -> dict[TopicPartition, OffsetAndMetadata]:
    """What the group has committed: of these partitions, -1 where there is nothing, or without them of all where there
    is something. A coordinator that is lost or has just begun is waited for. Raises an error of aiokafka."""
    until = monotonic() + patience_seconds
    while True:
        try:
            return await _group_offsets(admin, group, partitions)
        except KafkaError as error:
            if not error.retriable or monotonic() >= until:
                raise
        await asyncio.sleep(_ASK_AGAIN_SECONDS)


async def leave_group(admin: AIOKafkaAdminClient, group: str, member_id: str) -> None:
    """Have the member leave the group, if it still is one. Needs the right by which it joined. Raises an error of
    aiokafka."""
    response = await admin._send_request(LeaveGroupRequest(group, member_id), await admin.find_coordinator(group))
    if response.error_code != UnknownMemberIdError.errno:
        _check(response.error_code, group)


async def _group_offsets(
    admin: AIOKafkaAdminClient, group: str, partitions: Collection[TopicPartition] | None
) -> dict[TopicPartition, OffsetAndMetadata]:
    """As aiokafka's own question does it, which takes the answer of a coordinator that has just begun for an empty
    one."""
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for topic, number in partitions or ():
        numbers[topic].append(number)
    request = OffsetFetchRequest(group, None if partitions is None else list(numbers.items()))
    response = await admin._send_request(request, await admin.find_coordinator(group))
    _check(response.error_code, group)
    found: dict[TopicPartition, OffsetAndMetadata] = {}
    for topic, of_topic in response.topics:
        for number, offset, metadata, error_code in of_topic:
            _check(error_code, topic)
            found[TopicPartition(topic, number)] = OffsetAndMetadata(offset, metadata)
    return found


def _check(error_code: int, name: str) -> None:
    if error_code:
        raise for_code(error_code)(name)


async def _described(settings: Settings, admin: AIOKafkaAdminClient, group: str) -> tuple[str, list[_RawMember]]:
    """State and members of the group. A broker that has just started finds coordinators only after a moment: asks
    again."""
    client = AIOKafkaClient(**client_options(settings))
    try:
        await client.bootstrap()
        while True:
            try:
                return await _ask(client, await admin.find_coordinator(group), group)
            except _NOT_YET:
                await asyncio.sleep(_ASK_AGAIN_SECONDS)
    finally:
        await client.close()


async def _ask(client: AIOKafkaClient, coordinator: int, group: str) -> tuple[str, list[_RawMember]]:
    if not await client.ready(coordinator):
        raise GroupCoordinatorNotAvailableError(group)
    response = await client.send(coordinator, DescribeGroups(group))
    ((code, _, state, _, _, members),) = response.groups
    _check(code, group)
    return state, members


def _member(raw: _RawMember) -> Member:
    _, client_id, host, _, assignment = raw
    partitions: dict[str, list[int]] = defaultdict(list)
    if assignment:
        for owned in ConsumerProtocolMemberAssignment.decode(assignment).partitions():
            partitions[owned.topic].append(owned.partition)
    return Member(client_id, host.lstrip("/"), {topic: sorted(owned) for topic, owned in sorted(partitions.items())})


async def _lag(settings: Settings, admin: AIOKafkaAdminClient, group: str) -> dict[str, int]:
    # The ends first: what arrives between the two questions must not look like a lag. What lies behind an open
    # transaction waits too, though nobody can read it yet.
    async with topic_reader(settings, Topic.SPEND_EVENTS, isolation_level="read_uncommitted") as reader:
        ends = await reader.ends_with(ALL_TOPICS)
        committed = await group_offsets(admin, group)
    lag: dict[str, int] = defaultdict(int)
    for topic, ends_of_topic in ends.items():
        for number, end in ends_of_topic.items():
            at = committed.get(TopicPartition(settings.topic(topic), number))
            if at is not None:
                lag[topic.value] += max(0, end - max(0, at.offset))
    return dict(lag)


class DescribeGroups(Request[DescribeGroupsRequest_v2]):  # type: ignore[misc]
    """The request in version 2: aiokafka's own is sent in version 3 and its answer is decoded as version 2."""

    API_KEY = 15

    def __init__(self, group: str) -> None:
        self._group: str = group

    @override
    def build(self, request_struct_class: type[DescribeGroupsRequest_v2]) -> DescribeGroupsRequest_v2:
        return request_struct_class([self._group])
