"""The heartbeat of an owned partition: when one is due and what it says (docs/contract.md, "control-heartbeat")."""

import os
import socket
import time
from collections.abc import Hashable, Mapping
from typing import Final

from core.heartbeat import DecidedUpTo
from core.moment import Moment, format_moment
from core.records import ControlHeartbeat
from streams.kafka.codec import encode
from streams.kafka.topics import Topic
from streams.settings import Settings, Timestamps
from streams.worker import worker_metrics
from streams.worker.inbox import Inbox
from streams.worker.transaction import Write

__all__ = ["LONGEST_SILENCE_SECONDS", "Heartbeat"]

#: After so long it takes a transaction of its own, so that one a second is there even when the commit takes its time.
LONGEST_SILENCE_SECONDS: Final = 0.8
#: And after so long it goes with a flush that is due anyway.
_ALONG_AFTER_SECONDS: Final = 0.4

#: Moment and offsets of the inputs.
_Claim = tuple[Moment, Mapping[Topic, int]]


class Heartbeat:
    """Observes how far the partition is decided, and says what the flush before has made readable.

    The markers that end a transaction reach its partitions one by one. So a heartbeat that speaks of commands comes in
    a later transaction than theirs, which the broker begins only when all of those markers are written.
    """

    def __init__(self, partition: int, settings: Settings) -> None:
        self._partition = partition
        self._settings = settings
        self._worker = f"{socket.gethostname()}:{os.getpid()}"
        self._given_times = settings.timestamps is Timestamps.CREATE
        self._decided = DecidedUpTo()
        self._observed: _Claim | None = None
        self._committed: _Claim | None = None
        self._written_at = time.monotonic()

    def restart(self) -> None:
        """The partition begins to be read: nothing is due for as long as it takes to find out how far it is decided."""
        self._written_at = time.monotonic()

    def note_arrival(self, arrival: Moment) -> None:
        """Of the first record of a chunk. Given times say nothing about when a record came."""
        if not self._given_times and self._decided.contradicted_by(arrival):
            worker_metrics.HEARTBEATS_CONTRADICTED.inc()

    def due_in(self) -> float:
        """Seconds until it takes a transaction of its own."""
        return max(0.0, self._written_at + LONGEST_SILENCE_SECONDS - time.monotonic())

    def observe(self, inbox: Inbox, positions: Mapping[Topic, int], awaited: list[Hashable]) -> None:
        """`positions` are those of the flush that is about to begin."""
        inputs = [inbox.applied_up_to(topic, self._decided.sent_at) for topic in positions]
        self._decided.observe(inputs, awaited)
        self._observed = (self._decided.moment, positions)

    def due_writes(self, *, with_commands: bool) -> list[Write]:
        """What is written in the transaction of a flush."""
        if time.monotonic() < self._written_at + _ALONG_AFTER_SECONDS:
            return []
        claim = self._committed if with_commands else self._observed
        # Nothing is known in the first moments, and worth no word before it is due.
        known = claim is not None and claim[0] >= 0
        return [self._write(claim)] if claim and (known or not self.due_in()) else []

    def committed(self) -> None:
        """The flush is on the broker: what was observed before it may be written from now on."""
        self._committed = self._observed

    def _write(self, claim: _Claim) -> Write:
        self._written_at = time.monotonic()
        moment, positions = claim
        message = ControlHeartbeat(
            schema=1,
            partition=self._partition,
            decided_up_to=format_moment(max(0, moment)),
            offsets={topic.value: offset for topic, offset in positions.items()},
            written_at=format_moment(time.time_ns() // 1_000_000),
            worker=self._worker,
        )
        name = self._settings.topic(Topic.CONTROL_HEARTBEAT)
        return Write(name, self._partition, str(self._partition).encode(), encode(message))
