"""Writes a flush, all of it or nothing, and tries again until it is committed; meanwhile says what is in the way.

A dead letter or copy that its topic refuses for its size is cut or replaced. A command or state record cannot be cut:
the partition waits until the topic takes it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

import aiokafka.errors
import structlog
from confluent_kafka import KafkaError

from core.errors import NotAllowed, SpendgateError, TransactionLost
from core.refusal import RefusalReason
from streams.kafka.failures import BrokerAnswer, explained, translated_answer
from streams.kafka.missing_rights import check_rights
from streams.kafka.rights import Process
from streams.kafka.topics import Topic
from streams.settings import Settings
from streams.worker import worker_metrics
from streams.worker.fitting import fit
from streams.worker.transaction import REFUSALS, PartitionWriter, TransactionFailure
from streams.worker.unrestored import until_then
from streams.worker.writes import Write, size_of

__all__ = ["MessageLimit", "PartitionDelivery"]

log = structlog.get_logger()

_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 2.0
#: Bounds the check of rights.
_RIGHTS_SECONDS: Final = 5.0
#: Codes of a missing right; librdkafka does not say on which resource.
_NOT_ALLOWED: Final = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    }
)
#: The cluster is there all the same: it has named the leaders.
_NO_ANSWER: Final = frozenset(
    {
        KafkaError._TIMED_OUT,
        KafkaError._MSG_TIMED_OUT,
        KafkaError._TIMED_OUT_QUEUE,
        KafkaError._INCONSISTENT,  # of a commit whose records were not delivered
    }
)
_TOO_LARGE: Final = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE})

#: What a record of the topic is called in an obstacle.
_RECORD_NAMES: Final = {
    Topic.CAMPAIGN_CONTROL: "a command",
    Topic.BUDGET_ALERTS: "an alert",
    Topic.CONTROLLER_STATE: "a state record",
    Topic.DEAD_LETTERS: "a dead letter, as small as one can be,",
}

#: How many bytes a topic takes in one batch, as the broker says now; None where it does not say.
MessageLimit = Callable[[str], Awaitable[int | None]]


class PartitionDelivery:
    """The deliveries of one partition. `obstacle` is a sentence on why a flush is not committed, or None."""

    def __init__(
        self, writer: PartitionWriter, partition: int, settings: Settings, message_limit: MessageLimit
    ) -> None:
        self.obstacle: str | None = None
        self.stopped = asyncio.Event()  # set while there is an obstacle
        self.answers = 0  # how often the cluster has given a reason
        self._writer = writer
        self._partition = partition
        self._settings = settings
        self._message_limit = message_limit
        self._dead_letters = settings.topic(Topic.DEAD_LETTERS)
        self._record_names = {settings.topic(topic): name for topic, name in _RECORD_NAMES.items()}

    async def deliver(self, writes: Sequence[Write]) -> None:
        """Return when all of it is committed. Raises Fenced, TransactionLost or NotAllowed: the process must end."""
        pause = _FIRST_PAUSE_SECONDS
        while failures := await self._attempt(writes):
            worker_metrics.FLUSHES_FAILED.inc()
            if any(failure.code in _NOT_ALLOWED for failure in failures):
                await self._check_rights()
            writes, reduced = await self._reduced(writes, failures)
            if reduced:
                continue
            self._stop(await self._describe(failures, writes))
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        self._clear_obstacle()

    async def _attempt(self, writes: Sequence[Write]) -> list[TransactionFailure]:
        try:
            return await self._writer.attempt(writes)
        except TransactionLost:
            await self._check_rights()
            raise

    async def _check_rights(self) -> None:
        """Raise NotAllowed where a right is missing, which ends the process: no worker starts without it. Other
        failures of the check are ignored."""
        try:
            async with asyncio.timeout(_RIGHTS_SECONDS):
                await check_rights(self._settings, Process.WORKER)
        except NotAllowed:
            raise
        except (SpendgateError, aiokafka.errors.KafkaError, OSError):
            log.debug("rights_unknown", partition=self._partition)

    def leave(self) -> None:
        """The partition is owned no more: its metric is reset."""
        worker_metrics.STOPPED.labels(str(self._partition)).set(0)

    async def _reduced(
        self, writes: Sequence[Write], failures: list[TransactionFailure]
    ) -> tuple[Sequence[Write], bool]:
        """The writes of the next attempt, and whether they or their batches are smaller than before."""
        refused = [failure for failure in failures if failure.write and failure.code in REFUSALS]
        for topic in {failure.write.topic for failure in refused if failure.write and not failure.alone}:
            self._writer.narrow(topic)
        alone = {id(failure.write): failure.code for failure in refused if failure.alone}
        reduced = len(alone) < len(refused)
        replaced = []
        for write in writes:
            code = alone.get(id(write))
            replacement = write if code is None else await self._replacement(write, code)
            reduced = reduced or replacement is not write
            replaced.append(replacement)
        return replaced, reduced

    async def _replacement(self, write: Write, code: int) -> Write:
        """What can be written in place of a record that its topic refuses; the same record where nothing can."""
        if write.fallback:
            worker_metrics.DEAD_LETTERS.labels(RefusalReason.TOO_LARGE.value).inc()
            log.warning("copy_refused", topic=write.topic, partition=write.partition, bytes=size_of(write))
            return write.fallback
        if write.topic != self._dead_letters:
            return write
        size = size_of(write)
        limit = await self._reduced_limit(write.topic, size) if code in _TOO_LARGE else size
        dead_letter = fit(write, limit) or write
        if dead_letter is not write:
            log.warning("dead_letter_cut", partition=write.partition, bytes=size, kept_bytes=size_of(dead_letter))
        return dead_letter

    async def _reduced_limit(self, topic: str, size: int) -> int:
        limit = await self._message_limit(topic)
        # Refused though it is within the limit: another limit applies, or a new one is not in force yet.
        return limit if limit is not None and limit < size else size // 2

    def _stop(self, obstacle: str) -> None:
        if obstacle != self.obstacle:
            log.error("partition_stopped", partition=self._partition, why=obstacle)
        self.obstacle = obstacle
        self.stopped.set()
        worker_metrics.STOPPED.labels(str(self._partition)).set(1)

    def _clear_obstacle(self) -> None:
        if self.obstacle is None:
            return
        log.warning("partition_goes_on", partition=self._partition)
        self.obstacle = None
        self.stopped.clear()
        worker_metrics.STOPPED.labels(str(self._partition)).set(0)

    async def _describe(self, failures: list[TransactionFailure], writes: Sequence[Write]) -> str:
        """A sentence that says why nothing is written, and what to do.

        Counts an answer of the cluster in `answers`, which the watchdog takes for progress: while the cluster gives a
        reason, a restart of the process would not help, and would stop its other partitions.
        """
        failure = min(failures, key=lambda it: (it.code not in REFUSALS, it.write is None, it.code < 0))
        if failure.code > 0:
            self.answers += 1
            return await self._refused(failure)
        cluster = await self._writer.cluster()
        if cluster is None:
            return self._not_written(await explained(TimeoutError(failure.message), self._settings))
        failed = {(it.write.topic, it.write.partition) for it in failures if it.write}
        # Where the commit has failed, any of them may be meant.
        if unavailable := _unavailable(cluster, failed or {(it.topic, it.partition) for it in writes}):
            self.answers += 1
            return f"{unavailable}; partition {self._partition} is written again as soon as it can be."
        if failure.code in _NO_ANSWER:
            why = failure.message.rstrip(".")
            return f"Partition {self._partition} cannot be written: Kafka did not take it in time ({why})."
        return self._not_written(
            translated_answer(BrokerAnswer(failure.code, failure.message), self._settings, "Write")
        )

    def _not_written(self, why: SpendgateError) -> str:
        return f"Partition {self._partition} cannot be written: {why}"

    async def _refused(self, failure: TransactionFailure) -> str:
        write = failure.write
        if write is None or failure.code not in _TOO_LARGE:
            answer = BrokerAnswer(failure.code, failure.message, self._writer.resource(failure.code, write))
            return self._not_written(translated_answer(answer, self._settings, "Write"))
        limit, size = await self._message_limit(write.topic), size_of(write)
        limit_text = "too low" if limit is None else f"{limit:,}"
        return (
            f"max.message.bytes of {write.topic} is {limit_text}, {self._record_names.get(write.topic, 'a record')} "
            f"for partition {write.partition} with key {(write.key or b'')[:200].decode(errors='backslashreplace')!r} "
            f"has {size:,} bytes: raise it with `spendgate kafka kafka-configs --alter --entity-type topics "
            f"--entity-name {write.topic} --add-config max.message.bytes=1048588`. {until_then(self._partition)}"
        )


def _unavailable(cluster: Any, targets: Iterable[tuple[str, int]]) -> str | None:
    """The topic partition that is missing, has no leader or the fewest replicas in sync, as a clause: where a broker is
    away, many have one replica less, and take what is written all the same."""
    found: list[tuple[int, str, int, str]] = []
    for topic, number in targets:
        known = cluster.topics.get(topic)
        part = known.partitions.get(number) if known else None
        if part is None:
            found.append((-2, topic, number, "is not there"))
        elif part.leader < 0:
            found.append((-1, topic, number, "has no leader"))
        elif len(part.isrs) < len(part.replicas):
            in_sync = f"has {len(part.isrs)} of {len(part.replicas)} replicas in sync"
            found.append((len(part.isrs), topic, number, in_sync))
    if not found:
        return None
    _, topic, number, what = min(found)
    return f"{topic}, partition {number}, {what}"
