"""`spendgate worker` that loses transactions with commands: every second one, before or after the broker has it."""

import sys
from collections.abc import Sequence
from itertools import count

from cli.__main__ import main
from core.errors import TransactionLost
from streams.kafka.topics import Topic
from streams.worker.transaction import PartitionWriter, TransactionFailure
from streams.worker.writes import Write

attempt = PartitionWriter.attempt
number = count()


async def lose(self: PartitionWriter, writes: Sequence[Write]) -> list[TransactionFailure]:
    at = next(number) % 4 if any(it.topic.endswith(Topic.CAMPAIGN_CONTROL) for it in writes) else 0
    if at == 1:
        raise TransactionLost("before it was committed")
    failures = await attempt(self, writes)
    if at == 3:
        raise TransactionLost("after it was committed")
    return failures


if __name__ == "__main__":
    PartitionWriter.attempt = lose  # type: ignore[method-assign]
    sys.argv.append("worker")
    main()
