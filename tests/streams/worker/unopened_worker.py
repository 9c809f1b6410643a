"""`spendgate worker` for whose first partition Kafka has no coordinator, until the file is there that the argument
names."""

import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from cli.__main__ import main
from streams.worker import table
from streams.worker.transaction import PartitionWriter


class WithoutCoordinator:
    def __init__(self, options: dict[str, Any]) -> None:
        self._real = Producer(options)
        self._is_of_first = options["transactional.id"].endswith("-0")

    def init_transactions(self, seconds: float) -> None:
        if self._is_of_first and not GO.exists():
            time.sleep(0.5)
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "no coordinator", False, True))
        self._real.init_transactions(seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


if __name__ == "__main__":
    GO = Path(sys.argv.pop())
    table.PartitionWriter = partial(PartitionWriter, producer_class=WithoutCoordinator)  # type: ignore[assignment, misc]
    sys.argv.append("worker")
    main()
