"""Checks before the first record of a partition is applied; each refusal says what to do."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from time import monotonic
from typing import Final, NamedTuple

import structlog
from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient

from core.errors import ConfigurationError
from core.partitioner import partition_of
from core.state import PartitionState
from core.state_records import SCHEMA, PartRecord
from streams.kafka.groups import group_offsets
from streams.kafka.metadata import topic_ids
from streams.kafka.options import client_options
from streams.kafka.provision import admin_client, topic_differences
from streams.kafka.topics import ALL_TOPICS, INPUTS, NEEDED_SETTINGS, Topic
from streams.settings import Settings

__all__ = [
    "REBUILD",
    "Committed",
    "OnBroker",
    "check_brands",
    "check_positions",
    "check_topics",
    "commit_note",
    "committed_offsets",
    "is_of_older_release",
    "known_topic_ids",
]

log = structlog.get_logger()

#: Differences of a topic that would make decisions wrong; `spendgate topics check` lists all.
_FATAL: Final = frozenset({"the topic", "partitions"}) | NEEDED_SETTINGS

#: Topics that may lose old records or be created again: a missing tick or reset changes no total.
_MAY_BE_GONE: Final = frozenset({Topic.DAYPARTING_TICKS, Topic.BUDGET_RESETS})

#: Where a cluster loses the coordinator of the group, another one has its offsets by then.
_COORDINATOR_SECONDS: Final = 40.0

#: A broker that has just started has read by then which topics there are.
_TOPICS_SECONDS: Final = 5.0
_ASK_AGAIN_SECONDS: Final = 0.1

#: About so many brands of a partition are looked at.
_BRANDS_LOOKED_AT: Final = 1_000

REBUILD: Final = "Rebuild on an empty broker or a new SPENDGATE_TOPIC_PREFIX with `spendgate replay --from-ledger`."


class Committed(NamedTuple):
    """The group's offset of a partition and its metadata, which is empty where a tool or an older release set the
    offset."""

    offset: int  # -1 where there is none
    note: str = ""


@dataclass(frozen=True, slots=True)
class OnBroker:
    """The broker's ids and offsets for one partition, to compare with the partition's state."""

    topic_ids: Mapping[str, str]
    beginnings: Mapping[Topic, int]  # of the inputs and of `controller-state`
    ends: Mapping[Topic, int]  # of the inputs
    committed: Mapping[Topic, Committed]  # of the inputs


async def check_topics(settings: Settings) -> None:
    """Raise ConfigurationError for the first topic on which this worker must not run."""
    for difference in await topic_differences(settings):
        if difference.what in _FATAL:
            raise ConfigurationError(str(difference))
        if difference.what == "max.message.bytes":
            # A warning, because smaller records are written, and a partition that it stops continues when it is raised.
            log.warning("topic_limit_too_low", why=str(difference))


async def committed_offsets(
    settings: Settings, group: str, numbers: Iterable[int]
) -> dict[int, dict[Topic, Committed]]:
    """The group's committed offset of each input topic, by partition. Raises an error of aiokafka."""
    tps = {(number, topic): TopicPartition(settings.topic(topic), number) for number in numbers for topic in INPUTS}
    async with admin_client(settings) as admin:
        found = await group_offsets(admin, group, tps.values(), _COORDINATOR_SECONDS)
    return {
        number: {topic: Committed(*found[tps[number, topic]]) for topic in INPUTS} for number in {it for it, _ in tps}
    }


def commit_note(ids: Mapping[str, str]) -> str:
    """The metadata of every offset that a worker commits: an offset without it was set by another program."""
    return f"state {ids[Topic.CONTROLLER_STATE]}"


async def known_topic_ids(settings: Settings) -> dict[str, str]:
    """The broker's ids of all our topics, by name without prefix. A broker that has just started may not know them yet:
    asks again. Raises ConfigurationError where topics are missing."""
    client = AIOKafkaClient(**client_options(settings))
    names = [settings.topic(topic) for topic in ALL_TOPICS]
    until = monotonic() + _TOPICS_SECONDS
    try:
        await client.bootstrap()
        while missing := sorted(set(names) - (ids := await topic_ids(client, names)).keys()):
            if monotonic() >= until:
                raise ConfigurationError(f"Topics are missing: {', '.join(missing)}. Run `spendgate topics create`.")
            await asyncio.sleep(_ASK_AGAIN_SECONDS)
    finally:
        await client.close()
    return {topic: ids[settings.topic(topic)] for topic in ALL_TOPICS}


def is_of_older_release(part: PartRecord) -> bool:
    """Whether the record was written by a release that stored the ids of the input topics only."""
    return Topic.CONTROLLER_STATE not in part.topic_ids


