"""The real writer on a real broker, with faults put before its client: all of a flush is committed, or nothing."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from functools import partial
from math import inf
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from core.errors import Fenced, TransactionLost
from streams.clock import current_moment
from streams.kafka.options import librdkafka_options
from streams.kafka.topics import Topic
from streams.settings import Settings
from streams.worker.committed_writes import CommittedWrites
from streams.worker.transaction import _AT_ONCE, NotOpened, PartitionWriter
from streams.worker.writes import Write
from tests.topics import make_topics

#: Every error that a broker can answer, and those by which the client gives up a record.
CODES = sorted(
    {code for name in dir(KafkaError) if name.isupper() and isinstance(code := getattr(KafkaError, name), int)}
)
BROKER_CODES = [code for code in CODES if code > 0]
#: Of a record whose transaction has failed before; the commit says why.
COLLATERAL = {KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT, KafkaError._STATE}
LOCAL_CODES = [KafkaError._MSG_TIMED_OUT, KafkaError._TRANSPORT, KafkaError._UNKNOWN_PARTITION, *COLLATERAL]
TOPICS = (Topic.CONTROLLER_STATE, Topic.CAMPAIGN_CONTROL)
#: The topic of each record: three that the client is given at once, and two by themselves.
LAYOUT = (0, 0, 0, 1, 0)
RECORDS = len(LAYOUT)


class FaultyProducer:
    """librdkafka's producer, but for the fault that is set."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.real = Producer(options)
        self.lost: dict[int, int] = {}  # record of the transaction -> error of its delivery
        self.refused: dict[int, Exception] = {}  # record -> raised when it is handed over
        self.on_commit: list[KafkaError] = []
        self.on_abort: list[KafkaError] = []
        self._number = 0
        self._failing: list[Callable[[], None]] = []

    def begin_transaction(self) -> None:
        self._number = 0
        self.real.begin_transaction()

    def produce(self, topic: str, value: Any, key: Any, partition: int, failed: Any, headers: Any = None) -> None:
        self._number += 1
        if self._number in self.refused:
            raise self.refused.pop(self._number)
        if self._number in self.lost:
            error = KafkaError(self.lost.pop(self._number))
            self._failing.append(lambda: failed(error, None))
            return
        self.real.produce(topic, value, key, partition, failed, headers=headers or [])

    def produce_batch(self, topic: str, records: list[dict[str, Any]], partition: int, failed: Any) -> int:
        given = []
        for record in records:
            self._number += 1
            if refused := self.refused.pop(self._number, None):
                record["_error"] = _answer_of(refused)
            elif self._number in self.lost:
                error, message = KafkaError(self.lost.pop(self._number)), Message(**record)
                self._failing.append(partial(failed, error, message))
            else:
                given.append(record)
        return self.real.produce_batch(topic, given, partition, failed)

    def flush(self, seconds: float) -> int:
        self._tell()
        return self.real.flush(seconds)

    def commit_transaction(self, seconds: float) -> None:
        if self._failing:
            self.real.flush(seconds)
            self._tell()
            raise KafkaException(KafkaError(KafkaError._INCONSISTENT, "a record failed", False, False, True))
        if self.on_commit:
            raise KafkaException(self.on_commit.pop(0))
        self.real.commit_transaction(seconds)

    def abort_transaction(self, seconds: float) -> None:
        if self.on_abort:
            raise KafkaException(self.on_abort.pop(0))
        self.real.abort_transaction(seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def _tell(self) -> None:
        failing, self._failing = self._failing, []
        for tell in failing:
            tell()


def _answer_of(refused: Exception) -> KafkaError:
    """What the client says of a record that it does not take among others, where it would raise for one alone."""
    return refused.args[0] if isinstance(refused, KafkaException) else KafkaError(KafkaError.INVALID_RECORD)


class Bench:
    """A writer, and a reader of what it commits."""

    def __init__(self, settings: Settings, reader: AIOKafkaConsumer) -> None:
        self.topics = [settings.topic(topic) for topic in TOPICS]
        self.writer = self.another(settings)
        #: By key, of the committed records that have some.
        self.headers: dict[bytes, tuple[tuple[str, bytes], ...]] = {}
        self._reader = reader
        self._flushes = 0

    def another(self, settings: Settings) -> PartitionWriter:
        name = settings.topic("worker-0")
        return PartitionWriter(name, settings, producer_class=FaultyProducer)

    @property
    def faults(self) -> FaultyProducer:
        producer: FaultyProducer = self.writer._producer
        return producer

    def flush(self) -> list[Write]:
        self._flushes += 1
        return [Write(self.topics[of], 0, b"%d/%d" % (self._flushes, n), b"x") for n, of in enumerate(LAYOUT)]

    async def committed(self, least: int = 0) -> Counter[bytes]:
        """Keys of everything committed since the last call, of a topic in their order. A commit returns before its
        records can be read, so that whoever has committed says how many must come at `least`."""
        parts = [TopicPartition(topic, 0) for topic in self.topics]
        ends = await self._reader.end_offsets(parts)
        keys: Counter[bytes] = Counter()
        async with asyncio.timeout(60):
            while keys.total() < least or any([await self._reader.position(part) < end for part, end in ends.items()]):
                for records in (await self._reader.getmany(timeout_ms=50)).values():
                    keys.update(record.key for record in records)
                    self.headers.update((it.key, tuple(it.headers)) for it in records if it.headers)
        return keys


@pytest.fixture
async def bench(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    # Also on a busy machine the faults are for the transactions of the test, and not for one that ends others.
    monkeypatch.setattr("streams.worker.transaction._IN_DOUBT_SECONDS", inf)
    settings = settings.replace(partitions=1)
    await make_topics(settings, *TOPICS)
    reader = AIOKafkaConsumer(
        bootstrap_servers=settings.brokers, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    await reader.start()
    bench = Bench(settings, reader)
    reader.assign([TopicPartition(topic, 0) for topic in bench.topics])
    await bench.writer.open()
    yield bench
    await bench.writer.close()
    await reader.stop()


def keys_of(writes: list[Write]) -> Counter[bytes]:
    return Counter(write.key or b"" for write in writes)


async def test_an_error_of_any_kind_at_any_record_leaves_nothing_and_the_same_writes_go_again(bench: Bench) -> None:
    for code in (*BROKER_CODES, *LOCAL_CODES):
        for number in (1, RECORDS) if code % 2 else (2,):
            writes = bench.flush()
            bench.faults.lost = {number: code}
            failures = await bench.writer.attempt(writes)
            told = [(None, KafkaError._INCONSISTENT)] if code in COLLATERAL else [(writes[number - 1], code)]
            assert [(it.write, it.code) for it in failures] == told
            assert await bench.committed() == Counter(), code
            assert await bench.writer.attempt(writes) == []
            assert await bench.committed(RECORDS) == keys_of(writes), code


@pytest.mark.parametrize(
    "raised",
    [
        KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)),
        KafkaException(KafkaError(KafkaError._UNKNOWN_PARTITION)),
        UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed"),
        BufferError("Local: Queue full"),
        TypeError("no bytes"),
    ],
)
async def test_a_record_that_the_client_does_not_even_take_aborts_the_flush(bench: Bench, raised: Exception) -> None:
    for number in range(1, RECORDS + 1):
        writes = bench.flush()
        bench.faults.refused = {number: raised}
        (failure,) = await bench.writer.attempt(writes)
        assert failure.write == writes[number - 1]
        assert failure.alone
        assert await bench.committed() == Counter()
        assert await bench.writer.attempt(writes) == []
        assert await bench.committed(RECORDS) == keys_of(writes)


async def test_more_records_than_the_client_is_given_at_once_are_read_in_their_order_also_around_headers(
    bench: Bench,
) -> None:
    headers = (("traceparent", b"00"),)
    with_headers = {_AT_ONCE + 700, _AT_ONCE + 701}
    writes = [
        Write(bench.topics[0], 0, b"%d" % number, b"x", headers if number in with_headers else ())
        for number in range(3 * _AT_ONCE + 1)
    ]
    assert await bench.writer.attempt(writes) == []
    committed = await bench.committed(len(writes))
    assert list(committed) == [write.key for write in writes]
    assert committed == keys_of(writes)
    assert bench.headers == {write.key: headers for write in writes if write.headers}


async def test_a_commit_that_must_be_aborted_is_written_again(bench: Bench) -> None:
    for code in (KafkaError.NOT_ENOUGH_REPLICAS, KafkaError.INVALID_PRODUCER_ID_MAPPING, KafkaError._TIMED_OUT):
        writes = bench.flush()
        bench.faults.on_commit = [KafkaError(code, "why", False, False, True)]
        (failure,) = await bench.writer.attempt(writes)
        assert (failure.write, failure.code) == (None, code)
        assert await bench.committed() == Counter()
        assert await bench.writer.attempt(writes) == []
        assert await bench.committed(RECORDS) == keys_of(writes)


async def test_a_commit_whose_answer_is_awaited_is_asked_for_again_and_never_aborted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.worker.transaction._DELIVERY_SECONDS", 0.0)
    writes = bench.flush()
    bench.faults.on_commit = [KafkaError(KafkaError._TIMED_OUT, "why", False, True, False)]
    bench.faults.on_abort = [KafkaError(KafkaError._STATE, "nobody may abort it", True, False, False)]
    (failure,) = await bench.writer.attempt(writes)
    assert failure.write is None
    assert await bench.writer.attempt(writes) == []
    assert await bench.committed(RECORDS) == keys_of(writes)


async def test_an_abort_that_is_not_answered_is_finished_before_anything_is_written(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.worker.transaction._DELIVERY_SECONDS", 0.0)
    writes = bench.flush()
    bench.faults.lost = {2: KafkaError.NOT_ENOUGH_REPLICAS}
    bench.faults.on_abort = [KafkaError(KafkaError._TIMED_OUT, "why", False, True, False)] * 2
    assert await bench.writer.attempt(writes)
    assert await bench.writer.attempt(writes)
    assert await bench.writer.attempt(writes) == []
    assert await bench.committed(RECORDS) == keys_of(writes)


async def test_a_commit_that_tells_of_another_owner_is_raised(bench: Bench) -> None:
    bench.faults.on_commit = [KafkaError(KafkaError._FENCED, "why", True, False, False)]
    with pytest.raises(Fenced):
        await bench.writer.attempt(bench.flush())
    assert await bench.committed() == Counter()


async def test_an_abort_that_can_never_be_done_ends_the_process(bench: Bench) -> None:
    bench.faults.lost = {1: KafkaError.NOT_ENOUGH_REPLICAS}
    bench.faults.on_abort = [KafkaError(KafkaError._STATE, "why", True, False, False)]
    with pytest.raises(TransactionLost):
        await bench.writer.attempt(bench.flush())
    assert await bench.committed() == Counter()


async def test_a_writer_that_was_fenced_writes_nothing_more(bench: Bench, settings: Settings) -> None:
    assert await bench.writer.attempt(bench.flush()) == []
    await bench.committed(RECORDS)
    new = bench.another(settings)
    await new.open()
    with pytest.raises(Fenced):
        await bench.writer.attempt(bench.flush())
    writes = bench.flush()
    assert await new.attempt(writes) == []
    assert await bench.committed(RECORDS) == keys_of(writes)
    await new.close()


async def test_what_is_lost_stays_in_doubt_until_it_is_committed_again(bench: Bench, settings: Settings) -> None:
    """As where Kafka has aborted what it had committed, and the commit by which it is written again is refused too."""

    def refusing(options: dict[str, Any]) -> FaultyProducer:
        producer = FaultyProducer(options)
        producer.on_commit = [KafkaError(KafkaError.NOT_ENOUGH_REPLICAS, "why", False, False, True)]
        return producer

    lost = [Write(bench.topics[1], 0, b"lost", b"x")]
    assert await bench.writer.attempt(bench.flush()) == []
    await bench.committed(RECORDS)
    committed = bench.writer.take_committed()
    committed.note([lost], current_moment())
    committed.doubt([lost], current_moment())
    name = settings.topic("worker-0")
    refused = PartitionWriter(name, settings, committed, producer_class=refusing)
    with pytest.raises(NotOpened, match=f"{bench.topics[1]}, partition 0"):
        await refused.open()
    await refused.close()
    assert await bench.committed() == Counter()
    new = PartitionWriter(name, settings, refused.take_committed())
    await new.open()
    assert await bench.committed(1) == keys_of(lost)
    assert await new.attempt([]) == []
    await new.close()
    assert await bench.committed() == Counter()


@pytest.mark.parametrize("forgotten", [False, True])
async def test_what_the_open_transaction_of_another_hides_is_not_lost(
    bench: Bench, settings: Settings, monkeypatch: pytest.MonkeyPatch, forgotten: bool
) -> None:
    """Every partition of the worker writes commands to the same topic partitions. Only where the other transaction does
    not end is what it hides written again: a second time is better than never."""
    monkeypatch.setattr("streams.worker.committed_writes._SILENT_SECONDS", 3.0)
    monkeypatch.setattr("streams.worker.committed_writes._HIDDEN_SECONDS", 0.0 if forgotten else inf)
    other = Producer({**librdkafka_options(settings), "transactional.id": settings.topic("worker-1")})
    other.init_transactions(60)
    other.begin_transaction()
    other.produce(bench.topics[1], b"x", b"other", 0)
    assert other.flush(60) == 0
    mine = [Write(bench.topics[1], 0, b"mine", b"x")]
    assert await bench.writer.attempt(mine) == []
    committed = bench.writer.take_committed()
    committed.doubt([mine], current_moment())
    waiting = PartitionWriter(settings.topic("worker-0"), settings, committed)
    with pytest.raises(NotOpened, match=f"{bench.topics[1]}, partition 0"):
        await waiting.open()
    await waiting.close()
    if not forgotten:
        other.commit_transaction(60)
    new = PartitionWriter(settings.topic("worker-0"), settings, waiting.take_committed())
    await new.open()
    if forgotten:
        other.commit_transaction(60)
    last = [Write(bench.topics[1], 0, b"last", b"x")]
    assert await new.attempt(last) == []
    await new.close()
    assert await bench.committed(3 + forgotten) == Counter({b"other": 1, b"mine": 1 + forgotten, b"last": 1})


def test_copies_of_spend_that_were_young_when_they_came_in_doubt_stay_so(settings: Settings) -> None:
    copies = [Write(settings.topic(Topic.SPEND_EVENTS), 0, b"brand", b"{}")]
    for now, is_in_doubt in ((120_000, True), (120_001, False)):
        committed = CommittedWrites(settings)
        committed.note([copies], 0)
        committed.doubt([copies], now)
        assert committed.is_in_doubt is is_in_doubt
        assert len(committed.endings()) == is_in_doubt
