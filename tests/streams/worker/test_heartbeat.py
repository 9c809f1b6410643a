"""control-heartbeat on a real broker: once a second and in time, silent where nobody decides, and true."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from spendgate_control import ControlReader, Doubt, Policy

from core.moment import parse_moment
from core.partitioner import partition_of
from core.records import ControlHeartbeat
from streams.kafka.codec import decode_command
from streams.kafka.topics import INPUTS, Topic
from streams.settings import Settings, Timestamps
from tests.streams.broker import PATIENCE_SECONDS, Broker, brand_in
from tests.streams.conftest import StartWorker
from tests.streams.contradictions import contradictions
from tests.streams.worker_process import WorkerProcess

#: The broker's time, by which records arrive.
pytestmark = pytest.mark.parametrize("timestamps", [Timestamps.APPEND])

decode = msgspec.json.Decoder(ControlHeartbeat).decode


#: So many campaigns come while one transaction of a stranger is open: about a second's.
_CAMPAIGNS_HIDDEN = 40

#: So often may other work on the machine keep a worker from its turn.
_WINDOWS = 6


@dataclass
class Beat:
    written_at: float  # by the broker's clock, in seconds
    seen_at: float
    message: ControlHeartbeat
    #: The commands that the same reader had when it had read up to the heartbeat's `control_offsets`, by campaign.
    commands: frozenset[tuple[str, int]] = frozenset()


class Listener:
    """A read_committed reader of heartbeats and commands. A heartbeat counts when the commands were read up to the
    offsets that it names (docs/contract.md, "control-heartbeat")."""

    def __init__(self, settings: Settings, consumer: AIOKafkaConsumer) -> None:
        self.beats: defaultdict[int, list[Beat]] = defaultdict(list)
        self._commands: set[tuple[str, int]] = set()
        self._ahead: list[Beat] = []  # do not count yet
        self._settings = settings
        self._consumer = consumer

    async def listen(self, seconds: float) -> float:
        """Returns when it began to."""
        began = time.time()
        async with asyncio.timeout(seconds + PATIENCE_SECONDS):
            while time.time() < began + seconds:
                await self._read()
        return began

    async def undisturbed(self, partitions: Iterable[int], seconds: float, longest: float) -> float:
        """Listens for so long until no partition was silent for `longest` meanwhile; returns when that began.

        A worker that beats too seldom never passes; one that a busy machine kept from its turn passes the next time.
        """
        for _ in range(_WINDOWS):
            began = await self.listen(seconds)
            silences = [_longest_silence(self.since(it, began), began, began + seconds) for it in partitions]
            if max(silences) < longest:
                break
        return began

    async def until_all_beat(self, since: float = 0) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while any(not self.since(number, since) for number in range(self._settings.partitions)):
                await self._read()

    async def until_all_count(self) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self._ahead:
                await self._read()

    def since(self, partition: int, moment: float) -> list[Beat]:
        return [beat for beat in self.beats[partition] if beat.written_at >= moment]

    async def _read(self) -> None:
        for tp, records in (await self._consumer.getmany(timeout_ms=20)).items():
            if tp.topic == self._settings.topic(Topic.CONTROL_HEARTBEAT):
                self._take_beats(records)
            else:
                self._commands |= {(it.campaign_id, it.sequence) for it in map(decode_command, map(_value, records))}
        control = self._settings.topic(Topic.CAMPAIGN_CONTROL)
        tps = [TopicPartition(control, number) for number in range(self._settings.partitions)]
        read = [await self._consumer.position(tp) for tp in tps]
        for beat in [it for it in self._ahead if _all_below(it.message.control_offsets, read)]:
            beat.commands = frozenset(self._commands)
            self._ahead.remove(beat)

    def _take_beats(self, records: Iterable[ConsumerRecord]) -> None:
        for record in records:
            assert record.key == str(record.partition).encode()
            message = decode(_value(record))
            assert message.partition == record.partition
            self._ahead.append(Beat(record.timestamp / 1000, time.time(), message))
            self.beats[record.partition].append(self._ahead[-1])


@pytest.fixture
def partitions() -> int:
    """All of them beat at once."""
    return 8


@pytest.fixture
async def listener(broker: Broker, settings: Settings) -> AsyncIterator[Listener]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.brokers, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    await consumer.start()
    topics = (settings.topic(Topic.CONTROL_HEARTBEAT), settings.topic(Topic.CAMPAIGN_CONTROL))
    consumer.assign([TopicPartition(topic, number) for topic in topics for number in range(settings.partitions)])
    yield Listener(settings, consumer)
    await consumer.stop()


async def test_each_partition_beats_once_a_second_while_nothing_comes(
    settings: Settings, worker: WorkerProcess, listener: Listener
) -> None:
    await listener.until_all_beat()
    began = await listener.undisturbed(range(settings.partitions), 5, 1.2)
    for number in range(settings.partitions):
        beats = listener.since(number, began)
        assert _longest_silence(beats, began, began + 5) < 1.2
        assert {it.message.worker.rpartition(":")[2] for it in beats} == {str(worker.pid)}
        assert all(it.message.offsets == dict.fromkeys(INPUTS, 0) for it in beats)
        # Fetched, looked at and written: each takes its part of this.
        assert all(it.written_at - _decided(it) < 2.5 for it in beats[2:])
        _assert_monotone(beats)


async def test_under_load_it_beats_and_every_command_of_what_arrived_before_is_there(
    broker: Broker, settings: Settings, worker: WorkerProcess, listener: Listener
) -> None:
    """Each campaign is a document of its own, whose first command must be there when a heartbeat says so: by offsets
    always; by moments unless the worker has noticed that the broker showed this record too long after its arrival.

    Transactions of a stranger, open one after the other, hide commands from committed readers all the time.
    """
    brands = [brand_in(number, settings.partitions, "brand") for number in range(settings.partitions)]
    for brand_id in brands:
        await broker.brand(brand_id, daily_budget="1000000")
    await broker.until_settled()
    arrivals: dict[str, tuple[int, int, float]] = {}
    stop = asyncio.Event()
    stranger = AIOKafkaProducer(bootstrap_servers=settings.brokers, transactional_id=f"{settings.topic_prefix}stranger")

    async def open_transaction() -> None:
        await stranger.begin_transaction()
        control = settings.topic(Topic.CAMPAIGN_CONTROL)
        await asyncio.gather(*[stranger.send_and_wait(control, b"?", b"?", it) for it in range(settings.partitions)])

    async def load() -> None:
        number = 0
        while not stop.is_set():
            home = number % settings.partitions
            campaign_id, brand_id = f"campaign-{number}", brands[home]
            document = {"kind": "campaign", "brand_id": brand_id, "campaign_id": campaign_id, "version": 1}
            sent = await broker.producer.send(
                settings.topic(Topic.CATALOG), _json(document), f"{brand_id}/{campaign_id}".encode(), home
            )
            for n in range(20):
                event = {"event_id": f"{number}-{n}", "brand_id": brand_id, "campaign_id": "campaign-0", "amount": "1"}
                await broker.producer.send(settings.topic(Topic.SPEND_EVENTS), _json(event), brand_id.encode(), home)
            if number % _CAMPAIGNS_HIDDEN == 0:
                await stranger.abort_transaction()
                await open_transaction()
            acknowledged = await sent
            arrivals[campaign_id] = (home, acknowledged.offset, acknowledged.timestamp / 1000)
            number += 1

    async with stranger:
        await open_transaction()
        loading = asyncio.create_task(load())
        await listener.until_all_beat()
        began = await listener.undisturbed(range(settings.partitions), 6, 1.5)
        stop.set()
        await loading
        await stranger.abort_transaction()
    ended = await listener.undisturbed(range(settings.partitions), 3, 1.5)
    await listener.until_all_count()
    assert len(arrivals) > 100
    contradicted = contradictions(worker.output)
    for number in range(settings.partitions):
        beats = listener.since(number, began)
        assert _longest_silence([it for it in beats if it.written_at < began + 6], began, began + 6) < 1.5
        assert _longest_silence(listener.since(number, ended), ended, ended + 3) < 1.5
        _assert_monotone(beats)
        mine = {it: (offset, at) for it, (home, offset, at) in arrivals.items() if home == number}
        for beat in beats:
            seen = {campaign_id for campaign_id, _ in beat.commands}
            covered = beat.message.offsets[Topic.CATALOG]
            assert {it for it, (offset, _) in mine.items() if offset < covered} <= seen
            claimed = {it for it, (_, at) in mine.items() if at < _decided(beat)}
            wrong = [round(mine[it][1] * 1000) for it in claimed - seen]
            assert all(any(it.covers(number, at) for it in contradicted) for at in wrong)
        # And at the end all of it is decided.
        assert _decided(beats[-1]) > max(at for _, at in mine.values())
        assert set(mine) <= {campaign_id for campaign_id, _ in beats[-1].commands}


async def test_what_an_open_transaction_hides_is_not_called_decided(
    broker: Broker, settings: Settings, worker: WorkerProcess, listener: Listener
) -> None:
    brand_id = brand_in(0, settings.partitions, "brand")
    await broker.brand(brand_id)
    await broker.until_settled()
    document = {"kind": "campaign", "brand_id": brand_id, "campaign_id": "hidden", "version": 1}
    async with AIOKafkaProducer(bootstrap_servers=settings.brokers, transactional_id=f"{brand_id}-hides") as producer:
        async with producer.transaction():
            sent = await producer.send_and_wait(
                settings.topic(Topic.CATALOG), _json(document), f"{brand_id}/hidden".encode(), 0
            )
            began = await listener.undisturbed([0], 4, 1.5)
            beats = listener.since(0, began)
            assert _longest_silence(beats, began, began + 4) < 1.5
            assert all(_decided(it) <= sent.timestamp / 1000 for it in beats)
            assert all(_decided(it) > sent.timestamp / 1000 for it in listener.beats[1][-1:])
        await listener.listen(3)
    await listener.until_all_count()
    last = listener.beats[0][-1]
    assert _decided(last) > sent.timestamp / 1000
    assert ("hidden", 1) in last.commands


async def test_a_frozen_worker_is_silent_and_beats_again_within_two_seconds_of_its_return(
    settings: Settings, worker: WorkerProcess, listener: Listener
) -> None:
    await listener.until_all_beat()
    worker.freeze()
    await listener.listen(1)
    frozen = await listener.listen(2)
    assert not any(listener.since(number, frozen) for number in range(settings.partitions))
    woken = time.time()
    worker.wake()
    await listener.until_all_beat(woken)
    for number in range(settings.partitions):
        assert listener.since(number, woken)[0].written_at - woken < 2


async def test_the_library_calls_its_brands_stale_within_six_seconds_and_fresh_within_two_of_its_return(
    settings: Settings, broker: Broker, worker: WorkerProcess
) -> None:
    await broker.brand("nike", "2025-09-08T00:00:00Z")
    await broker.campaign("nike", "nike-1", "2025-09-08T00:00:00Z")
    await broker.until_settled()
    with ControlReader(
        settings.brokers, consumer="adserver-eu", policy=Policy.CLOSED, topic_prefix=settings.topic_prefix
    ) as reader:
        await asyncio.to_thread(reader.catch_up, PATIENCE_SECONDS)
        await _until_doubts(reader, ())
        frozen = time.monotonic()
        worker.freeze()
        assert await _until_doubts(reader, (Doubt.SILENT,)) - frozen < 6
        woken = time.monotonic()
        worker.wake()
        assert await _until_doubts(reader, ()) - woken < 2
        assert reader.may_run("nike-1").may_run


async def test_the_library_calls_a_brand_stale_while_another_transaction_hides_its_commands(
    settings: Settings, broker: Broker, worker: WorkerProcess
) -> None:
    """The worker of another partition may be frozen amid a transaction, for one."""
    await broker.brand("nike", "2025-09-08T00:00:00Z")
    await broker.campaign("nike", "nike-1", "2025-09-08T00:00:00Z")
    await broker.until_settled()
    stranger = AIOKafkaProducer(bootstrap_servers=settings.brokers, transactional_id=f"{settings.topic_prefix}stranger")
    home = partition_of("nike-1", settings.partitions)
    with ControlReader(
        settings.brokers, consumer="adserver-eu", policy=Policy.CLOSED, topic_prefix=settings.topic_prefix
    ) as reader:
        await asyncio.to_thread(reader.catch_up, PATIENCE_SECONDS)
        await _until_doubts(reader, ())
        async with stranger:
            await stranger.begin_transaction()
            await stranger.send_and_wait(settings.topic(Topic.CAMPAIGN_CONTROL), b"?", b"?", home)
            await broker.campaign("nike", "nike-1", "2025-09-08T00:00:00Z", enabled=False)
            await _until_doubts(reader, (Doubt.SILENT,))
            assert reader.may_run("nike-1").reasons == ()
            await stranger.abort_transaction()
        await _until_doubts(reader, ())
        assert reader.may_run("nike-1").reasons == ("manual",)


async def _until_doubts(reader: ControlReader, doubts: tuple[Doubt, ...]) -> float:
    """The moment at which a campaign has these."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while reader.may_run("nike-1").doubts != doubts:
            await asyncio.to_thread(reader.poll, 0.1)
    return time.monotonic()


