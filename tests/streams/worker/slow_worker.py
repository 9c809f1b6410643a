"""`spendgate worker` that stands still in a take-over until the file is there that the second argument names: before
its producers are opened ("open"), or when it has read the state ("read")."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

from cli.__main__ import main
from streams.worker.partition_restore import PartitionRestore
from streams.worker.transaction import PartitionWriter

initialise = PartitionWriter._initialise
read_states = PartitionRestore._read_states


def wait_and_open(self: PartitionWriter, patience_seconds: float) -> None:
    print("stands still", flush=True)
    while not (self._closing or GO.exists()):
        time.sleep(0.02)
    if not self._closing:
        initialise(self, patience_seconds)


async def read_and_wait(self: PartitionRestore, numbers: list[int]) -> Any:
    states = await read_states(self, numbers)
    print("stands still", flush=True)
    while not await asyncio.to_thread(GO.exists):
        await asyncio.sleep(0.02)
    return states


if __name__ == "__main__":
    STEP, GO = sys.argv.pop(1), Path(sys.argv.pop(1))
    if STEP == "open":
        PartitionWriter._initialise = wait_and_open  # type: ignore[method-assign]
    else:
        PartitionRestore._read_states = read_and_wait  # type: ignore[method-assign]
    sys.argv.append("worker")
    main()
