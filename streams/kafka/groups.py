"""Describes consumer groups: members, their partitions, and the lag."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    NotCoordinatorForGroupError,
    for_code,
)
from aiokafka.protocol.admin import DescribeGroupsRequest_v2
from aiokafka.protocol.api import Request
from typing_extensions import override

from streams.kafka.clients import unreachable_after
from streams.kafka.options import client_options
from streams.kafka.reader import topic_reader
from streams.kafka.topics import ALL_TOPICS, Topic
from streams.settings import Settings

__all__ = ["ConsumerGroup", "DescribeGroups", "Member", "describe_group"]

ANSWER_SECONDS: Final = 8.0
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
    async with unreachable_after(settings, ANSWER_SECONDS):
        state, members = await _described(settings, admin, name)
    lag = await _lag(settings, admin, name)
    if state == _DEAD and not lag:
        return None
    return ConsumerGroup(name, state, [_member(member) for member in members], lag)


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
                await asyncio.sleep(0.1)
    finally:
        await client.close()


async def _ask(client: AIOKafkaClient, coordinator: int, group: str) -> tuple[str, list[_RawMember]]:
    if not await client.ready(coordinator):
        raise GroupCoordinatorNotAvailableError(group)
    response = await client.send(coordinator, DescribeGroups(group))
    ((code, _, state, _, _, members),) = response.groups
    if code:
        raise for_code(code)(group)
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
        committed = await admin.list_consumer_group_offsets(group)
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
