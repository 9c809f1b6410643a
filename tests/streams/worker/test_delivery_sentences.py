"""What a partition says of a commit that was not answered, by what the cluster tells of its topics then."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace as Facts
from typing import Any

import pytest
from confluent_kafka import KafkaError

from streams.settings import Settings
from streams.worker.delivery import PartitionDelivery
from streams.worker.transaction import TransactionFailure, Write

WRITES = [Write("state", 0, b"k", b"v"), Write("commands", 2, b"k", b"v")]


class Writer:
    """Its first commit is not answered, for whatever reason."""

    def __init__(self, cluster: Any, code: int = KafkaError._TIMED_OUT) -> None:
        self._cluster = cluster
        self._code = code
        self._attempts = 0

    async def attempt(self, _writes: Sequence[Write]) -> list[TransactionFailure]:
        self._attempts += 1
        return [TransactionFailure(None, self._code, "timed out")] if self._attempts == 1 else []

    async def cluster(self) -> Any:
        return self._cluster


def cluster(of_state: dict[str, Any] | None = None, **of_commands: Any) -> Any:
    whole = {"leader": 1, "replicas": [1, 2, 3], "isrs": [1, 2, 3]}
    state, commands = Facts(**{**whole, **(of_state or {})}), Facts(**{**whole, **of_commands})
    return Facts(topics={"state": Facts(partitions={0: state}), "commands": Facts(partitions={2: commands})})


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (
            cluster(leader=-1),
            "commands, partition 2, has no leader; partition 0 is written again as soon",
        ),
        (cluster(isrs=[1]), "commands, partition 2, has 1 of 3 replicas in sync; partition 0 is written again"),
        (
            cluster(isrs=[1, 2], of_state={"isrs": [1], "replicas": [1, 2]}),
            "state, partition 0, has 1 of 2 replicas in sync; partition 0 is written again",
        ),
        (
            cluster(isrs=[1, 2], of_state={"leader": -1}),
            "state, partition 0, has no leader; partition 0 is written again",
        ),
        (cluster(), "Partition 0 cannot be written: Kafka did not take it in time (timed out)."),
        (None, "Partition 0 cannot be written: No Kafka broker answers at 127.0.0.1:1:"),
    ],
)
async def test_a_cluster_that_answers_is_not_said_to_be_away(told: Any, says: str) -> None:
    async def no_limit(_topic: str) -> None:
        """It is not asked for."""

    delivery = PartitionDelivery(Writer(told), 0, Settings(brokers="127.0.0.1:1"), no_limit)  # type: ignore[arg-type]
    delivering = asyncio.create_task(delivery.deliver(WRITES))
    await delivery.stopped.wait()
    assert delivery.obstacle is not None
    assert delivery.obstacle.startswith(says)
    await delivering
    assert delivery.obstacle is None


async def test_a_commit_whose_records_were_not_delivered_was_not_taken_in_time() -> None:
    async def no_limit(_topic: str) -> None:
        """It is not asked for."""

    writer = Writer(cluster(), KafkaError._INCONSISTENT)
    delivery = PartitionDelivery(writer, 0, Settings(brokers="127.0.0.1:1"), no_limit)  # type: ignore[arg-type]
    delivering = asyncio.create_task(delivery.deliver(WRITES))
    await delivery.stopped.wait()
    assert delivery.obstacle == "Partition 0 cannot be written: Kafka did not take it in time (timed out)."
    await delivering
