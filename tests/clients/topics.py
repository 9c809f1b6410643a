"""The topics that client libraries read and write, on a real broker, written to as the controller does."""

import json
import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import OFFSET_END, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

__all__ = ["ControlTopics", "command"]

PARTITIONS = 3
PATIENCE_SECONDS = 20


def command(campaign_id: str, sequence: int, *reasons: str, **fields: Any) -> dict[str, Any]:
    """A command as the controller sends it: a pause when there are reasons, else a resume."""
    return {
        "schema": 1,
        "command_id": f"{campaign_id}:1:{sequence}",
        "action": "pause" if reasons else "resume",
        "campaign_id": campaign_id,
        "external_id": None,
        "brand_id": "nike",
        "epoch": 1,
        "sequence": sequence,
        "reasons": list(reasons),
        "decided_at": "2025-09-08T11:12:00Z",
        "resumes_at": None,
        "cause": {"kind": "spend", "topic": "spend-events", "partition": 0, "offset": 7},
        **fields,
    }


class ControlTopics:
    """campaign-control with transactions, control-heartbeat by hand, and control-acks to look at."""

    def __init__(
        self, brokers: str, prefix: str, entry: Mapping[str, Any] | None = None, *, partitions: int = PARTITIONS
    ) -> None:
        """`entry` is what librdkafka needs to enter a secured cluster."""
        self.brokers = brokers
        self.prefix = prefix
        self._common = {**(entry or {}), "bootstrap.servers": brokers}
        names = [prefix + name for name in ("campaign-control", "control-heartbeat", "control-acks")]
        self._admin = admin = AdminClient(self._common)  # its futures fail without it
        made = admin.create_topics([NewTopic(name, partitions, 1) for name in names])
        for future in made.values():
            future.result(PATIENCE_SECONDS)
        _wait_until_shown(admin, names, partitions)
        self._control = [TopicPartition(names[0], number) for number in range(partitions)]
        self._watermarks = Consumer({**self._common, "group.id": "unused"})
        self._producer = Producer(self._common)
        self._controller = Producer({**self._common, "transactional.id": f"{prefix}controller"})
        self._controller.init_transactions(PATIENCE_SECONDS)

    def transact(self, *commands: dict[str, Any], partition: int = 0, abort: bool = False) -> None:
        """Write the commands in one transaction: a marker stands behind them."""
        self.begin(*commands, partition=partition)
        self.end(abort=abort)

    def begin(self, *commands: dict[str, Any], partition: int = 0) -> None:
        """Write the commands in a transaction that is left open."""
        self._controller.begin_transaction()
        for value in commands:
            self._controller.produce(
                f"{self.prefix}campaign-control", json.dumps(value), value["campaign_id"], partition
            )
        assert self._controller.flush(PATIENCE_SECONDS) == 0

    def end(self, *, abort: bool = False) -> None:
        end = self._controller.abort_transaction if abort else self._controller.commit_transaction
        end(PATIENCE_SECONDS)

    def truncate(self, partition: int) -> None:
        """Delete all records of a partition of campaign-control: it begins where it ends."""
        place = TopicPartition(f"{self.prefix}campaign-control", partition, OFFSET_END)
        for future in self._admin.delete_records([place]).values():
            future.result(PATIENCE_SECONDS)

    def write(self, key: str, value: bytes | None) -> None:
        """Write any record to campaign-control, outside of a transaction."""
        self._producer.produce(f"{self.prefix}campaign-control", value, key, 0)
        assert self._producer.flush(PATIENCE_SECONDS) == 0

    def beat(self, *partitions: int) -> None:
        """Heartbeats that count when all was read that is on campaign-control now, behind its trailing markers."""
        ends = [self._watermarks.get_watermark_offsets(tp, PATIENCE_SECONDS)[1] for tp in self._control]
        for partition in partitions:
            value = {"schema": 1, "partition": partition, "decided_up_to": "2025-09-08T11:12:00Z"}
            value["control_offsets"] = ends
            self._producer.produce(f"{self.prefix}control-heartbeat", json.dumps(value), str(partition))
        assert self._producer.flush(PATIENCE_SECONDS) == 0

    def acks(self, count: int) -> list[dict[str, Any]]:
        """Wait for so many acknowledgements; their key is their campaign."""
        consumer = Consumer({**self._common, "group.id": "unused", "enable.auto.commit": False})
        consumer.assign([TopicPartition(f"{self.prefix}control-acks", number, 0) for number in range(PARTITIONS)])
        found: list[dict[str, Any]] = []
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(found) < count and time.monotonic() < deadline:
            for message in consumer.consume(100, 0.2):
                found.append(json.loads(message.value()))
                assert message.key().decode() == found[-1]["campaign_id"]
        consumer.close()
        return found


def _wait_until_shown(admin: AdminClient, names: list[str], partitions: int) -> None:
    """The broker's metadata follow a moment after its answer."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        shown = admin.list_topics(timeout=PATIENCE_SECONDS).topics
        if all(name in shown and len(shown[name].partitions) == partitions for name in names):
            return
        assert time.monotonic() < deadline, f"the broker does not show {names}"
        time.sleep(0.02)
