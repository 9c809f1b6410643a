"""`spendgate worker` that stays a member of its group for ten minutes after its death."""

import sys
from typing import Any

from aiokafka import AIOKafkaConsumer

from cli.__main__ import main
from streams.worker import consumer

create = consumer._ConsumerThread._create_worker_consumer
MILLISECONDS = 600_000


def create_with_long_session(self: Any, transport: consumer.BatchTransport) -> AIOKafkaConsumer:
    made = create(self, transport)
    made._session_timeout_ms = made._rebalance_timeout_ms = MILLISECONDS
    return made


if __name__ == "__main__":
    consumer._ConsumerThread._create_worker_consumer = create_with_long_session  # type: ignore[method-assign]
    sys.argv.append("worker")
    main()
