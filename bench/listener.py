"""A reader of committed records beside what is measured: how long each record was in Kafka before it could be read."""

import threading
import time
from types import TracebackType
from typing import NamedTuple, Self

from confluent_kafka import OFFSET_END, Consumer, TopicPartition

from streams.settings import Settings

__all__ = ["Heard", "Listener"]

_POLL_SECONDS = 1.0


class Heard(NamedTuple):
    value: bytes
    delay_ms: float  # from the broker's timestamp to the read


class Listener:
    """Reads what is committed to a topic meanwhile, in a thread of its own. The topic's timestamps are the broker's
    (`LogAppendTime`); what was heard is there after the `with`."""

    def __init__(self, settings: Settings, topic: str) -> None:
        self.heard: list[Heard] = []
        self._reader = Consumer(
            {
                "bootstrap.servers": settings.brokers,
                "group.id": "bench-listener",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
            }
        )
        self._reader.assign([TopicPartition(topic, number, OFFSET_END) for number in range(settings.partitions)])
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._listen)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()
        self._reader.close()

    def _listen(self) -> None:
        while True:
            is_over = self._is_over.is_set()
            message = self._reader.poll(_POLL_SECONDS)
            if message is None and is_over:
                return
            if message is not None and not message.error():
                self.heard.append(Heard(message.value(), time.time_ns() / 1_000_000 - message.timestamp()[1]))
