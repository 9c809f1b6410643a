"""Gets the writes of one flush onto the broker, all of them or none, however long that takes, and says what is in the
way. What cannot be taken for its size is made to fit; what must be taken as it is waits until it is."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

import aiokafka.errors
import structlog
from confluent_kafka import KafkaError

from core.errors import NotAllowed, SpendgateError, TransactionLost
from core.refusal import RefusalReason
from streams.kafka.failures import Answer, explained, translated_answer
from streams.kafka.missing_rights import check_rights
from streams.kafka.rights import Process
from streams.kafka.topics import Topic
from streams.settings import Settings
from streams.worker import worker_metrics
from streams.worker.fitting import fit
from streams.worker.transaction import REFUSALS, Failure, PartitionWriter, Write, size_of

__all__ = ["Delivery", "MessageLimit"]

log = structlog.get_logger()

_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 2.0
_RIGHTS_SECONDS: Final = 5.0
#: A right is missing, and librdkafka does not say on what.
_NOT_ALLOWED: Final = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    }
)
_TOO_LARGE: Final = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE})

_CALLED: Final = {
    Topic.CAMPAIGN_CONTROL: "a command",
    Topic.BUDGET_ALERTS: "an alert",
    Topic.CONTROLLER_STATE: "a state record",
    Topic.DEAD_LETTERS: "a dead letter, as small as one can be,",
}

#: How many bytes a topic takes in one batch, as the broker says now; None where it does not say.
MessageLimit = Callable[[str], Awaitable[int | None]]


class Delivery:
    """One partition's. `obstacle` is a sentence as long as a flush does not get through."""

    def __init__(
        self, writer: PartitionWriter, partition: int, settings: Settings, message_limit: MessageLimit
    ) -> None:
        self.obstacle: str | None = None
        self.stopped = asyncio.Event()  # set while there is an obstacle
        self.answers = 0  # grows with every reason that the cluster gives
        self._writer = writer
        self._partition = partition
        self._settings = settings
        self._message_limit = message_limit
        self._dead_letters = settings.topic(Topic.DEAD_LETTERS)
        self._called = {settings.topic(topic): name for topic, name in _CALLED.items()}

    async def deliver(self, writes: Sequence[Write]) -> None:
        """Returns when all of it is committed. Raises when the process must end."""
        pause = _FIRST_PAUSE_SECONDS
        while failures := await self._attempt(writes):
            worker_metrics.FLUSHES_FAILED.inc()
            if any(failure.code in _NOT_ALLOWED for failure in failures):
                await self._look_for_rights()
            writes, lighter = await self._lightened(writes, failures)
            if lighter:
                continue
            self._stop(await self._sentence(failures))
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        self._go_on()

    async def _attempt(self, writes: Sequence[Write]) -> list[Failure]:
        try:
            return await self._writer.attempt(writes)
        except TransactionLost:
            await self._look_for_rights()
            raise

    async def _look_for_rights(self) -> None:
        """Raise NotAllowed where a right is missing, which ends the process: none can start without it. What else
        keeps that from being found out tells nothing new."""
        try:
            async with asyncio.timeout(_RIGHTS_SECONDS):
                await check_rights(self._settings, Process.WORKER)
        except NotAllowed:
            raise
        except (SpendgateError, aiokafka.errors.KafkaError, OSError):
            log.debug("rights_unknown", partition=self._partition)

    def leave(self) -> None:
        """The partition is somebody else's."""
        worker_metrics.STOPPED.labels(str(self._partition)).set(0)

    async def _lightened(self, writes: Sequence[Write], failures: list[Failure]) -> tuple[Sequence[Write], bool]:
        """The writes of the next attempt, and whether it may be better off for it."""
        refused = [failure for failure in failures if failure.write and failure.code in REFUSALS]
        for topic in {failure.write.topic for failure in refused if failure.write and not failure.alone}:
            self._writer.narrow(topic)
        alone = {id(failure.write): failure.code for failure in refused if failure.alone}
        lighter = len(alone) < len(refused)
        changed = []
        for write in writes:
            code = alone.get(id(write))
            other = write if code is None else await self._other(write, code)
            lighter = lighter or other is not write
            changed.append(other)
        return changed, lighter

    async def _other(self, write: Write, code: int) -> Write:
        """What can be written in place of one that its topic refuses; the same where nothing can."""
        if write.instead:
            worker_metrics.DEAD_LETTERS.labels(RefusalReason.TOO_LARGE.value).inc()
            log.warning("copy_refused", topic=write.topic, partition=write.partition, bytes=size_of(write))
            return write.instead
        if write.topic != self._dead_letters:
            return write
        size = size_of(write)
        letter = fit(write, await self._smaller(write.topic, size) if code in _TOO_LARGE else size) or write
        if letter is not write:
            log.warning("dead_letter_cut", partition=write.partition, bytes=size, kept_bytes=size_of(letter))
        return letter

    async def _smaller(self, topic: str, size: int) -> int:
        limit = await self._message_limit(topic)
        # Refused though it is within the limit: another one is in the way, or the one told is not in force yet.
        return limit if limit is not None and limit < size else size // 2

    def _stop(self, obstacle: str) -> None:
        if obstacle != self.obstacle:
            log.error("partition_stopped", partition=self._partition, why=obstacle)
        self.obstacle = obstacle
        self.stopped.set()
        worker_metrics.STOPPED.labels(str(self._partition)).set(1)

    def _go_on(self) -> None:
        if self.obstacle is None:
            return
        log.warning("partition_goes_on", partition=self._partition)
        self.obstacle = None
        self.stopped.clear()
        worker_metrics.STOPPED.labels(str(self._partition)).set(0)

    async def _sentence(self, failures: list[Failure]) -> str:
        """Why nothing is written, and what to do. An answer of the cluster counts as a step: as long as it says what
        is in the way, ending the process would bring nothing nearer, and would stop its other partitions."""
        failure = min(failures, key=lambda it: (it.code not in REFUSALS, it.write is None, it.code < 0))
        if failure.code > 0:
            self.answers += 1
            return await self._refused(failure)
        cluster = await self._writer.cluster()
        if cluster is None:
            return self._unwritten(await explained(TimeoutError(failure.message), self._settings))
        places = {(it.write.topic, it.write.partition) for it in failures if it.write}
        if lacking := _lacking(cluster, places):
            self.answers += 1
            return f"{lacking}; partition {self._partition} is written again as soon as it can be."
        return self._unwritten(translated_answer(Answer(failure.code, failure.message), self._settings, "Write"))

    def _unwritten(self, why: SpendgateError) -> str:
        return f"Partition {self._partition} cannot be written: {why}"

    async def _refused(self, failure: Failure) -> str:
        write = failure.write
        if write is None or failure.code not in _TOO_LARGE:
            answer = Answer(failure.code, failure.message, self._writer.resource(failure.code, write))
            return self._unwritten(translated_answer(answer, self._settings, "Write"))
        limit, size = await self._message_limit(write.topic), size_of(write)
        told = "too low" if limit is None else f"{limit:,}"
        return (
            f"max.message.bytes of {write.topic} is {told}, {self._called.get(write.topic, 'a record')} for partition "
            f"{write.partition} with key {(write.key or b'')[:200].decode(errors='backslashreplace')!r} has {size:,} "
            "bytes: raise it with `spendgate kafka kafka-configs --alter --entity-type topics --entity-name "
            f"{write.topic} --add-config max.message.bytes=1048588`. Until then partition {self._partition} decides "
            "nothing."
        )


def _lacking(cluster: Any, places: Iterable[tuple[str, int]]) -> str | None:
    """What the cluster says is missing where something was to be written."""
    for topic, number in sorted(places):
        known = cluster.topics.get(topic)
        part = known.partitions.get(number) if known else None
        if part is None:
            return f"{topic}, partition {number}, is not there"
        if part.leader < 0:
            return f"{topic}, partition {number}, has no leader"
        if len(part.isrs) < len(part.replicas):
            return f"{topic}, partition {number}, has {len(part.isrs)} of {len(part.replicas)} replicas in sync"
    return None
