"""What must hold before the first event of a partition is applied; each refusal says what to do."""

from collections.abc import Iterable, Mapping
from typing import Final

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient

from streams.core.storage import SCHEMA, PartRecord
from streams.errors import ConfigurationError
from streams.kafka_clients import client_options
from streams.provision import admin_client, topic_differences
from streams.settings import Settings
from streams.topic_ids import topic_ids
from streams.topics import INPUTS, Topic

__all__ = ["check_positions", "check_topics", "committed_offsets", "input_topic_ids"]

#: Differences of a topic that would make decisions wrong; others are for `spendgate topics check` to tell.
_FATAL: Final = frozenset(
    {"the topic", "partitions", "cleanup.policy", "message.timestamp.type", "min.insync.replicas"}
)

#: Whose old records may be gone: a late tick or reset changes no total.
_MAY_BE_GONE: Final = frozenset({Topic.DAYPARTING_TICKS, Topic.BUDGET_RESETS})

_REBUILD: Final = "Rebuild on an empty broker or a new SPENDGATE_TOPIC_PREFIX with `spendgate replay --from-ledger`."


async def check_topics(settings: Settings) -> None:
    """Raise ConfigurationError for the first topic on which this worker must not run."""
    for difference in await topic_differences(settings):
        if difference.what in _FATAL:
            raise ConfigurationError(str(difference))


async def committed_offsets(settings: Settings, group: str, numbers: Iterable[int]) -> dict[int, dict[Topic, int]]:
    """What the consumer group has committed of each input topic, by partition number; -1 where it has not."""
    tps = {(number, topic): TopicPartition(settings.topic(topic), number) for number in numbers for topic in INPUTS}
    async with admin_client(settings) as admin:
        found = await admin.list_consumer_group_offsets(group, partitions=list(tps.values()))
    return {number: {topic: found[tps[number, topic]].offset for topic in INPUTS} for number, _ in tps}


async def input_topic_ids(settings: Settings) -> dict[str, str]:
    """The broker's ids of all input topics."""
    client = AIOKafkaClient(**client_options(settings))
    await client.bootstrap()
    try:
        ids = await topic_ids(client, [settings.topic(topic) for topic in INPUTS])
    finally:
        await client.close()
    missing = sorted(settings.topic(topic) for topic in INPUTS if settings.topic(topic) not in ids)
    if missing:
        raise ConfigurationError(f"Topics are missing: {', '.join(missing)}. Run `spendgate topics create`.")
    return {topic: ids[settings.topic(topic)] for topic in INPUTS}


def check_positions(
    number: int,
    part: PartRecord | None,
    ids: Mapping[str, str],
    *,
    beginnings: Mapping[Topic, int],
    committed: Mapping[Topic, int],
) -> dict[Topic, int]:
    """Where to read each topic of the partition from, after making sure that state and offsets belong together."""
    if part is not None and part.schema > SCHEMA:
        raise ConfigurationError(f"Partition {number} was written by a newer release; upgrade this worker.")
    positions = {
        topic: beginnings[topic] if part is None else _position(number, topic, part, ids, beginnings[topic])
        for topic in INPUTS
    }
    for topic, position in positions.items():
        if committed[topic] > position:
            raise ConfigurationError(
                f"The group has committed {topic}, partition {number}, up to {committed[topic]}, while the state knows "
                f"it only up to {position}: the state topic was lost or made anew. {_REBUILD}"
            )
    return positions


def _position(number: int, topic: Topic, part: PartRecord, ids: Mapping[str, str], beginning: int) -> int:
    if part.topic_ids[topic] != ids[topic]:
        raise ConfigurationError(
            f"Topic {topic} was made anew while the state of partition {number} is of the old one. {_REBUILD}"
        )
    position = part.positions[topic]
    if position >= beginning or topic in _MAY_BE_GONE:
        return max(position, beginning)
    raise ConfigurationError(
        f"Records of {topic}, partition {number}, from offset {position} up to {beginning} were deleted before they "
        f"were applied; lengthen retention.ms. {_REBUILD}"
    )
