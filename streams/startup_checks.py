"""What must hold before the first event of a partition is applied; each refusal says what to do."""

from aiokafka.client import AIOKafkaClient

from streams.core.storage import SCHEMA, PartRecord
from streams.errors import ConfigurationError
from streams.kafka_clients import client_options
from streams.settings import Settings
from streams.topic_ids import topic_ids
from streams.topics import INPUTS, Topic

__all__ = ["check_positions", "input_topic_ids"]

#: Whose old records may be gone: a late tick or reset changes no total.
_MAY_BE_GONE = frozenset({Topic.DAYPARTING_TICKS, Topic.BUDGET_RESETS})


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
    number: int, part: PartRecord | None, ids: dict[str, str], beginnings: dict[Topic, int]
) -> dict[Topic, int]:
    """Where to read each topic of the partition from."""
    if part is None:
        return dict(beginnings)
    if part.schema > SCHEMA:
        raise ConfigurationError(f"Partition {number} was written by a newer release; upgrade this worker.")
    return {topic: _position(number, topic, part, ids, beginnings[topic]) for topic in INPUTS}


def _position(number: int, topic: Topic, part: PartRecord, ids: dict[str, str], beginning: int) -> int:
    if part.topic_ids[topic] != ids[topic]:
        raise ConfigurationError(
            f"Topic {topic} was made anew while the state of partition {number} is of the old one. Restore the topic, "
            "or rebuild with `spendgate replay --from-ledger` on an empty broker."
        )
    position = part.positions[topic]
    if position >= beginning or topic in _MAY_BE_GONE:
        return max(position, beginning)
    raise ConfigurationError(
        f"Records of {topic}, partition {number}, from offset {position} up to {beginning} were deleted before they "
        "were applied. Rebuild with `spendgate replay --from-ledger` on an empty broker, and lengthen retention.ms."
    )
