"""The transactional producer of one owned partition. Whoever opens it later fences whoever had it.

librdkafka blocks where it talks to the broker, so all of it happens in a thread of the writer's own, in steps of a few
seconds each.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from enum import Enum
from functools import partial
from itertools import zip_longest
from math import inf
from time import monotonic
from typing import Any, Final, NamedTuple, TypeVar

from confluent_kafka import KafkaError, KafkaException, Producer

from core.errors import Fenced, TransactionLost
from streams.kafka.failures import Answer, translated_answer
from streams.kafka.options import librdkafka_options
from streams.settings import Settings

__all__ = ["REFUSALS", "Failure", "PartitionWriter", "Write", "size_of"]

#: Bytes of one batch; a topic that takes less is given less.
_BATCH_BYTES: Final = 900_000
#: One record alone may have so many; what a topic takes is for its `max.message.bytes` to say.
_RECORD_BYTES: Final = 64 * 1024 * 1024
#: Upper bounds of what surrounds keys, values and headers in a batch of one record.
_BATCH_OVERHEAD: Final = 61 + 32
_HEADER_OVERHEAD: Final = 10
_STEP_SECONDS: Final = 5.0
#: Within these a record is on the broker or the transaction is aborted; well inside of the transaction's own time.
_DELIVERY_SECONDS: Final = 20.0
_TRANSACTION_SECONDS: Final = 60.0
#: How long small batches are made for a topic that has refused larger ones; its limit may have been raised since.
_NARROW_SECONDS: Final = 60.0
_OPTIONS: Final[dict[str, object]] = {
    "acks": "all",
    "linger.ms": 0,
    "batch.size": _BATCH_BYTES,
    "message.max.bytes": _RECORD_BYTES,
    "message.timeout.ms": int(_DELIVERY_SECONDS * 1000),
    "transaction.timeout.ms": int(_TRANSACTION_SECONDS * 1000),
    "queue.buffering.max.messages": 0,  # a flush is bounded by what is decided between two of them
    "delivery.report.only.error": True,
    # The wait for the end of the transaction before is a retry like others, and the first ones come soon.
    "retry.backoff.ms": 2,
    "retry.backoff.max.ms": 200,
    "reconnect.backoff.max.ms": 1000,
}

#: What is said of a record for what it is: sent again as it is, it would be refused again.
REFUSALS: Final = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_MSG_SIZE,
        KafkaError.INVALID_TIMESTAMP,
    }
)
#: What befalls a record because its transaction has failed already, for a reason that only the commit tells.
_COLLATERAL: Final = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT, KafkaError._STATE})
_FENCED: Final = frozenset({KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH})

_Answer = TypeVar("_Answer")


class Write(NamedTuple):
    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    instead: "Write | None" = None  # what is written when the topic refuses this one


class Failure(NamedTuple):
    """Why a transaction was not committed: what befell one record, or (None) the transaction itself."""

    write: Write | None
    code: int
    message: str
    alone: bool = True  # the record was the only one of its batch, so it is the one that is meant


class _Open(Enum):
    """How far the present transaction is."""

    NOTHING = "nothing"  # there is none
    COMMIT = "commit"  # asked for, and only asking again can tell whether it is done
    ABORT = "abort"


class PartitionWriter:
    """One transaction a flush. `producer_class` is for tests that put faults before the real one."""

    def __init__(
        self,
        transactional_id: str,
        settings: Settings,
        *,
        producer_class: Callable[[dict[str, Any]], Any] = Producer,
    ) -> None:
        self._name = transactional_id
        self._settings = settings
        self._options = {**librdkafka_options(settings), **_OPTIONS, "transactional.id": transactional_id}
        self._producer_class = producer_class
        self._producer: Any = None
        self._open = _Open.NOTHING
        self._batch_bytes: dict[str, int] = {}  # by topic, where it is less
        self._narrowed_at = 0.0
        self._closing = False
        self._failures: list[Failure] = []
        self._wave: Sequence[Write] = ()  # what was given to the client since it was last known to hold nothing
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=transactional_id)

    async def open(self) -> None:
        """Fence the former owner; afterwards nothing of it can be added to the topics."""
        await self._in_thread(self._initialise)

    async def attempt(self, writes: Sequence[Write]) -> list[Failure]:
        """One transaction with all of it; empty when it is committed. Otherwise nothing of it is, and the same writes,
        or others in their place, are to be given again; only after a failure without a record they must be the same,
        because their commit may be under way. Raises Fenced or TransactionLost when the process must end."""
        return await self._in_thread(partial(self._attempt, writes))

    def narrow(self, topic: str) -> None:
        """Send the topic smaller batches, down to single records: it refuses a batch of which nobody knows the record
        that is too large."""
        self._batch_bytes[topic] = self._batch_bytes.get(topic, _BATCH_BYTES) // 2
        self._narrowed_at = monotonic()

    async def cluster(self) -> Any:
        """What the client knows of topics and leaders, asked now; None when no broker answers."""
        return await self._in_thread(self._cluster)

    async def close(self) -> None:
        """Leave nothing behind that might still be committed."""
        self._closing = True
        await self._in_thread(self._release)
        self._thread.shutdown(wait=False)

    async def _in_thread(self, step: Callable[[], _Answer]) -> _Answer:
        return await asyncio.get_running_loop().run_in_executor(self._thread, step)

    def _initialise(self) -> None:
        self._producer = self._producer_class(self._options)
        while not self._closing:
            try:
                self._producer.init_transactions(_STEP_SECONDS)
                return
            except KafkaException as raised:
                error = raised.args[0]
                self._producer.poll(0)  # hands out what there is to log
                if not error.retriable() or error.fatal():
                    raise self._lost(error) from raised

    def _attempt(self, writes: Sequence[Write]) -> list[Failure]:
        self._failures = []
        if monotonic() - self._narrowed_at > _NARROW_SECONDS:
            self._batch_bytes.clear()
        if self._open is _Open.ABORT and not self._abort():
            return self._failures
        if self._open is _Open.NOTHING:
            self._begin()
            self._send(writes)
            # A transaction that has failed is not committed, also where not all of it was sent.
            self._open = _Open.ABORT if self._causes() else _Open.COMMIT
        if self._open is _Open.COMMIT:
            self._commit()
        failures = self._judged()
        if self._open is _Open.ABORT:
            self._failures = []  # those of an abort say nothing about a record
            self._abort(because=failures)
        return failures

    def _begin(self) -> None:
        try:
            self._producer.begin_transaction()
        except KafkaException as raised:
            raise self._lost(raised.args[0]) from raised
        self._open = _Open.ABORT  # whatever happens before all of it is sent

    def _send(self, writes: Sequence[Write]) -> None:
        """Hand all of it to the client, or as much as goes before a failure is known."""
        for wave in self._waves(writes):
            if self._wave and not self._delivered():
                return
            self._wave = wave
            for number, write in enumerate(wave, 1):
                self._produce(write)
                if number % 1000 == 0:
                    self._producer.poll(0)
                if self._failures:
                    return

    def _produce(self, write: Write) -> None:
        topic, partition, key, value, headers, _ = write
        failed = partial(self._failed, write)
        try:
            if headers:
                self._producer.produce(topic, value, key, partition, failed, headers=list(headers))
            else:
                self._producer.produce(topic, value, key, partition, failed)
        except KafkaException as raised:
            error = raised.args[0]
            if error.fatal():
                raise self._lost(error) from raised
            self._failures.append(Failure(write, error.code(), error.str()))
        except (BufferError, ValueError, TypeError) as error:
            # Headers that are no text, or more than fits into memory: nobody else can judge this record either.
            code = KafkaError._QUEUE_FULL if isinstance(error, BufferError) else KafkaError.INVALID_RECORD
            self._failures.append(Failure(write, code, str(error)))

    def _failed(self, write: Write, error: Any, _message: object) -> None:
        self._failures.append(Failure(write, error.code(), error.str(), alone=False))

    def _waves(self, writes: Sequence[Write]) -> Iterator[Sequence[Write]]:
        """What may be with the client at once, so that no batch is larger than its topic takes: usually all of it."""
        if not self._batch_bytes:
            yield writes
            return
        batches: defaultdict[tuple[str, int], list[list[Write]]] = defaultdict(lambda: [[]])
        room: dict[tuple[str, int], float] = {}
        for write in writes:
            place, size = (write.topic, write.partition), size_of(write)
            left = room.get(place, inf) - size
            if left < 0:
                batches[place].append([])
            if left < 0 or place not in room:
                left = self._batch_bytes.get(write.topic, inf) - size
            room[place] = left
            batches[place][-1].append(write)
        for wave in zip_longest(*batches.values(), fillvalue=()):
            yield [write for batch in wave for write in batch]

    def _delivered(self) -> bool:
        """Wait until the client holds nothing more; it gives up each record in time by itself."""
        until = monotonic() + _DELIVERY_SECONDS + _STEP_SECONDS
        while self._producer.flush(_STEP_SECONDS) and not self._failures:
            if self._closing or monotonic() > until:
                self._failures.append(Failure(None, KafkaError._TIMED_OUT, "the broker does not answer"))
        return not self._failures

    def _judged(self) -> list[Failure]:
        """The failures so far, each with whether it is about its record alone."""
        at_once = Counter((write.topic, write.partition) for write in self._wave)
        return [
            failure
            if failure.alone or failure.write is None
            else failure._replace(
                alone=at_once[failure.write.topic, failure.write.partition] == 1
                or size_of(failure.write) >= self._batch_bytes.get(failure.write.topic, _BATCH_BYTES)
            )
            for failure in self._causes() or self._failures
        ]

    def _causes(self) -> list[Failure]:
        return [failure for failure in self._failures if failure.code not in _COLLATERAL]

    def _commit(self) -> None:
        error = self._ended(self._producer.commit_transaction)
        if error is None:
            self._open, self._wave = _Open.NOTHING, ()
        else:
            if not self._causes():
                self._failures.append(Failure(None, error.code(), error.str()))
            if not error.retriable():
                self._open = _Open.ABORT

    def _abort(self, because: Sequence[Failure] = ()) -> bool:
        """Whether it is done; the next attempt tries again. A transaction that was never begun on the broker, because
        its first partition was refused, cannot be aborted there: then the refusal is the reason, and not that."""
        error = self._ended(self._producer.abort_transaction)
        if error is None:
            self._open, self._wave = _Open.NOTHING, ()
            return True
        if not error.retriable():
            raise self._lost(error, because)
        self._failures.append(Failure(None, error.code(), error.str()))
        return False

    def _ended(self, end: Callable[[float], None]) -> Any:
        """End the transaction, or the error on which that has failed for now."""
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

    def _lost(self, error: Any, because: Sequence[Failure] = ()) -> Exception:
        if error.code() in _FENCED:
            return Fenced(f"{self._name}: {Fenced.__doc__}")
        write, code, words, _ = because[0] if because else Failure(None, error.code(), error.str())
        why = translated_answer(Answer(code, words, self.resource(code, write)), self._settings, "Write")
        return TransactionLost(f"{why} {TransactionLost.__doc__}")

    def resource(self, code: int, write: Write | None) -> str:
        """What an answer with this code was about, which librdkafka does not say; empty where it cannot be known."""
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
        if self._open is not _Open.NOTHING:
            self._producer.purge()
            with suppress(KafkaException):
                self._producer.abort_transaction(1.0)
        self._producer = None


def size_of(write: Write) -> int:
    """Bytes of a batch that holds it alone, at most."""
    headers = sum(
        len(name.encode(errors="replace")) + len(value or b"") + _HEADER_OVERHEAD for name, value in write.headers
    )
    return _BATCH_OVERHEAD + len(write.key or b"") + len(write.value or b"") + headers
