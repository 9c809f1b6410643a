"""Every topic on one screen: name, key, who cleans it up and for how long it is kept."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from streams.settings import Settings, Timestamps

__all__ = ["ALL_TOPICS", "INPUTS", "Topic", "topic_configs"]

DAY_MS: Final = 86_400_000
MIB: Final = 1024 * 1024


class Topic(StrEnum):
    """Names without SPENDGATE_TOPIC_PREFIX."""

    SPEND_EVENTS = "spend-events"  # key brand_id
    CAMPAIGN_CONTROL = "campaign-control"  # key campaign_id
    CATALOG = "catalog"  # key brand_id or brand_id/campaign_id, always in the brand's partition
    SPEND_CORRECTIONS = "spend-corrections"  # key brand_id; the worker applies them, the ledger journals them
    DAYPARTING_TICKS = "dayparting-ticks"  # no key, one message to each partition
    BUDGET_RESETS = "budget-resets"  # no key, one message to each partition
    DEAD_LETTERS = "spend-events.dlq"  # key as the original
    CONTROLLER_STATE = "controller-state"  # internal, see streams/table.py


#: What the worker reads, in the order in which records of equal arrival are applied.
INPUTS: Final = (
    Topic.CATALOG,
    Topic.SPEND_CORRECTIONS,
    Topic.SPEND_EVENTS,
    Topic.BUDGET_RESETS,
    Topic.DAYPARTING_TICKS,
)


@dataclass(frozen=True, slots=True)
class _Keeping:
    compact: bool
    retention_ms: int = -1
    extra: dict[str, str] = field(default_factory=dict)


#: The worker's own topics keep the time of writing; those that carry arrivals follow SPENDGATE_TIMESTAMPS.
_KEEPING: Final[dict[Topic, _Keeping]] = {
    Topic.SPEND_EVENTS: _Keeping(False, 14 * DAY_MS),
    Topic.CAMPAIGN_CONTROL: _Keeping(True, extra={"min.compaction.lag.ms": str(7 * DAY_MS)}),
    Topic.CATALOG: _Keeping(True),
    Topic.SPEND_CORRECTIONS: _Keeping(False, 14 * DAY_MS),
    Topic.DAYPARTING_TICKS: _Keeping(False, 2 * DAY_MS),
    Topic.BUDGET_RESETS: _Keeping(False, 2 * DAY_MS),
    # The largest value a producer can send, with our headers around it, must still fit.
    Topic.DEAD_LETTERS: _Keeping(False, 14 * DAY_MS, extra={"max.message.bytes": str(2 * MIB)}),
    Topic.CONTROLLER_STATE: _Keeping(
        True,
        extra={"segment.bytes": str(64 * MIB), "max.compaction.lag.ms": "60000", "min.cleanable.dirty.ratio": "0.1"},
    ),
}

ALL_TOPICS: Final = tuple(_KEEPING)


def topic_configs(topic: Topic, settings: Settings) -> dict[str, str]:
    """The broker-side configuration of a topic, as `spendgate topics create` makes it and `topics check` wants it."""
    keeping = _KEEPING[topic]
    given_times = settings.timestamps is Timestamps.CREATE
    configs = {
        "cleanup.policy": "compact" if keeping.compact else "delete",
        "message.timestamp.type": "CreateTime" if given_times else "LogAppendTime",
        **keeping.extra,
    }
    if not keeping.compact:
        # Kafka would delete records with old times within minutes.
        configs["retention.ms"] = "-1" if given_times else str(keeping.retention_ms)
    if settings.replication_factor >= 3:
        configs["min.insync.replicas"] = "2"
    return configs
