"""Transactions whose end Kafka has forgotten. Where a partition has no leader at the moment at which a coordinator
wants to tell it the end of a transaction, Kafka 4.3.1 takes the partition for a deleted one and never tells it
(`KRaftMetadataCache.getPartitionLeaderEndpoint`): readers of what is committed come no further there.
"""

import os
import subprocess
from collections.abc import Sequence
from typing import Final, NamedTuple

from tests.commands import EXECUTABLE

__all__ = ["LONG_AGO_MS", "Hanging", "hanging_transactions", "run_tool"]

PATIENCE_SECONDS: Final = 120
#: Older than the minute that Kafka's tool waits before it calls a transaction hanging.
LONG_AGO_MS: Final = 1_757_322_000_000


class Hanging(NamedTuple):
    """A transaction of which its coordinator knows nothing any more."""

    topic: str
    partition: int
    start_offset: str


def hanging_transactions(brokers: str, prefix: str) -> list[Hanging]:
    """Those in topics with this prefix, as Kafka's own tool finds them: not before they are a minute old. Brokers are
    numbered from 1; one that does not answer has none."""
    found: list[Hanging] = []
    for number in range(1, len(brokers.split(",")) + 1):
        options = ["--broker-id", str(number), "--max-transaction-timeout", "1"]
        listed = run_tool(brokers, ["kafka-transactions", "find-hanging", *options])
        rows = [line.split() for line in listed.stdout.splitlines() if line.startswith(prefix)]
        found += [Hanging(topic, int(partition), rest[3]) for topic, partition, *rest in rows]
    return found


def run_tool(brokers: str, arguments: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    """Of Kafka's own. Its failure is no end: the broker may be on its way down or up."""
    return subprocess.run(
        [EXECUTABLE, "kafka", *arguments],
        env={**os.environ, "SPENDGATE_BROKERS": brokers},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