async def test_whoever_takes_over_beats_within_two_seconds_of_it(
    settings: Settings, worker: WorkerProcess, listener: Listener, new_worker: StartWorker
) -> None:
    await listener.until_all_beat()
    worker.kill()
    killed = time.time()
    other = await new_worker(settings).started()
    owned = time.time()
    await listener.until_all_beat(killed + 0.5)
    for number in range(settings.partitions):
        first = listener.since(number, killed + 0.5)[0]
        assert first.message.worker.endswith(f":{other.pid}")
        assert first.written_at - owned < 2
        assert _decided(first) > killed - 5


def _all_below(offsets: Sequence[int], read: Sequence[int]) -> bool:
    return all(offset <= position for offset, position in zip(offsets, read, strict=True))


def _longest_silence(beats: list[Beat], began: float, ended: float) -> float:
    moments = [began, *(it.written_at for it in beats), ended]
    return max(after - before for before, after in pairwise(moments))


def _assert_monotone(beats: list[Beat]) -> None:
    decided = [_decided(it) for it in beats]
    assert decided == sorted(decided)


def _decided(beat: Beat) -> float:
    return parse_moment(beat.message.decided_up_to) / 1000


def _value(record: ConsumerRecord) -> bytes:
    value: bytes = record.value
    return value


def _json(document: object) -> bytes:
    return msgspec.json.encode(document)
