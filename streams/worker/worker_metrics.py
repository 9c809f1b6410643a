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
    "LATE_SPEND",
    "OLDEST_EVENT_ID",
    "OWNED",
    "REROUTED",
    "RESUMES_AWAITED",
    "RESUME_HELD",
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
COMMANDS: Final = Counter("spendgate_commands", "Commands emitted", ["action"])
ALERTS: Final = Counter("spendgate_alerts", "Alerts raised and resolved", ["kind", "state"])
FLUSHES: Final = Counter("spendgate_flushes", "Transactions committed")
FLUSHES_FAILED: Final = Counter("spendgate_flushes_failed", "Transactions aborted and tried again")
STOPPED: Final = Gauge(
    "spendgate_partition_stopped",
    "1 while the flushes of a partition are refused or its state cannot be read, and nothing is decided",
    ["partition"],
)
FLUSH_SECONDS: Final = Histogram("spendgate_flush_seconds", "Time of one transaction")
HEARTBEATS_CONTRADICTED: Final = Counter(
    "spendgate_heartbeats_contradicted",
    "Records that arrived, by a broker's clock, before a moment up to which a heartbeat had called all decided",
)
LAST_TICK: Final = Gauge("spendgate_last_tick_timestamp_seconds", "Moment of the last tick applied")
OWNED: Final = Gauge("spendgate_partitions_owned", "Partitions that this worker owns")

_HOUR: Final = 3_600
_DAY: Final = 24 * _HOUR
LATE_SPEND: Final = Histogram(
    "spendgate_late_spend_seconds",
    "Spend counted that occurred more than a minute before it arrived, by how much earlier",
    buckets=(300, 900, _HOUR, 6 * _HOUR, _DAY, 3 * _DAY, 7 * _DAY, 31 * _DAY),
)
OLDEST_EVENT_ID: Final = Gauge(
    "spendgate_oldest_event_id_age_seconds",
    "Age of the oldest event id by which duplicates of a partition are known",
    ["partition"],
)
RESUME_HELD: Final = Histogram(
    "spendgate_resume_held_seconds",
    "How long resumes were held until the spend before them was counted",
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1_800),
)
RESUMES_AWAITED: Final = Gauge(
    "spendgate_resumes_awaited_seconds",
    "For how long the resume is held that was decided first and is not sent yet; 0 when none is",
    ["partition"],
)
