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
from streams.worker.writes import Write

__all__ = ["LONGEST_SILENCE_SECONDS", "HeartbeatWriter"]

#: A heartbeat that is older is written in a transaction of its own, so that there is one a second despite slow commits.
LONGEST_SILENCE_SECONDS: Final = 0.8
#: A heartbeat that is older is written with a flush that is due anyway.
_ALONG_AFTER_SECONDS: Final = 0.4

#: Moment and offsets of the inputs.
_Claim = tuple[Moment, Mapping[Topic, int]]


class HeartbeatWriter:
    """Observes how far the partition is decided, and writes what was committed before.

    The markers that end a transaction reach its partitions one by one. So a heartbeat that covers commands is written
    in a later transaction than theirs, which the broker begins only when all of those markers are written.
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
        """Reading begins: no heartbeat is due before it can be known how far the partition is decided."""
        self._written_at = time.monotonic()

    def note_arrival(self, arrival: Moment) -> None:
        """Note the arrival of a chunk's first record; not with SPENDGATE_TIMESTAMPS=create, whose times are given."""
        if not self._given_times and self._decided.contradicted_by(arrival):
            worker_metrics.HEARTBEATS_CONTRADICTED.inc()

    def due_in(self) -> float:
        """Seconds until a heartbeat is written in a transaction of its own."""
        return max(0.0, self._written_at + LONGEST_SILENCE_SECONDS - time.monotonic())

    def observe(self, inbox: Inbox, positions: Mapping[Topic, int], pending: list[Hashable]) -> None:
        """Note how far the partition is decided. `positions` are those of the flush that is about to begin, `pending`
        what is applied and not published yet: pending resumes and derived spend."""
        inputs = [inbox.applied_up_to(topic, self._decided.sent_at) for topic in positions]
        self._decided.observe(inputs, pending)
        self._observed = (self._decided.moment, positions)

    def due_writes(self, *, with_commands: bool) -> list[Write]:
        """The heartbeat for the transaction of a flush, if one is due."""
        if time.monotonic() < self._written_at + _ALONG_AFTER_SECONDS:
            return []
        claim = self._committed if with_commands else self._observed
        # In the first moments nothing is known, and not worth a record before one is due.
        known = claim is not None and claim[0] >= 0
        return [self._write(claim)] if claim and (known or not self.due_in()) else []

    def committed(self) -> None:
        """The flush is committed: what was observed before it may be written from now on."""
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
