"""Consumer groups and transactional ids, without SPENDGATE_TOPIC_PREFIX."""

from typing import Final

__all__ = ["LEDGER_GROUP", "REPAIR_TRANSACTIONS", "WORKER_GROUP", "WORKER_TRANSACTIONS"]

WORKER_GROUP: Final = "spendgate-worker"
LEDGER_GROUP: Final = "spendgate-ledger"

#: Followed by the partition number.
WORKER_TRANSACTIONS: Final = "spendgate-worker-"
#: Shared by all repairs, so that of two at once one is fenced.
REPAIR_TRANSACTIONS: Final = "spendgate-reconcile"
