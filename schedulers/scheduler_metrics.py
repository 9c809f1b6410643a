"""Every metric of the scheduler, with what it means."""

from typing import Final

from prometheus_client import Counter, Gauge

__all__ = [
    "FAILURES",
    "LAST_RECONCILE",
    "LAST_TICK",
    "LATENESS",
    "RECONCILE_DIFFERENCES",
    "RECONCILE_SECONDS",
    "REFUSED_DOCUMENTS",
    "SENT",
    "TIME_ZONES",
]

LAST_TICK: Final = Gauge("spendgate_scheduler_last_tick_timestamp_seconds", "Moment of the last tick on the broker")
LATENESS: Final = Gauge("spendgate_scheduler_tick_lateness_seconds", "How long after its moment the broker had it")
SENT: Final = Counter("spendgate_scheduler_sent", "Ticks and resets that every partition has", ["topic"])
FAILURES: Final = Counter("spendgate_scheduler_failures", "Attempts that failed and are made again", ["what"])
TIME_ZONES: Final = Gauge("spendgate_scheduler_time_zones", "Time zones whose resets are sent")
RECONCILE_DIFFERENCES: Final = Gauge(
    "spendgate_reconcile_differences", "Totals of the controller that were not the ledger's, in the last comparison"
)
LAST_RECONCILE: Final = Gauge(
    "spendgate_reconcile_last_run_timestamp_seconds", "When controller and ledger were last compared, 0 for never"
)
RECONCILE_SECONDS: Final = Gauge("spendgate_reconcile_seconds", "How long the last comparison took")
REFUSED_DOCUMENTS: Final = Gauge(
    "spendgate_relay_refused_documents", "Catalog documents that the topic does not take; all others are published"
)
