"""Follows the topics with confluent-kafka and feeds the fold; sends acknowledgements. All thinking is in state.py."""

import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from spendgate_control.records import Command, Outcome, acknowledgement, is_id
from spendgate_control.state import Change, ControlState, Policy, Verdict

__all__ = ["ControlReader"]

CONTROL: Final = "campaign-control"
HEARTBEAT: Final = "control-heartbeat"
ACKS: Final = "control-acks"

_ASK_SECONDS: Final = 10.0
_ENDS_SECONDS: Final = 2.0
_FLUSH_SECONDS: Final = 5.0
_AT_ONCE: Final = 1000
#: The client mends these by itself; until it has, the heartbeats are silent.
_PASSING: Final = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TRANSPORT,
        KafkaError._TIMED_OUT,
        KafkaError._RESOLVE,
        # A partition has moved, or its topic is only just made.
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.REQUEST_TIMED_OUT,
    }
)
#: librdkafka looks for the coordinator of a group that is never joined: who may not use it needs no right to it.
_NO_CONCERN: Final = frozenset({KafkaError.GROUP_AUTHORIZATION_FAILED})


class ControlReader:
    """Every campaign's last command, kept up to date by `poll`. One thread polls; any may ask `may_run`."""

    def __init__(
        self,
        brokers: str,
        *,
        consumer: str,
        policy: Policy,
        topic_prefix: str = "",
        heartbeats: bool = True,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        """`consumer` names you in acknowledgements; `config` has what librdkafka needs besides (TLS, SASL).

        Raises KafkaException when the broker does not answer or a topic is missing.
        """
        if not is_id(consumer):
            raise ValueError(f"consumer {consumer!r}: 1-64 of A-Z a-z 0-9 . _ : -")
        self.failed_acknowledgements = 0
        self._name = consumer
        self._prefix = topic_prefix
        self._config = {**(config or {}), "bootstrap.servers": brokers}
        self._state = ControlState(policy, heartbeats=heartbeats)
        self._lock = threading.Lock()
        self._producer: Producer | None = None
        self._refusal: KafkaException | None = None
        self._consumer = Consumer(
            self._config
            | {
                "group.id": f"spendgate-control-{consumer}",  # never joined: every reader reads all partitions
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,  # shows the position behind a trailing transaction marker
            }
        )
        self._control = self._partitions(CONTROL, OFFSET_BEGINNING)
        live = self._partitions(HEARTBEAT, OFFSET_END) if heartbeats else []
        self._consumer.assign([*self._control, *live])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Send what is left of the acknowledgements, and leave."""
        if self._producer is not None:
            self.failed_acknowledgements += self._producer.flush(_FLUSH_SECONDS)
        self._consumer.close()

    def catch_up(self, timeout: float) -> list[Change]:
        """Read all that is on the topic; TimeoutError when that takes longer than so many seconds."""
        deadline = time.monotonic() + timeout
        changes: list[Change] = []
        while not self.caught_up:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{self._prefix}{CONTROL} was not read to its end; still to read: {self._behind()}")
            changes += self.poll(min(left, 1.0))
        return changes

    def poll(self, timeout: float) -> list[Change]:
        """Read what has come, waiting up to so many seconds for it: the commands to carry out, in their order.

        Raises KafkaException for what does not pass by itself, after the commands that came before it were given out.
        """
        if self._refusal is not None:
            raise self._refusal
        if self._state.wants_ends:
            self._ask_ends()
        messages = self._consumer.consume(_AT_ONCE, timeout)
        now = time.monotonic()
        with self._lock:
            read = [self._read(message, now) for message in messages]
        if self._producer is not None:
            self._producer.poll(0)
        return [change for change in read if change is not None]

    def may_run(self, campaign_id: str) -> Verdict:
        with self._lock:
            return self._state.may_run(campaign_id, time.monotonic())

    def campaigns(self) -> list[str]:
        """The ids of all campaigns of which a command is held, sorted."""
        with self._lock:
            return self._state.campaigns()

    @property
    def caught_up(self) -> bool:
        with self._lock:
            return self._state.caught_up

    @property
    def unreadable_records(self) -> int:
        return self._state.unreadable_records

    def acknowledge(
        self,
        command: Command,
        outcome: Outcome = Outcome.APPLIED,
        detail: str | None = None,
        applied_at: datetime | None = None,
    ) -> None:
        """Report that the command was carried out, or failed. Sent in the background; losing one is no harm."""
        if self._producer is None:
            self._producer = Producer({**self._config, "partitioner": "murmur2_random"})
        key, value = acknowledgement(command, self._name, applied_at or datetime.now(UTC), outcome, detail)
        try:
            self._producer.produce(self._prefix + ACKS, value, key, on_delivery=self._delivered)
        except BufferError:
            self.failed_acknowledgements += 1

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.failed_acknowledgements += 1

    def _partitions(self, topic: str, offset: int) -> list[TopicPartition]:
        name = self._prefix + topic
        metadata = self._consumer.list_topics(name, _ASK_SECONDS).topics[name]
        if metadata.error is not None:
            raise KafkaException(KafkaError(metadata.error.code(), f"topic {name}: {metadata.error.str()}"))
        return [TopicPartition(name, number, offset) for number in metadata.partitions]

    def _ask_ends(self) -> None:
        # In one request: one by one, each would wait behind a fetch, which the broker holds back until records come.
        latest = [TopicPartition(it.topic, it.partition, OFFSET_END) for it in self._control]
        try:
            answers = self._consumer.offsets_for_times(latest, _ENDS_SECONDS)
            for refused in (it.error for it in answers if it.error is not None):
                raise KafkaException(refused)
        except KafkaException as error:
            if error.args[0].code() in _PASSING or error.args[0].retriable():
                return  # asked again by the next poll
            raise
        with self._lock:
            self._state.tell_ends({it.partition: it.offset for it in answers}, time.monotonic())

    def _read(self, message: Message, now: float) -> Change | None:
        error = message.error()
        is_control = message.topic() == self._prefix + CONTROL
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:
                if is_control:
                    self._state.move_to(message.partition(), message.offset())
            elif error.code() not in _PASSING | _NO_CONCERN and not error.retriable():
                self._refusal = KafkaException(error)
            return None
        if is_control:
            return self._state.read_command(message.partition(), message.offset(), message.key(), message.value())
        self._state.read_heartbeat(message.value(), now)
        return None

    def _behind(self) -> str:
        with self._lock:
            lags = self._state.behind
        return ", ".join(f"{lag} offsets of partition {number}" for number, lag in lags.items()) or "its end is unknown"