def check_positions(number: int, part: PartRecord | None, found: OnBroker) -> dict[Topic, int]:
    """The offset to read each topic of the partition from. Raises ConfigurationError where state and topics do not
    belong together."""
    if part is not None:
        _check_state_topic(number, part, found)
    positions = {
        topic: found.beginnings[topic] if part is None else _position(number, topic, part, found) for topic in INPUTS
    }
    for topic, position in positions.items():
        # The group may have offsets of a deleted topic. A topic that must not be created again was refused above.
        was_recreated = part is not None and _was_recreated(part, topic, found)
        if found.committed[topic].offset > position and not was_recreated:
            _check_committed(number, topic, position, part, found)
    return positions


def check_brands(state: PartitionState, settings: Settings) -> None:
    """Raise ConfigurationError for a brand whose key leads to another partition: the partition count was changed. A
    brand without a document may be misplaced spend, and is not checked.

    A change moves half of a partition's brands or more, and to find the partition of a key takes 3 µs, so that of very
    many brands about every n-th is looked at.
    """
    every = max(1, len(state.brands) // _BRANDS_LOOKED_AT)
    for brand_id, brand in islice(state.brands.items(), 0, None, every):
        if brand.config is not None and partition_of(brand_id, settings.partitions) != state.partition:
            raise ConfigurationError(
                f"The state of partition {state.partition} has brand {brand_id}, whose key now leads to partition "
                f"{partition_of(brand_id, settings.partitions)}: partitions were added to topics that hold state, and "
                f"Kafka takes none away. {REBUILD}"
            )


def _check_state_topic(number: int, part: PartRecord, found: OnBroker) -> None:
    if part.schema > SCHEMA:
        raise ConfigurationError(f"Partition {number} was written by a newer release; upgrade this worker.")
    if _was_recreated(part, Topic.CONTROLLER_STATE, found):
        raise ConfigurationError(
            f"Topic {Topic.CONTROLLER_STATE} was made anew under a running worker: partition {number} has only what "
            f"was written since. {REBUILD}"
        )
    if found.beginnings[Topic.CONTROLLER_STATE] > 0:
        raise ConfigurationError(
            f"Records of {Topic.CONTROLLER_STATE}, partition {number}, up to offset "
            f"{found.beginnings[Topic.CONTROLLER_STATE]} were deleted, though a compacted topic loses none by itself: "
            f"the state is not whole. {REBUILD}"
        )


def _was_recreated(part: PartRecord, topic: Topic, found: OnBroker) -> bool:
    """Whether the topic has another id than in the state; False where the state has no id of it."""
    return part.topic_ids.get(topic, found.topic_ids[topic]) != found.topic_ids[topic]


def _position(number: int, topic: Topic, part: PartRecord, found: OnBroker) -> int:
    beginning, end = found.beginnings[topic], found.ends[topic]
    if _was_recreated(part, topic, found):
        if topic in _MAY_BE_GONE:
            return beginning
        raise ConfigurationError(
            f"Topic {topic} was made anew while the state of partition {number} is of the old one. {REBUILD}"
        )
    if topic not in part.positions:
        return beginning  # an input that the release which wrote the state did not have
    position = part.positions[topic]
    if position > end:
        raise ConfigurationError(
            f"{topic}, partition {number}, ends at offset {end} and the state has applied it up to {position}: the "
            f"broker has lost records, and new ones would be taken for those. {REBUILD}"
        )
    if position >= beginning or topic in _MAY_BE_GONE:
        return max(position, beginning)
    raise ConfigurationError(
        f"Records of {topic}, partition {number}, from offset {position} up to {beginning} were deleted before they "
        f"were applied; lengthen retention.ms. {REBUILD}"
    )


def _check_committed(number: int, topic: Topic, position: int, part: PartRecord | None, found: OnBroker) -> None:
    """Check a committed offset above the state's. A worker commits at most what its state has, so either the state has
    lost records, or another program set the offset."""
    offset, note = found.committed[topic]
    if note == commit_note(found.topic_ids):
        cause = "records of the state were lost with a broker's disk, or deleted"
    elif note:
        cause = f"{Topic.CONTROLLER_STATE} was deleted and made anew"
    elif part is not None and not is_of_older_release(part):
        # The state is complete and alone decides where to read: the next commit overwrites the group's offset.
        log.warning("group_was_moved_by_hand", topic=topic, partition=number, committed=offset, applied=position)
        return
    else:
        raise ConfigurationError(
            f"The group has {topic}, partition {number}, at {offset} and the state has it only up to {position}. If "
            "the group was moved by hand, stop all workers and run `spendgate kafka kafka-consumer-groups "
            "--delete-offsets` for this topic, since the group decides nothing. If the state topic was lost or made "
            f"anew: {REBUILD}"
        )
    raise ConfigurationError(
        f"A worker had applied {topic}, partition {number}, up to {offset} and the state knows it only up to "
        f"{position}: {cause}. {REBUILD}"
    )
