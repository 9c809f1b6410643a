"""Every metric of the worker, with what it means."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

__all__ = [
    "ALERTS",
    "APPLIED",
    "COMMANDS",
    "DEAD_LETTERS",
    "FLUSHES",
    "FLUSHES_FAILED",
    "FLUSH_SECONDS",
    "HEARTBEATS_CONTRADICTED",
    "LAST_TICK",
    "OWNED",
    "REROUTED",
    "SKIPPED",
    "SNAPSHOTS",
    "STOPPED",
    "UNDECIDABLE",
    "VERDICTS",
]

APPLIED: Final = Counter("spendgate_records_applied", "Input records applied", ["topic"])
VERDICTS: Final = Counter("spendgate_unusual_spend", "Duplicates and spend of unknown campaigns", ["verdict"])
SNAPSHOTS: Final = Counter("spendgate_snapshots", "Totals of platforms, by what became of them", ["verdict"])
DEAD_LETTERS: Final = Counter("spendgate_dead_letters", "Records refused", ["reason"])
REROUTED: Final = Counter("spendgate_rerouted", "Wrongly keyed or partitioned spend sent to its partition")
SKIPPED: Final = Counter("spendgate_records_skipped", "Ticks, resets and documents that cannot be used", ["topic"])
UNDECIDABLE: Final = Counter(
    "spendgate_undecidable", "Alarm: decisions that failed by a defect, and left the state as it was", ["topic"]
)
COMMANDS: Final = Counter("spendgate_commands", "Commands told", ["action"])
ALERTS: Final = Counter("spendgate_alerts", "Alerts raised and resolved", ["kind", "state"])
FLUSHES: Final = Counter("spendgate_flushes", "Transactions committed")
FLUSHES_FAILED: Final = Counter("spendgate_flushes_failed", "Transactions aborted and tried again")
STOPPED: Final = Gauge(
    "spendgate_partition_stopped",
    "1 while the flushes of a partition are refused and nothing is decided",
    ["partition"],
)
FLUSH_SECONDS: Final = Histogram("spendgate_flush_seconds", "Time of one transaction")
HEARTBEATS_CONTRADICTED: Final = Counter(
    "spendgate_heartbeats_contradicted",
    "Records that arrived, by a broker's clock, before a moment up to which a heartbeat had called all decided",
)
LAST_TICK: Final = Gauge("spendgate_last_tick_timestamp_seconds", "Moment of the last tick applied")
OWNED: Final = Gauge("spendgate_partitions_owned", "Partitions that this worker owns")
