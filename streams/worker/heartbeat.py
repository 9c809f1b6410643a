"""The heartbeat of an owned partition: when one is due and what it says (docs/contract.md, "control-heartbeat")."""

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from typing import Final, NamedTuple

import structlog
from aiokafka.errors import KafkaError

from core.heartbeat import DecidedUpTo
from core.moment import Moment, format_moment
from core.records import ControlHeartbeat
from streams.clock import current_moment
from streams.kafka.codec import encode
from streams.kafka.topics import Topic
from streams.settings import Settings, Timestamps
from streams.worker import worker_metrics
from streams.worker.fatal import or_end_process
from streams.worker.inbox import Inbox
from streams.worker.writes import Write

__all__ = ["LONGEST_SILENCE_SECONDS", "FindControlEnds", "HeartbeatWriter"]

log = structlog.get_logger()

#: A heartbeat that is older is written in a transaction of its own, so that there is one a second despite slow commits.
LONGEST_SILENCE_SECONDS: Final = 0.8
#: A heartbeat that is older is written with a flush that is due anyway.
_ALONG_AFTER_SECONDS: Final = 0.4

#: Flushes with commands may follow each other within milliseconds, and a heartbeat needs their ends twice a second.
_BETWEEN_QUESTIONS_SECONDS: Final = 0.2

#: Asks the broker for the high watermarks of partitions of `campaign-control`; other than last stable offsets they
#: count the commands that an open transaction hides for now.
FindControlEnds = Callable[[Collection[int]], Awaitable[Mapping[int, int]]]


class _Decided(NamedTuple):
    """How far the partition is decided."""

    moment: Moment
    offsets: Mapping[str, int]  # by input topic


class _Claim(NamedTuple):
    """What a heartbeat says."""

    decided: _Decided
    control_ends: tuple[int, ...]  # by partition of `campaign-control`: behind every command of what is decided


class HeartbeatWriter:
    """Observes how far the partition is decided, and writes what was committed before.

    The markers that end a transaction reach its partitions one by one. So a heartbeat that covers commands is written
    in a later transaction than theirs, which the broker begins only when all of those markers are written. The
    transaction of another worker may hide them even then: the heartbeat says where they end.
    """

    def __init__(self, partition: int, settings: Settings, find_control_ends: FindControlEnds) -> None:
        self._partition = partition
        self._settings = settings
        self._worker = f"{socket.gethostname()}:{os.getpid()}"
        self._given_times = settings.timestamps is Timestamps.CREATE
        self._decided_up_to = DecidedUpTo()
        self._observed: _Decided | None = None
        self._committed: _Decided | None = None
        self._claim: _Claim | None = None  # the latest whose commands are committed and their ends known
        self._written_at = time.monotonic()
        self._find_control_ends = find_control_ends
        self._control_ends = dict.fromkeys(range(settings.partitions), 0)
        #: Partitions of `campaign-control` with commands behind the end that is known: at first all, because the worker
        #: before may have written to any.
        self._outdated_ends = set(self._control_ends)
        self._asked_ends: frozenset[int] = frozenset()
        self._finding: asyncio.Task[None] | None = None

    def restart(self) -> None:
        """Reading begins: no heartbeat is due before it can be known how far the partition is decided."""
        self._written_at = time.monotonic()
        self._find_ends()

    def close(self) -> None:
        if self._finding:
            self._finding.cancel()

    def note_arrival(self, arrival: Moment) -> None:
        """Note the arrival of a chunk's first record; not with SPENDGATE_TIMESTAMPS=create, whose times are given."""
        if not self._given_times and self._decided_up_to.contradicted_by(arrival):
            worker_metrics.HEARTBEATS_CONTRADICTED.inc()
            margin_ms = self._decided_up_to.margin_ms
            log.warning("heartbeat_contradicted", partition=self._partition, arrival=arrival, margin_ms=margin_ms)

    def due_in(self) -> float:
        """Seconds until a heartbeat is written in a transaction of its own, or it is looked again whether one can be:
        the first one waits for the answer where the commands of the worker before end."""
        has_claim = self._claim is not None or not (self._outdated_ends or self._asked_ends)
        soonest = 0.0 if has_claim else _BETWEEN_QUESTIONS_SECONDS
        return max(soonest, self._written_at + LONGEST_SILENCE_SECONDS - time.monotonic())

    def observe(self, inbox: Inbox, positions: Mapping[Topic, int], pending: list[Hashable]) -> None:
        """Note how far the partition is decided. `positions` are those of the flush that is about to begin, `pending`
        what is applied and not published yet: pending resumes and derived spend."""
        inputs = [inbox.applied_up_to(topic, self._decided_up_to.sent_at) for topic in positions]
        offsets = {topic.value: offset for topic, offset in positions.items()}
        self._decided_up_to.observe(inputs, offsets, pending)
        self._observed = _Decided(self._decided_up_to.moment, self._decided_up_to.offsets)

    def due_writes(self, *, with_commands: bool) -> list[Write]:
        """The heartbeat for the transaction of a flush, if one is due."""
        if time.monotonic() < self._written_at + _ALONG_AFTER_SECONDS:
            return []
        claim = self._claim if with_commands else self._claim_of(self._observed)
        # In the first moments nothing is known, and not worth a record before one is due.
        known = claim is not None and claim.decided.moment >= 0
        return [self._write(claim)] if claim and (known or not self.due_in()) else []

    def note_committed(self, control_partitions: Collection[int]) -> None:
        """The flush is committed, with commands in these partitions of `campaign-control`: what was observed before it
        may be written from now on."""
        self._committed = self._observed
        self._outdated_ends.update(control_partitions)
        self._claim = self._claim_of(self._committed)
        self._find_ends()

    def _claim_of(self, decided: _Decided | None) -> _Claim | None:
        """The latest claim where the commands of what is decided end at offsets that are not known."""
        if decided is None or self._outdated_ends or self._asked_ends:
            return self._claim
        return _Claim(decided, tuple(self._control_ends.values()))

    def _find_ends(self) -> None:
        if self._outdated_ends and (self._finding is None or self._finding.done()):
            self._finding = asyncio.create_task(self._ask_or_end())

    async def _ask_or_end(self) -> None:
        await or_end_process(self._ask_until_known(), self._settings)

    async def _ask_until_known(self) -> None:
        while self._outdated_ends:
            committed, self._asked_ends = self._committed, frozenset(self._outdated_ends)
            self._outdated_ends.clear()
            try:
                self._control_ends.update(await self._find_control_ends(self._asked_ends))
            except KafkaError as error:
                # A partition that has no leader now must not end the workers that decide on all others.
                log.warning("control_ends_unknown", partition=self._partition, why=repr(error))
                self._outdated_ends |= self._asked_ends
            else:
                # Commands that were committed meanwhile are not of what was committed before the question.
                self._claim = committed and _Claim(committed, tuple(self._control_ends.values()))
            self._asked_ends = frozenset()
            await asyncio.sleep(_BETWEEN_QUESTIONS_SECONDS)

    def _write(self, claim: _Claim) -> Write:
        self._written_at = time.monotonic()
        message = ControlHeartbeat(
            schema=1,
            partition=self._partition,
            decided_up_to=format_moment(max(0, claim.decided.moment)),
            offsets=dict(claim.decided.offsets),
            written_at=format_moment(current_moment()),
            worker=self._worker,
            control_offsets=claim.control_ends,
        )
        name = self._settings.topic(Topic.CONTROL_HEARTBEAT)
        return Write(name, self._partition, str(self._partition).encode(), encode(message))
