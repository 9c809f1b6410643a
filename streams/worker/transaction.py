"""The transactional producer of one owned partition. Opening it fences the worker that had it before.

librdkafka blocks while it talks to the broker, so each producer has a thread of its own and works in steps of at most
5 seconds.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from enum import Enum
from functools import cached_property, partial
from itertools import groupby
from operator import attrgetter
from time import monotonic
from typing import Any, Final, NamedTuple, TypeVar

import structlog
from confluent_kafka import KafkaError, KafkaException, Producer

from core.errors import Fenced, SpendgateError, TransactionLost
from core.moment import Moment
from streams.clock import current_moment
from streams.kafka.failures import BrokerAnswer, translated_answer
from streams.kafka.options import librdkafka_options
from streams.kafka.topics import Topic
from streams.settings import Settings
from streams.worker.committed_writes import CommittedWrites
from streams.worker.writes import Write, rounds, size_of

__all__ = ["REFUSALS", "NotOpened", "PartitionWriter", "TransactionFailure"]

log = structlog.get_logger()

#: Bytes of one batch; a topic that takes less is given less.
_BATCH_BYTES: Final = 900_000
#: The most bytes of one record for librdkafka, so that the topic's `max.message.bytes` alone decides.
_RECORD_BYTES: Final = 64 * 1024 * 1024
#: Records that the client is given by one call, which holds Python's lock for half a millisecond.
_AT_ONCE: Final = 1000
_STEP_SECONDS: Final = 5.0
#: How long a producer may take to open. Where a cluster loses a broker its coordinator moves within about as long.
_OPEN_SECONDS: Final = 10.0
#: Of a new producer, to connect to a broker.
_CONNECT_SECONDS: Final = 1.0
#: A record that is not delivered within this time has failed; shorter than the transaction's own timeout.
_DELIVERY_SECONDS: Final = 20.0
_TRANSACTION_SECONDS: Final = 60.0
#: How long batches of a topic stay small after it has refused one; its limit may have been raised since.
_NARROW_SECONDS: Final = 60.0
#: A transaction that failed sooner had brokers that lead all of its partitions, or will be tried again.
_IN_DOUBT_SECONDS: Final = 1.0
_OPTIONS: Final[dict[str, object]] = {
    "acks": "all",
    "linger.ms": 0,
    "batch.size": _BATCH_BYTES,
    "message.max.bytes": _RECORD_BYTES,
    "message.timeout.ms": int(_DELIVERY_SECONDS * 1000),
    "transaction.timeout.ms": int(_TRANSACTION_SECONDS * 1000),
    "queue.buffering.max.messages": 0,  # a flush is bounded by what is decided between two of them
    "delivery.report.only.error": True,
    # librdkafka waits for the end of the transaction before by retries; the first ones come soon.
    "retry.backoff.ms": 2,
    "retry.backoff.max.ms": 200,
    # A broker that keeps its connections and answers nothing is left for the one that leads meanwhile. What was sent to
    # it is sent again under the same numbers, so nothing is written twice.
    "socket.timeout.ms": 5000,
    "topic.metadata.refresh.interval.ms": 1000,
    # librdkafka asks for the coordinator of the transaction again when its connection to the one that it knows changes:
    # when it is lost, and each time that an attempt to have it back fails. By default one attempt may take 10 s with a
    # broker that stands still, and 30 s with a machine that is gone.
    "reconnect.backoff.max.ms": 250,
    "api.version.request.timeout.ms": 2000,
    "socket.connection.setup.timeout.ms": 5000,
}

#: What waiting raises when an error that is fatal to the producer comes meanwhile, as from being fenced: the client's
#: exception is lost in its C code at times. The step that ends the transaction then has the error.
_FATAL: Final = (KafkaException, SystemError)

#: Errors that are about the record itself: sent again unchanged, it would be refused again.
REFUSALS: Final = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_MSG_SIZE,
        KafkaError.INVALID_TIMESTAMP,
    }
)
#: Codes of records whose transaction has failed already, for a cause that only the commit reports.
_COLLATERAL: Final = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT, KafkaError._STATE})
_FENCED: Final = frozenset({KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH})

_Answer = TypeVar("_Answer")


class NotOpened(SpendgateError):
    """A producer was not opened in time; it may be tried again."""

    def __init__(self, transactional_id: str, why: str, needed: str = "__transaction_state") -> None:
        super().__init__(
            f"The producer {transactional_id} cannot be opened ({why.rstrip('.')}): start or mend the brokers that "
            f"have the replicas of {needed}."
        )


class TransactionFailure(NamedTuple):
    """Why a transaction was not committed: the error of one record, or (None) of the transaction itself."""

    write: Write | None
    code: int  # librdkafka's: the broker's codes are positive, its own are negative
    message: str
    alone: bool = True  # the record was the only one of its batch, so the error is about this record


class _Batch:
    """Records of one topic partition without headers, which the client is given by one call."""

    def __init__(self, writes: Sequence[Write]) -> None:
        self.writes = writes

    def find(self, message: Any) -> Write:
        """The record that the client's message is of, or one that equals it: of equal records that the topic refuses,
        each attempt replaces one."""
        return self._by_content[message.key(), message.value()]

    @cached_property
    def _by_content(self) -> dict[tuple[bytes | None, bytes | None], Write]:
        return {(write.key, write.value): write for write in self.writes}


class _Transaction(Enum):
    """The state of the producer's transaction."""

    NONE = "none"
    COMMITTING = "committing"  # asked for, and only asking again can tell whether it is done
    ABORTING = "aborting"  # the next step is to abort it


