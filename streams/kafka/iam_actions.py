"""Names what an IAM policy must allow on Amazon MSK where Kafka's own rights name an operation on a resource."""

from typing import Final

__all__ = ["ANY_ACTION", "iam_actions"]

ANY_ACTION: Final = "kafka-cluster:*"
#: As Amazon MSK's developer guide has them, each with those that it needs besides Connect, which every entry needs.
_ACTIONS: Final = {
    ("Read", "topic"): ("DescribeTopic", "ReadData"),
    ("Write", "topic"): ("DescribeTopic", "WriteData", "WriteDataIdempotently"),
    ("Create", "topic"): ("CreateTopic",),
    ("Delete", "topic"): ("DescribeTopic", "DeleteTopic"),
    ("Describe", "topic"): ("DescribeTopic",),
    ("DescribeConfigs", "topic"): ("DescribeTopicDynamicConfiguration",),
    ("Read", "group"): ("DescribeGroup", "AlterGroup"),
    ("Describe", "group"): ("DescribeGroup",),
    ("Write", "transactional id"): ("DescribeTransactionalId", "AlterTransactionalId"),
}


def iam_actions(operation: str, kind: str) -> list[str]:
    """`kafka-cluster:DescribeTopic` and `kafka-cluster:ReadData` for Read on a topic; ANY_ACTION for an operation that
    is empty or not of the table."""
    return [f"kafka-cluster:{name}" for name in _ACTIONS.get((operation, kind), ())] or [ANY_ACTION]
