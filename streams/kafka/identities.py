"""The names that the cluster knows us by, without SPENDGATE_TOPIC_PREFIX: consumer groups and transactional ids."""

from typing import Final

__all__ = ["LEDGER_GROUP", "REPAIR_TRANSACTIONS", "WORKER_GROUP", "WORKER_TRANSACTIONS"]

WORKER_GROUP: Final = "spendgate-worker"
LEDGER_GROUP: Final = "spendgate-ledger"

#: The number of a partition comes behind it.
WORKER_TRANSACTIONS: Final = "spendgate-worker-"
#: All repairs share it, so that of two at once one is fenced.
REPAIR_TRANSACTIONS: Final = "spendgate-reconcile"