class PartitionWriter:
    """Writes each flush in one transaction. `committed` has what a former producer of this transactional id wrote: what
    Kafka has lost of it is written again first. `producer_class` is for tests that inject faults."""

    def __init__(
        self,
        transactional_id: str,
        settings: Settings,
        committed: CommittedWrites | None = None,
        *,
        producer_class: Callable[[dict[str, Any]], Any] = Producer,
    ) -> None:
        self._name = transactional_id
        self._settings = settings
        self._options = {**librdkafka_options(settings), **_OPTIONS, "transactional.id": transactional_id}
        self._producer_class = producer_class
        self._producer: Any = None
        self._transaction = _Transaction.NONE
        self._batch_bytes: dict[str, int] = {}  # by topic, where it is less
        self._narrowed_at = 0.0
        self._closing = False
        self._failures: list[TransactionFailure] = []
        self._round: Sequence[Write] = ()  # given to the client since it was last known to hold nothing
        self._given: list[Sequence[Write]] = []  # in this transaction, each part of one topic partition
        self._began_at: Moment = 0
        self._committed = committed or CommittedWrites(settings)
        self._again: list[Write] = []  # what Kafka has aborted of committed transactions
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=transactional_id)

    def take_committed(self) -> CommittedWrites:
        """What it has committed, for the next producer of this transactional id, which aborts an open transaction."""
        self._committed.doubt(self._given, current_moment())
        return self._committed

    async def open(self, patience_seconds: float = _OPEN_SECONDS) -> None:
        """Open the producer, which fences the former owner: afterwards the former owner can write nothing. Raises
        NotOpened where Kafka lets it wait for longer, by a step of at most 5 seconds."""
        await self._in_thread(partial(self._initialise, patience_seconds))

    def open_no_further(self) -> None:
        """Let `open` return at the end of its step of at most 5 seconds, whether it is done or not."""
        self._closing = True

    async def attempt(self, writes: Sequence[Write]) -> list[TransactionFailure]:
        """Write all of it in one transaction; returns no failures when it is committed.

        Otherwise nothing is committed, and the caller has to attempt the same writes again, or others in their place;
        after a failure without a record they must be the same, because their commit may be under way. Raises Fenced
        or TransactionLost when the process must end.
        """
        return await self._in_thread(partial(self._attempt, writes))

    def narrow(self, topic: str) -> None:
        """Halve the batches of the topic, down to single records: it has refused a batch, and which of its records is
        too large is not known."""
        self._batch_bytes[topic] = self._batch_bytes.get(topic, _BATCH_BYTES) // 2
        self._narrowed_at = monotonic()

    async def cluster(self) -> Any:
        """Metadata of the topics, asked now, as confluent_kafka.admin.ClusterMetadata; None when no broker answers."""
        return await self._in_thread(self._cluster)

    async def close(self) -> None:
        """Abort an open transaction and stop the thread."""
        self._closing = True
        await self._in_thread(self._release)
        self._thread.shutdown(wait=False)

    async def _in_thread(self, step: Callable[[], _Answer]) -> _Answer:
        return await asyncio.get_running_loop().run_in_executor(self._thread, step)

    def _initialise(self, patience_seconds: float) -> None:
        until = monotonic() + patience_seconds
        self._producer = self._producer_class(self._options)
        # Where it is not connected yet, the client asks for its coordinator only half a second later.
        with suppress(KafkaException):
            self._producer.list_topics(self._settings.topic(Topic.CONTROLLER_STATE), timeout=_CONNECT_SECONDS)
        while not self._closing:
            try:
                self._producer.init_transactions(_STEP_SECONDS)
                if self._committed.is_in_doubt:
                    self._write_lost()
                return
            except KafkaException as raised:
                error = raised.args[0]
                self._producer.poll(0)  # hands out what there is to log
                if not error.retriable() or error.fatal():
                    raise self._lost(error) from raised
                if monotonic() >= until:
                    raise NotOpened(self._name, error.str()) from raised

    def _write_lost(self) -> None:
        """Write what Kafka has lost of committed transactions, in a transaction of its own: the state is read next.
        Raises NotOpened where it does not take it now; the next producer finds out what of it was written."""
        try:
            failures = self._attempt(())
        except TransactionLost as lost:
            raise NotOpened(self._name, str(lost)) from lost
        if failures:
            needed = [f"{it.topic}, partition {it.partition}" for it in self._committed.endings()]
            raise NotOpened(self._name, failures[0].message, " and ".join(["__transaction_state", *needed]))

    def _find_lost(self) -> bool:
        """Find what Kafka has aborted of committed transactions, to be written again with the next one. False where
        that is not known yet.

        First a transaction is aborted in each partition: what is neither committed nor aborted there ends with it. It
        begins only when the one before has ended, as far as Kafka will end it."""
        self._begin()
        self._send(self._committed.endings())
        delivered = not self._failures and self._delivered()
        if not (self._abort() and delivered):
            return False
        try:
            self._again = self._committed.find_lost(lambda: self._closing)
        except KafkaException as raised:
            self._failures.append(TransactionFailure(None, raised.args[0].code(), raised.args[0].str()))
            return False
        if self._again:
            log.warning("committed_records_lost", producer=self._name, records=len(self._again))
        return True

    def _attempt(self, writes: Sequence[Write]) -> list[TransactionFailure]:
        self._failures, began = [], monotonic()
        if monotonic() - self._narrowed_at > _NARROW_SECONDS:
            self._batch_bytes.clear()
        if self._transaction is _Transaction.ABORTING and not self._abort():
            return self._failures
        if self._transaction is _Transaction.NONE:
            if self._committed.is_in_doubt and not self._find_lost():
                return self._failures_with_scope()
            self._begin()
            self._given = []
            self._send([*self._again, *writes] if self._again else writes)
            # A transaction that has failed is not committed, also where not all of it was sent.
            self._transaction = _Transaction.ABORTING if self._causes() else _Transaction.COMMITTING
        if self._transaction is _Transaction.COMMITTING:
            self._commit()
        failures = self._failures_with_scope()
        if failures and monotonic() - began > _IN_DOUBT_SECONDS:
            self._committed.doubt(self._given, current_moment())
        if self._transaction is _Transaction.ABORTING:
            self._failures = []  # those of an abort say nothing about a record
            self._abort(because=failures)
        return failures

    def _begin(self) -> None:
        try:
            self._producer.begin_transaction()
        except KafkaException as raised:
            raise self._lost(raised.args[0]) from raised
        self._transaction = _Transaction.ABORTING  # whatever happens before all of it is sent
        self._began_at = current_moment()

    def _send(self, writes: Sequence[Write]) -> None:
        """Hand the writes to the client, up to the first failure that is known."""
        for one_round in rounds(writes, self._batch_bytes):
            if self._round and not self._delivered():
                return
            self._round = one_round
            for batch in _batches(one_round):
                self._given.append(batch)
                if len(batch) == 1:
                    self._produce(batch[0])
                else:
                    self._produce_batch(batch)
                    with suppress(*_FATAL):
                        self._producer.poll(0)
                if self._failures:
                    return

    def _produce_batch(self, writes: Sequence[Write]) -> None:
        """As `_produce` does with each, for half of the CPU; the client takes no headers this way."""
        records: list[dict[str, Any]] = [{"key": write.key, "value": write.value} for write in writes]
        failed = partial(self._note_failure_in, _Batch(writes))
        if self._producer.produce_batch(writes[0].topic, records, writes[0].partition, failed) == len(writes):
            return
        for write, record in zip(writes, records, strict=True):
            if error := record.get("_error"):
                self._note_refused(write, error)

    def _produce(self, write: Write) -> None:
        failed = partial(self._note_failure, write)
        headers = list(write.headers)
        try:
            self._producer.produce(write.topic, write.value, write.key, write.partition, failed, headers=headers)
        except KafkaException as raised:
            self._note_refused(write, raised.args[0])
        except (BufferError, ValueError, TypeError) as error:
            # Headers that are no text, or more than fits into memory: nobody else can judge this record either.
            code = KafkaError._QUEUE_FULL if isinstance(error, BufferError) else KafkaError.INVALID_RECORD
            self._failures.append(TransactionFailure(write, code, str(error)))

    def _note_refused(self, write: Write, error: Any) -> None:
        """The client did not take the record."""
        if error.fatal():
            raise self._lost(error)
        self._failures.append(TransactionFailure(write, error.code(), error.str()))

    def _note_failure_in(self, batch: _Batch, error: Any, message: Any) -> None:
        self._note_failure(batch.find(message), error, message)

    def _note_failure(self, write: Write, error: Any, _message: object) -> None:
        self._failures.append(TransactionFailure(write, error.code(), error.str(), alone=False))

    def _delivered(self) -> bool:
        """Wait until every record is delivered or has failed; the client fails each after its delivery timeout."""
        until = monotonic() + _DELIVERY_SECONDS + _STEP_SECONDS
        while self._flush() and not self._failures:
            if self._closing or monotonic() > until:
                self._failures.append(TransactionFailure(None, KafkaError._TIMED_OUT, "the broker does not answer"))
        return not self._failures

    def _flush(self) -> int:
        """Wait for a step at most; returns how many records are still on the way."""
        try:
            return int(self._producer.flush(_STEP_SECONDS))
        except _FATAL:
            return len(self._producer)

    def _failures_with_scope(self) -> list[TransactionFailure]:
        """The failures so far, each with `alone` set: whether its record was the only one of a batch."""
        if not self._failures:
            return []
        at_once = Counter((write.topic, write.partition) for write in self._round)
        return [
            failure
            if failure.alone or failure.write is None
            else failure._replace(
                alone=at_once[failure.write.topic, failure.write.partition] == 1
                or size_of(failure.write) >= self._batch_bytes.get(failure.write.topic, _BATCH_BYTES)
            )
            for failure in self._causes() or self._failures
        ]

    def _causes(self) -> list[TransactionFailure]:
        return [failure for failure in self._failures if failure.code not in _COLLATERAL]

    def _commit(self) -> None:
        error = self._ended(self._producer.commit_transaction)
        if error is None:
            self._transaction, self._round = _Transaction.NONE, ()
            self._committed.note(self._given, self._began_at)
            self._given, self._again = [], []
        else:
            if not self._causes():
                self._failures.append(TransactionFailure(None, error.code(), error.str()))
            if not error.retriable():
                self._transaction = _Transaction.ABORTING

    def _abort(self, because: Sequence[TransactionFailure] = ()) -> bool:
        """Whether it is aborted; if not, the next attempt tries again. Raises TransactionLost where it cannot be: a
        transaction whose first partition was refused was never begun on the broker. `because` is then the cause."""
        error = self._ended(self._producer.abort_transaction)
        if error is None:
            self._transaction, self._round = _Transaction.NONE, ()
            return True
        if not error.retriable():
            raise self._lost(error, because)
        self._failures.append(TransactionFailure(None, error.code(), error.str()))
        return False

    def _ended(self, end: Callable[[float], None]) -> Any:
        """Commit or abort by `end`; returns None when it is done, else the error on which it has failed for now."""
        until = monotonic() + _DELIVERY_SECONDS
        while True:
            try:
                end(_STEP_SECONDS)
                return None
            except KafkaException as raised:
                error = raised.args[0]
                if error.fatal():
                    raise self._lost(error) from raised
                if not error.retriable() or self._closing or monotonic() > until:
                    return error

    def _lost(self, error: Any, because: Sequence[TransactionFailure] = ()) -> Exception:
        if error.code() in _FENCED:
            return Fenced(f"{self._name}: {Fenced.__doc__}")
        write, code, words, _ = because[0] if because else TransactionFailure(None, error.code(), error.str())
        why = translated_answer(BrokerAnswer(code, words, self.resource(code, write)), self._settings, "Write")
        return TransactionLost(f"{why} {TransactionLost.__doc__}")

    def resource(self, code: int, write: Write | None) -> str:
        """The topic or transactional id that an error is about, which librdkafka does not say; empty if unknown."""
        if code == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
            return self._name
        return write.topic if write else ""

    def _cluster(self) -> Any:
        with suppress(KafkaException):
            return self._producer.list_topics(timeout=_STEP_SECONDS)
        return None

    def _release(self) -> None:
        if self._producer is None:
            return
        if self._transaction is not _Transaction.NONE:
            self._producer.purge()
            with suppress(KafkaException):
                self._producer.abort_transaction(1.0)
        self._producer = None


def _batches(writes: Sequence[Write]) -> Iterator[Sequence[Write]]:
    """The writes in their order, parted so that the client can be given each part by one call: more than one record
    has one topic partition and no headers."""
    for (_, _, headers), alike in groupby(writes, key=attrgetter("topic", "partition", "headers")):
        part = list(alike)
        size = 1 if headers else _AT_ONCE
        yield from (part[at : at + size] for at in range(0, len(part), size))
