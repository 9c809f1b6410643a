"""Every topic: name, key, cleanup policy and retention (docs/contract.md, "Topics")."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from streams.settings import Settings, Timestamps

__all__ = [
    "ALL_TOPICS",
    "INPUTS",
    "IN_SYNC_OF_A_CLUSTER",
    "NEEDED_SETTINGS",
    "REPLICAS_OF_A_CLUSTER",
    "Topic",
    "topic_configs",
]

DAY_MS: Final = 86_400_000
MIB: Final = 1024 * 1024
#: With so many replicas, one broker may be down and so many others have each record.
REPLICAS_OF_A_CLUSTER: Final = 3
IN_SYNC_OF_A_CLUSTER: Final = 2
#: Without one of these no worker starts: its decisions would be wrong, or lost with a disk.
NEEDED_SETTINGS: Final = frozenset({"cleanup.policy", "message.timestamp.type", "min.insync.replicas"})


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


#: The topics that the worker reads, in the order in which records of equal arrival are applied.
INPUTS: Final = (
    Topic.CATALOG,
    Topic.SPEND_CORRECTIONS,
    Topic.SPEND_EVENTS,
    Topic.SPEND_SNAPSHOTS,
    Topic.BUDGET_RESETS,
    Topic.DAYPARTING_TICKS,
)


@dataclass(frozen=True, slots=True)
class _Retention:
    compact: bool
    retention_ms: int = -1
    extra: dict[str, str] = field(default_factory=dict)


#: What a broker takes by default. One by one, commands, state and copies of spend are far below it; a topic that takes
#: less would stop partitions.
_DEFAULT_BYTES: Final = {"max.message.bytes": "1048588"}

#: The worker's own topics keep the time of writing; those that carry arrivals follow SPENDGATE_TIMESTAMPS.
_RETENTION: Final[dict[Topic, _Retention]] = {
    Topic.SPEND_EVENTS: _Retention(False, 14 * DAY_MS, extra=_DEFAULT_BYTES),
    Topic.CAMPAIGN_CONTROL: _Retention(True, extra={"min.compaction.lag.ms": str(7 * DAY_MS), **_DEFAULT_BYTES}),
    # With a record a second, a new reader reads those of a few minutes.
    Topic.CONTROL_HEARTBEAT: _Retention(
        True,
        extra={
            "segment.bytes": str(16 * MIB),
            "max.compaction.lag.ms": "600000",
            "min.cleanable.dirty.ratio": "0.1",
            **_DEFAULT_BYTES,
        },
    ),
    Topic.CONTROL_ACKS: _Retention(False, 14 * DAY_MS),
    Topic.CATALOG: _Retention(True),
    Topic.SPEND_SNAPSHOTS: _Retention(False, 14 * DAY_MS),
    Topic.SPEND_CORRECTIONS: _Retention(False, 14 * DAY_MS),
    Topic.DAYPARTING_TICKS: _Retention(False, 2 * DAY_MS),
    Topic.BUDGET_RESETS: _Retention(False, 2 * DAY_MS),
    # The largest value that a producer can send must fit together with our headers.
    Topic.DEAD_LETTERS: _Retention(False, 14 * DAY_MS, extra={"max.message.bytes": str(2 * MIB)}),
    Topic.BUDGET_ALERTS: _Retention(False, 30 * DAY_MS, extra=_DEFAULT_BYTES),
    Topic.CONTROLLER_STATE: _Retention(
        True,
        extra={
            "segment.bytes": str(64 * MIB),
            "max.compaction.lag.ms": "60000",
            "min.cleanable.dirty.ratio": "0.1",
            **_DEFAULT_BYTES,
        },
    ),
}

ALL_TOPICS: Final = tuple(_RETENTION)


def topic_configs(topic: Topic, settings: Settings) -> dict[str, str]:
    """The broker-side configuration of a topic, as `spendgate topics create` makes it and `topics check` wants it."""
    retention = _RETENTION[topic]
    given_times = settings.timestamps is Timestamps.CREATE
    configs = {
        "cleanup.policy": "compact" if retention.compact else "delete",
        "message.timestamp.type": "CreateTime" if given_times else "LogAppendTime",
        **retention.extra,
    }
    if not retention.compact:
        # Kafka would delete records with old times within minutes.
        configs["retention.ms"] = "-1" if given_times else str(retention.retention_ms)
    if settings.replication_factor >= REPLICAS_OF_A_CLUSTER:
        configs["min.insync.replicas"] = str(IN_SYNC_OF_A_CLUSTER)
    return configs
