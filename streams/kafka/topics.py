"""Every topic on one screen: name, key, who cleans it up and for how long it is kept."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from streams.settings import Settings, Timestamps

__all__ = ["ALL_TOPICS", "INPUTS", "IN_SYNC_OF_A_CLUSTER", "REPLICAS_OF_A_CLUSTER", "Topic", "topic_configs"]

DAY_MS: Final = 86_400_000
MIB: Final = 1024 * 1024
#: From so many replicas on, one broker may be away and so many others have each record.
REPLICAS_OF_A_CLUSTER: Final = 3
IN_SYNC_OF_A_CLUSTER: Final = 2


class Topic(StrEnum):
    """Names without SPENDGATE_TOPIC_PREFIX."""

    SPEND_EVENTS = "spend-events"  # key brand_id
    CAMPAIGN_CONTROL = "campaign-control"  # key campaign_id
    CONTROL_HEARTBEAT = "control-heartbeat"  # key partition number as text, in the partition of that number
    CONTROL_ACKS = "control-acks"  # key campaign_id; consumers of commands write it, the ledger keeps it
    CATALOG = "catalog"  # key brand_id or brand_id/campaign_id, always in the brand's partition
    SPEND_SNAPSHOTS = "spend-snapshots"  # key brand_id; totals of platforms, which the worker turns into spend
    SPEND_CORRECTIONS = "spend-corrections"  # key brand_id; the worker applies them, the ledger journals them
    DAYPARTING_TICKS = "dayparting-ticks"  # no key, one message to each partition
    BUDGET_RESETS = "budget-resets"  # no key, one message to each partition
    BUDGET_ALERTS = "budget-alerts"  # key brand_id
    DEAD_LETTERS = "spend-events.dlq"  # key as the original
    CONTROLLER_STATE = "controller-state"  # internal, see streams/worker/table.py


#: What the worker reads, in the order in which records of equal arrival are applied.
INPUTS: Final = (
    Topic.CATALOG,
    Topic.SPEND_CORRECTIONS,
    Topic.SPEND_EVENTS,
    Topic.SPEND_SNAPSHOTS,
    Topic.BUDGET_RESETS,
    Topic.DAYPARTING_TICKS,
)


@dataclass(frozen=True, slots=True)
class _Keeping:
    compact: bool
    retention_ms: int = -1
    extra: dict[str, str] = field(default_factory=dict)


#: What a broker takes unless it is told otherwise. One by one, commands, state and copies of spend are far below it;
#: a topic that takes less would stop partitions.
_DEFAULT_BYTES: Final = {"max.message.bytes": "1048588"}

#: The worker's own topics keep the time of writing; those that carry arrivals follow SPENDGATE_TIMESTAMPS.
_KEEPING: Final[dict[Topic, _Keeping]] = {
    Topic.SPEND_EVENTS: _Keeping(False, 14 * DAY_MS, extra=_DEFAULT_BYTES),
    Topic.CAMPAIGN_CONTROL: _Keeping(True, extra={"min.compaction.lag.ms": str(7 * DAY_MS), **_DEFAULT_BYTES}),
    # A record a second: whoever begins to read meets those of a few minutes.
    Topic.CONTROL_HEARTBEAT: _Keeping(
        True,
        extra={
            "segment.bytes": str(16 * MIB),
            "max.compaction.lag.ms": "600000",
            "min.cleanable.dirty.ratio": "0.1",
            **_DEFAULT_BYTES,
        },
    ),
    Topic.CONTROL_ACKS: _Keeping(False, 14 * DAY_MS),
    Topic.CATALOG: _Keeping(True),
    Topic.SPEND_SNAPSHOTS: _Keeping(False, 14 * DAY_MS),
    Topic.SPEND_CORRECTIONS: _Keeping(False, 14 * DAY_MS),
    Topic.DAYPARTING_TICKS: _Keeping(False, 2 * DAY_MS),
    Topic.BUDGET_RESETS: _Keeping(False, 2 * DAY_MS),
    # The largest value a producer can send, with our headers around it, must still fit.
    Topic.DEAD_LETTERS: _Keeping(False, 14 * DAY_MS, extra={"max.message.bytes": str(2 * MIB)}),
    Topic.BUDGET_ALERTS: _Keeping(False, 30 * DAY_MS, extra=_DEFAULT_BYTES),
    Topic.CONTROLLER_STATE: _Keeping(
        True,
        extra={
            "segment.bytes": str(64 * MIB),
            "max.compaction.lag.ms": "60000",
            "min.cleanable.dirty.ratio": "0.1",
            **_DEFAULT_BYTES,
        },
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
    if settings.replication_factor >= REPLICAS_OF_A_CLUSTER:
        configs["min.insync.replicas"] = str(IN_SYNC_OF_A_CLUSTER)
    return configs
