"""Every metric of the worker, with what it means."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

__all__ = [
    "APPLIED",
    "COMMANDS",
    "DEAD_LETTERS",
    "FLUSHES",
    "FLUSH_SECONDS",
    "LAST_TICK",
    "OWNED",
    "REROUTED",
    "SKIPPED",
    "VERDICTS",
]

APPLIED: Final = Counter("spendgate_records_applied", "Input records applied", ["topic"])
VERDICTS: Final = Counter("spendgate_unusual_spend", "Duplicates and spend of unknown campaigns", ["verdict"])
DEAD_LETTERS: Final = Counter("spendgate_dead_letters", "Records refused", ["reason"])
REROUTED: Final = Counter("spendgate_rerouted", "Wrongly keyed or partitioned spend sent to its partition")
SKIPPED: Final = Counter("spendgate_records_skipped", "Ticks, resets and documents that cannot be used", ["topic"])
COMMANDS: Final = Counter("spendgate_commands", "Commands told", ["action"])
FLUSHES: Final = Counter("spendgate_flushes", "Transactions committed")
FLUSH_SECONDS: Final = Histogram("spendgate_flush_seconds", "Time of one transaction")
LAST_TICK: Final = Gauge("spendgate_last_tick_timestamp_seconds", "Moment of the last tick applied")
OWNED: Final = Gauge("spendgate_partitions_owned", "Partitions that this worker owns")
