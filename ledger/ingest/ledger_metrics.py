"""Every metric of the ledger, with what it means."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

__all__ = [
    "BATCH_SECONDS",
    "DATABASE_AWAY",
    "LAST_SAVED",
    "NOT_STORABLE",
    "SAVED",
    "SEQUENCE_GAPS",
    "SKIPPED",
    "WENT_BACK",
]

SAVED: Final = Counter("spendgate_ledger_rows", "Rows handed to the database and committed", ["table"])
SKIPPED: Final = Counter("spendgate_ledger_skipped", "Records that are no row of the ledger", ["why"])
NOT_STORABLE: Final = Counter("spendgate_ledger_not_storable", "Rows that the database refused", ["table"])
BATCH_SECONDS: Final = Histogram(
    "spendgate_ledger_batch_seconds", "Time of one batch in the database, up to the commit of its offsets"
)
DATABASE_AWAY: Final = Gauge("spendgate_ledger_database_away", "1 while the ledger waits for the database")
LAST_SAVED: Final = Gauge("spendgate_ledger_last_saved_timestamp_seconds", "Arrival of the newest record committed")
SEQUENCE_GAPS: Final = Gauge(
    "spendgate_ledger_sequence_gaps", "Commands in the journal whose predecessor of the same epoch is missing there"
)
WENT_BACK: Final = Counter(
    "spendgate_ledger_database_went_back", "Times that the database had less than was saved: a backup was restored"
)
