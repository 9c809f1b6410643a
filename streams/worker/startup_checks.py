"""What must hold before the first event of a partition is applied; each refusal says what to do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import structlog
from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient

from core.errors import ConfigurationError
from core.partitioner import partition_of
from core.state import PartitionState
from core.state_records import SCHEMA, PartRecord
from streams.kafka.metadata import topic_ids
from streams.kafka.options import client_options
from streams.kafka.provision import admin_client, topic_differences
from streams.kafka.topics import ALL_TOPICS, INPUTS, Topic
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

#: Differences of a topic that would make decisions wrong; others are for `spendgate topics check` to tell.
_FATAL: Final = frozenset(
    {"the topic", "partitions", "cleanup.policy", "message.timestamp.type", "min.insync.replicas"}
)

#: Whose old records may be gone, and which may be made anew: a late tick or reset changes no total.
_MAY_BE_GONE: Final = frozenset({Topic.DAYPARTING_TICKS, Topic.BUDGET_RESETS})

REBUILD: Final = "Rebuild on an empty broker or a new SPENDGATE_TOPIC_PREFIX with `spendgate replay --from-ledger`."


class Committed(NamedTuple):
    """What the group has of one partition; the note is ours, or empty where a tool or an older release set it."""

    offset: int  # -1 where there is none
    note: str = ""


@dataclass(frozen=True, slots=True)
class OnBroker:
    """What the broker has of one partition number, to be held against its state."""

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
            # What the topic takes is written all the same, and a partition that it stops goes on when it is raised.
            log.warning("topic_limit_too_low", why=str(difference))


async def committed_offsets(
    settings: Settings, group: str, numbers: Iterable[int]
) -> dict[int, dict[Topic, Committed]]:
    """What the consumer group has committed of each input topic, by partition number."""
    tps = {(number, topic): TopicPartition(settings.topic(topic), number) for number in numbers for topic in INPUTS}
    async with admin_client(settings) as admin:
        found = await admin.list_consumer_group_offsets(group, partitions=list(tps.values()))
    return {
        number: {topic: Committed(*found[tps[number, topic]]) for topic in INPUTS} for number in {it for it, _ in tps}
    }


def commit_note(ids: Mapping[str, str]) -> str:
    """Goes with every offset that a worker commits: an offset without it was set by somebody else."""
    return f"state {ids[Topic.CONTROLLER_STATE]}"


async def known_topic_ids(settings: Settings) -> dict[str, str]:
    """The broker's ids of all our topics, by name without prefix."""
    client = AIOKafkaClient(**client_options(settings))
    try:
        await client.bootstrap()
        ids = await topic_ids(client, [settings.topic(topic) for topic in ALL_TOPICS])
    finally:
        await client.close()
    missing = sorted(settings.topic(topic) for topic in ALL_TOPICS if settings.topic(topic) not in ids)
    if missing:
        raise ConfigurationError(f"Topics are missing: {', '.join(missing)}. Run `spendgate topics create`.")
    return {topic: ids[settings.topic(topic)] for topic in ALL_TOPICS}


def is_of_older_release(part: PartRecord) -> bool:
    """Whether it was written by a release that kept the ids of the inputs alone."""
    return Topic.CONTROLLER_STATE not in part.topic_ids


def check_positions(number: int, part: PartRecord | None, found: OnBroker) -> dict[Topic, int]:
    """Where to read each topic of the partition from, after making sure that state and broker belong together."""
    if part is not None:
        _check_state_topic(number, part, found)
    positions = {
        topic: found.beginnings[topic] if part is None else _position(number, topic, part, found) for topic in INPUTS
    }
    for topic, position in positions.items():
        # Offsets of a topic that is gone may live on in the group. One that may not be made anew was refused above.
        is_other = part is not None and _made_anew(part, topic, found)
        if found.committed[topic].offset > position and not is_other:
            _judge_committed(number, topic, position, part, found)
    return positions


def check_brands(state: PartitionState, settings: Settings) -> None:
    """A brand whose key leads elsewhere was put here under another partition count; without its document it may be
    anybody's."""
    for brand_id, brand in state.brands.items():
        if brand.config is not None and partition_of(brand_id, settings.partitions) != state.partition:
            raise ConfigurationError(
                f"The state of partition {state.partition} has brand {brand_id}, whose key now leads to partition "
                f"{partition_of(brand_id, settings.partitions)}: partitions were added to topics that hold state, and "
                f"Kafka takes none away. {REBUILD}"
            )


def _check_state_topic(number: int, part: PartRecord, found: OnBroker) -> None:
    if part.schema > SCHEMA:
        raise ConfigurationError(f"Partition {number} was written by a newer release; upgrade this worker.")
    if _made_anew(part, Topic.CONTROLLER_STATE, found):
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


def _made_anew(part: PartRecord, topic: Topic, found: OnBroker) -> bool:
    """Not known of a topic whose id was not kept yet."""
    return part.topic_ids.get(topic, found.topic_ids[topic]) != found.topic_ids[topic]


def _position(number: int, topic: Topic, part: PartRecord, found: OnBroker) -> int:
    beginning, end = found.beginnings[topic], found.ends[topic]
    if _made_anew(part, topic, found):
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


def _judge_committed(number: int, topic: Topic, position: int, part: PartRecord | None, found: OnBroker) -> None:
    """A worker commits what its state holds and nothing above. So either the state went back or it was not a worker."""
    offset, note = found.committed[topic]
    if note == commit_note(found.topic_ids):
        cause = "records of the state were lost with a broker's disk, or deleted"
    elif note:
        cause = f"{Topic.CONTROLLER_STATE} was deleted and made anew"
    elif part is not None and not is_of_older_release(part):
        # The state is whole and it alone tells where to read: what the group has is overwritten by the next commit.
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
