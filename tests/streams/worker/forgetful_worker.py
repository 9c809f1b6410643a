"""`spendgate worker` that knows no topic when it first assigns the partitions, as while a broker begins."""

import sys
from typing import Any

from aiokafka.consumer.group_coordinator import GroupCoordinator

from cli.__main__ import main

assign = GroupCoordinator._perform_assignment
forgotten = False


async def forget(self: Any, *arguments: Any) -> Any:
    global forgotten
    if not forgotten:
        forgotten = True
        self._cluster._partitions.clear()
    return await assign(self, *arguments)


if __name__ == "__main__":
    GroupCoordinator._perform_assignment = forget
    sys.argv.append("worker")
    main()
