"""`spendgate worker` whose first commits of offsets are refused as by a broker whose disk is full."""

import sys
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import UnknownError

from cli.__main__ import main

REFUSALS = 3
commit = AIOKafkaConsumer.commit
refused = 0


async def refuse(self: Any, offsets: Any) -> None:
    global refused
    if offsets and refused < REFUSALS:
        refused += 1
        raise UnknownError
    await commit(self, offsets)


if __name__ == "__main__":
    AIOKafkaConsumer.commit = refuse
    sys.argv.append("worker")
    main()
