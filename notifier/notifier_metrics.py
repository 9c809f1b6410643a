"""Every metric of the notifier, with what it means."""

from typing import Final

from prometheus_client import Counter, Gauge

__all__ = ["ATTEMPTS", "BEHIND", "LEADS", "SKIPPED", "WAITING"]

ATTEMPTS: Final = Counter(
    "spendgate_notifier_attempts", "Attempts to deliver, by what came of them", ["kind", "outcome"]
)
SKIPPED: Final = Counter("spendgate_notifier_skipped", "Records that are no message", ["topic"])
BEHIND: Final = Gauge("spendgate_notifier_behind", "Records of a topic that were not read yet", ["topic"])
WAITING: Final = Gauge("spendgate_notifier_waiting", "Receivers, or brands of a webhook, for which something waits")
LEADS: Final = Gauge("spendgate_notifier_leads", "1 while this notifier reads and sends, 0 while another one does")
