"""Three real brokers of which one is killed, frozen, restarted or full: the worker loses nothing, doubles nothing, says
in one sentence what is in the way, and goes on by itself.

`SPENDGATE_TEST_LENGTH=long pytest -s` runs all and prints how long nothing was decided; `make gaps TIMES=20` repeats
those of one broker that goes and comes back.
"""

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from core.errors import Unreachable
from core.partitioner import partition_of
from operations.leaders import read_missing_leaders
from operations.status import read_status
from streams.kafka.options import client_options, librdkafka_options
from streams.kafka.provision import admin_client, create_topics
from streams.kafka.topics import Topic, topic_configs
from streams.settings import Settings
from streams.worker.transaction import _IN_DOUBT_SECONDS, PartitionWriter
from streams.worker.writes import Write
from tests.faults.cluster import BROKERS, Cluster, Node
from tests.faults.hanging import LONG_AGO_MS, hanging_transactions
from tests.faults.runs import SEED
from tests.faults.small_disk import fill, small_disk
from tests.faults.traffic import Traffic
from tests.streams.broker import brand_in
from tests.streams.watched_worker import WatchedWorker
from tests.streams.worker_process import WorkerProcess

TIMES: Final = int(os.environ.get("SPENDGATE_FAULTS_TIMES") or 1)
PARTITIONS: Final = 2
PATIENCE_SECONDS: Final = 180
#: What a record may wait at most for its decision while one broker goes. Not a figure of speed: the broker's session
#: lasts 9 s, and then its partitions, the group's and the transaction's coordinator have to move.
LONGEST_SILENCE_SECONDS: Final = 90.0
FROZEN_SECONDS: Final = 20.0
#: So that a test waits for the cluster and not for this client.
_IMPATIENT: Final = {"socket.timeout.ms": 5_000, "topic.metadata.refresh.interval.ms": 1_000, "log_level": 0}
#: How often a client asks who leads: in random order each of three would be the first of it in a third of them.
UPDATES: Final = 20
#: Longer than the worker's client tries to deliver a record.
LONGER_THAN_A_REQUEST_SECONDS: Final = 25.0

pytestmark = [
    pytest.mark.long_only,
    pytest.mark.timeout(1200 + 300 * TIMES),
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    with small_disk(cluster.nodes[-1].folder / "log"):
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.kill()


@pytest.fixture
def settings(cluster: Cluster, topic_prefix: str) -> Settings:
    return Settings(
        brokers=cluster.brokers,
        topic_prefix=topic_prefix,
        partitions=PARTITIONS,
        replication_factor=BROKERS,
        flush_interval_seconds=0.05,
    )


@pytest.fixture
def placed() -> dict[Topic, Sequence[int]]:
    """Topic -> the numbers of the brokers that have it; the other topics are on all."""
    return {}


@pytest.fixture
async def topics(cluster: Cluster, settings: Settings, placed: dict[Topic, Sequence[int]]) -> None:
    await cluster.until_in_sync()
    async with admin_client(settings) as admin:
        for topic, brokers in placed.items():
            await _place(admin, settings, topic, [brokers] * PARTITIONS)
    await create_topics(settings)
    await cluster.until_in_sync()


async def _place(
    admin: AIOKafkaAdminClient, settings: Settings, topic: Topic, brokers: Sequence[Sequence[int]]
) -> None:
    """Make the topic, each partition on the brokers of these numbers, as many for each."""
    configs = topic_configs(topic, settings) | {"min.insync.replicas": str(len(brokers[0]))}
    assignments = {number: list(of_partition) for number, of_partition in enumerate(brokers)}
    await admin.create_topics(
        [NewTopic(settings.topic(topic), -1, -1, replica_assignments=assignments, topic_configs=configs)]
    )


@pytest.fixture
async def worker(
    topics: None, settings: Settings, placed: dict[Topic, Sequence[int]], tmp_path: Path
) -> AsyncIterator[WorkerProcess]:
    # It starts only where each topic has as many as it is told.
    replicas = 1 if any(len(brokers) == 1 for brokers in placed.values()) else BROKERS
    process = WorkerProcess(settings, tmp_path / "worker.log", SPENDGATE_REPLICATION_FACTOR=str(replicas))
    try:
        yield await process.started()
    finally:
        process.kill()


@pytest.fixture
async def traffic(worker: WorkerProcess, settings: Settings) -> AsyncIterator[Traffic]:
    traffic = Traffic(settings.brokers, settings.topic_prefix, PARTITIONS, seed=SEED)
    try:
        await traffic.start()
        yield traffic
    finally:
        traffic.close()


class Lost:
    """Of each broker that was lost, how long Kafka itself took to lead its partitions elsewhere, and whether it was the
    active controller too: then a new one is elected first, which gives the lost broker another session of 9 s."""

    def __init__(self) -> None:
        self._kafkas: list[float] = []
        self._controllers: list[bool] = []
        self._since = 0.0

    def note(self, cluster: Cluster, node: Node) -> None:
        """It is lost now."""
        self._controllers.append(cluster.controller() is node)
        self._since = time.monotonic()

    def note_gone(self) -> None:
        """The other brokers know it."""
        self._kafkas.append(time.monotonic() - self._since)

    def show(self, silences: Sequence[float]) -> None:
        for is_controller, what in ((False, "other than the active controller"), (True, "and active controller")):
            of = [it for it, flag in enumerate(self._controllers) if flag is is_controller]
            if of:
                kafkas, ours = [self._kafkas[it] for it in of], [silences[it] - self._kafkas[it] for it in of]
                print(
                    f"| a leader {what} | {len(of)} | {median(silences[it] for it in of):.1f} s | "
                    f"{max(silences[it] for it in of):.1f} s | Kafka {median(kafkas):.1f}, {max(kafkas):.1f} s | "
                    f"then {median(ours):.1f}, {max(ours):.1f} s |"
                )


async def _is_exact(what: str, traffic: Traffic, worker: WorkerProcess, *silences: float) -> None:
    counted = await traffic.finish()
    worker.check_alive()
    print(f"\n{what}: {counted} (seed {SEED})")
    if silences:
        print(f"| {what} | {len(silences)} | {median(silences):.1f} s | {max(silences):.1f} s |")


async def test_a_leader_that_is_killed_costs_no_record(
    cluster: Cluster, settings: Settings, traffic: Traffic, worker: WorkerProcess
) -> None:
    lost = Lost()

    async def kill_and_start() -> None:
        node = cluster.leader(settings.topic(Topic.CONTROLLER_STATE), 0)
        lost.note(cluster, node)
        await asyncio.to_thread(node.kill)
        await cluster.until_gone(node)
        lost.note_gone()
        await asyncio.to_thread(node.start)
        await cluster.until_in_sync()

    silences = [await traffic.during(kill_and_start()) for _ in range(TIMES)]
    await _is_exact("kill -9 of a leader", traffic, worker, *silences)
    lost.show(silences)
    assert max(silences) < LONGEST_SILENCE_SECONDS


async def test_a_rolling_restart_costs_no_record_and_ends_no_worker(
    cluster: Cluster, traffic: Traffic, worker: WorkerProcess
) -> None:
    async def restart(node: Node) -> None:
        await asyncio.to_thread(node.stop)
        await asyncio.to_thread(node.start)
        await cluster.until_in_sync()

    silences = [await traffic.during(restart(node)) for _ in range(TIMES) for node in cluster.nodes]
    await _is_exact("restart of one broker after the other", traffic, worker, *silences)
    assert max(silences) < LONGEST_SILENCE_SECONDS


async def test_a_leader_that_is_frozen_costs_no_record(
    cluster: Cluster, settings: Settings, traffic: Traffic, worker: WorkerProcess
) -> None:
    lost = Lost()

    async def freeze_and_thaw() -> None:
        node = cluster.leader(settings.topic(Topic.CONTROLLER_STATE), 0)
        lost.note(cluster, node)
        node.freeze()
        try:
            ends = asyncio.create_task(asyncio.sleep(FROZEN_SECONDS))  # the fault is that long
            await cluster.until_gone(node)
            lost.note_gone()
            await ends
        finally:
            node.thaw()
        await cluster.until_in_sync()

    silences = [await traffic.during(freeze_and_thaw()) for _ in range(TIMES)]
    await _is_exact(f"leader frozen for {FROZEN_SECONDS:g} s", traffic, worker, *silences)
    lost.show(silences)
    assert max(silences) < LONGEST_SILENCE_SECONDS


async def test_who_leads_is_asked_of_others_than_the_broker_that_did_not_say_it(
    cluster: Cluster, topics: None, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = AIOKafkaClient(**client_options(settings))
    await client.bootstrap()
    await client.force_metadata_update()
    node, asked = cluster.nodes[0], Counter[int]()
    send = AIOKafkaConnection.send

    def counted(connection: AIOKafkaConnection, request: object, **named: object) -> object:
        asked[connection.port] += 1
        return send(connection, request, **named)

    monkeypatch.setattr(AIOKafkaConnection, "send", counted)
    node.freeze()
    try:
        for _ in range(UPDATES):
            assert await client.force_metadata_update()
    finally:
        node.thaw()
        await client.close()
        await cluster.until_in_sync()
    assert asked.total() >= UPDATES
    assert asked[node.port] <= 2  # one attempt: what it can do, and who leads


@pytest.mark.parametrize("placed", [{Topic.CAMPAIGN_CONTROL: [2, 3]}, {Topic.CONTROLLER_STATE: [2, 3]}], ids=list)
async def test_too_few_replicas_are_told_and_waited_for(
    placed: dict[Topic, Sequence[int]], cluster: Cluster, settings: Settings, traffic: Traffic, worker: WorkerProcess
) -> None:
    [topic] = placed
    node = next(it for it in cluster.nodes[1:] if it is not cluster.leader(settings.topic(topic), 0))

    async def kill_and_start() -> None:
        await asyncio.to_thread(node.kill)
        await _until_logged(worker, settings.topic(topic), "has 1 of 2 replicas in sync", "partition_stopped")
        await asyncio.to_thread(node.start)
        await cluster.until_in_sync()

    silence = await traffic.during(kill_and_start())
    assert _has_gone_on(worker)
    await _is_exact(f"1 of 2 replicas of {topic}", traffic, worker, silence)


@pytest.mark.parametrize("placed", [{Topic.CAMPAIGN_CONTROL: [3]}, {Topic.CONTROLLER_STATE: [3]}], ids=list)
async def test_a_leader_that_is_away_longer_than_a_request_lasts_is_named_and_waited_for(
    placed: dict[Topic, Sequence[int]], cluster: Cluster, settings: Settings, traffic: Traffic, worker: WorkerProcess
) -> None:
    [topic], node = placed, cluster.nodes[2]

    async def kill_and_start() -> None:
        await asyncio.to_thread(node.kill)
        since = time.monotonic()
        await _until_logged(worker, settings.topic(topic), "has no leader", "partition_stopped")
        await asyncio.sleep(max(0.0, since + LONGER_THAN_A_REQUEST_SECONDS - time.monotonic()))
        worker.check_alive()
        await asyncio.to_thread(node.start)
        await cluster.until_in_sync()

    silence = await traffic.during(kill_and_start())
    assert _has_gone_on(worker)
    await _is_exact(f"the only leader of {topic} away", traffic, worker, silence)


@pytest.mark.parametrize("topic", [Topic.SPEND_EVENTS, Topic.CONTROLLER_STATE])
async def test_a_partition_without_a_leader_waits_alone_while_each_owner_decides_on_the_others(
    topic: Topic, cluster: Cluster, settings: Settings, tmp_path: Path
) -> None:
    await cluster.until_in_sync()
    async with admin_client(settings) as admin:
        await _place(admin, settings, topic, [[3], [1]])
    await create_topics(settings)
    await cluster.until_in_sync()
    first, second = (WatchedWorker(settings, tmp_path / f"{name}.log") for name in ("first", "second"))
    waiting, others = (brand_in(number, PARTITIONS, "brand") for number in range(PARTITIONS))
    node, named = cluster.nodes[2], f"{settings.topic(topic)}, partition 0, has no leader"
    decided = Decided(settings)
    try:
        await asyncio.to_thread(node.kill)
        await cluster.until_gone(node)
        await first.process.started()
        await first.stopped(named)
        for brand in (waiting, others):
            await decided.document(brand)
        await decided.until(others, 1)
        with pytest.raises(Unreachable, match=named):
            await read_status(settings)
        assert [it.partition(":")[0] for it in await read_missing_leaders(settings)] == [named]

        await second.process.started()
        assert await first.process.stop() == 0
        await second.stopped(named)
        await decided.document(others)
        await decided.until(others, 2)
        assert decided.of[waiting] == 0

        await asyncio.to_thread(node.start)
        await decided.until(waiting, 1)
        await second.ready()
        assert await second.process.stop() == 0
    finally:
        await _end(decided, (first, second), node)


async def test_a_partition_whose_commands_have_no_leader_waits_alone_while_its_owner_decides_on_the_others(
    cluster: Cluster, settings: Settings, tmp_path: Path
) -> None:
    await cluster.until_in_sync()
    async with admin_client(settings) as admin:
        await _place(admin, settings, Topic.CAMPAIGN_CONTROL, [[3], [1]])
    await create_topics(settings)
    await cluster.until_in_sync()
    first, second = (WatchedWorker(settings, tmp_path / f"{name}.log") for name in ("first", "second"))
    waiting, others = (brand_in(number, PARTITIONS, "brand") for number in range(PARTITIONS))
    # By their keys the commands of each brand lie in the partition of its own number.
    campaigns = {brand: brand_in(number, PARTITIONS, "campaign") for number, brand in enumerate((waiting, others))}
    node, named = cluster.nodes[2], f"{settings.topic(Topic.CAMPAIGN_CONTROL)}, partition 0, has no leader"
    decided = Decided(settings)
    try:
        await first.process.started()
        for brand, campaign in campaigns.items():
            await decided.document(brand, campaign)
        for brand in campaigns:
            await decided.until(brand, 1)
        assert await first.process.stop() == 0

        await asyncio.to_thread(node.kill)
        await cluster.until_gone(node)
        await second.process.started()
        await second.stopped(named, "Until then partition 0 decides nothing")
        for brand, campaign in campaigns.items():
            await decided.document(brand, campaign)
        await decided.until(others, 2)

        await asyncio.to_thread(node.start)
        await decided.until(waiting, 2)
        await second.ready()
        assert await second.process.stop() == 0
    finally:
        await _end(decided, (first, second), node)


async def _end(decided: "Decided", workers: Sequence[WatchedWorker], node: Node) -> None:
    """End a test's clients and workers, and have the broker run that it may have killed."""
    decided.close()
    for worker in workers:
        worker.process.kill()
    if node.process is None:
        await asyncio.to_thread(node.start)


async def test_two_brokers_of_three_away_are_told_and_waited_for(
    cluster: Cluster, settings: Settings, traffic: Traffic, worker: WorkerProcess
) -> None:
    """The third alone elects no controller and takes nothing that two must have."""
    away = [it for it in cluster.nodes if it is not cluster.leader(settings.topic(Topic.CONTROLLER_STATE), 0)]

    async def kill_and_start() -> None:
        await asyncio.gather(*(asyncio.to_thread(node.kill) for node in away))
        since = time.monotonic()
        await _until_logged(worker, "partition_stopped")
        await asyncio.sleep(max(0.0, since + LONGER_THAN_A_REQUEST_SECONDS - time.monotonic()))
        worker.check_alive()
        await asyncio.gather(*(asyncio.to_thread(node.start) for node in away))
        await cluster.until_in_sync()

    silence = await traffic.during(kill_and_start())
    assert _has_gone_on(worker)
    await _is_exact("two brokers of three away", traffic, worker, silence)


@pytest.mark.parametrize("placed", [{Topic.CAMPAIGN_CONTROL: [3, 1]}], ids=list)
async def test_a_disk_that_fills_up_during_a_flush_is_waited_for(
    cluster: Cluster, settings: Settings, traffic: Traffic, worker: WorkerProcess
) -> None:
    node = cluster.nodes[2]
    disk = node.folder / "log"
    if not disk.is_mount():
        pytest.skip(f"no small file system could be mounted at {disk}: that needs root, and a kernel that lets it")

    async def fill_and_make_room() -> None:
        filler = disk / "filler"
        await asyncio.to_thread(fill, filler)
        assert node.process
        await asyncio.to_thread(node.process.wait, PATIENCE_SECONDS)  # Kafka ends where its only disk fails
        few = "has 1 of 2 replicas in sync"
        await _until_logged(worker, settings.topic(Topic.CAMPAIGN_CONTROL), few, "partition_stopped")
        node.kill()
        filler.unlink()
        await asyncio.to_thread(node.start)
        await cluster.until_in_sync()

    silence = await traffic.during(fill_and_make_room())
    assert _has_gone_on(worker)
    await _is_exact("full disk", traffic, worker, silence)


async def test_kafka_forgets_the_end_of_a_transaction_where_no_broker_leads_a_partition(
    cluster: Cluster, topic_prefix: str
) -> None:
    """Its own defect: where it is mended, `Traffic` must not expect it any more."""
    topic, node = f"{topic_prefix}forgotten", cluster.nodes[2]
    async with admin_client(Settings(brokers=cluster.brokers)) as admin:
        await admin.create_topics([NewTopic(topic, -1, -1, replica_assignments={0: [node.number]})])
    await cluster.until_in_sync()
    producer = Producer({"bootstrap.servers": cluster.brokers, "transactional.id": topic, **_IMPATIENT})
    producer.init_transactions(PATIENCE_SECONDS)
    producer.begin_transaction()
    producer.produce(topic, b"committed", partition=0, timestamp=LONG_AGO_MS)
    assert await asyncio.to_thread(producer.flush, PATIENCE_SECONDS) == 0

    node.freeze()
    try:
        await asyncio.to_thread(producer.commit_transaction, PATIENCE_SECONDS)
    finally:
        node.thaw()
    await cluster.until_in_sync()

    [hanging] = await asyncio.to_thread(hanging_transactions, cluster.brokers, topic_prefix)
    assert (hanging.topic, hanging.partition) == (topic, 0)


class FreezingProducer:
    """librdkafka's producer, whose commits do first what the test has put into `before_commit`."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.before_commit: Callable[[], None] | None = None
        self._real = Producer(options)

    def commit_transaction(self, seconds: float) -> None:
        before, self.before_commit = self.before_commit, None
        if before:
            assert self._real.flush(PATIENCE_SECONDS) == 0
            before()
        self._real.commit_transaction(seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


@pytest.mark.parametrize("placed", [{Topic.CAMPAIGN_CONTROL: [3]}], ids=list)
@pytest.mark.parametrize("is_restored", [False, True], ids=["the next attempt", "a restore in place"])
async def test_what_kafka_has_lost_of_a_committed_transaction_is_written_again(
    cluster: Cluster, settings: Settings, topics: None, is_restored: bool
) -> None:
    node, control = cluster.nodes[2], settings.topic(Topic.CAMPAIGN_CONTROL)
    writer = PartitionWriter(settings.transactional_id(0), settings, producer_class=FreezingProducer)
    await writer.open()
    first, second = (Write(control, 0, key, b"a command") for key in (b"first", b"second"))
    writer._producer.before_commit = node.freeze
    try:
        while await writer.attempt([first]):
            continue
    finally:
        node.thaw()
    await cluster.until_in_sync()

    writer._producer.before_commit = _fail_after_a_while
    assert await writer.attempt([second])
    if is_restored:
        await writer.close()
        writer = PartitionWriter(settings.transactional_id(0), settings, writer.take_committed())
        await writer.open()
    assert await writer.attempt([second]) == []
    await writer.close()
    assert await asyncio.to_thread(_committed_keys, settings, control) == [b"first", b"second"]


def _fail_after_a_while() -> None:
    time.sleep(2 * _IN_DOUBT_SECONDS)  # it stands for the wait for a broker
    raise KafkaException(KafkaError(KafkaError.NOT_ENOUGH_REPLICAS, "too few", False, False, True))


def _committed_keys(settings: Settings, topic: str) -> list[bytes]:
    """Of partition 0, in their order."""
    options = {**librdkafka_options(settings), "group.id": "reader", "enable.partition.eof": True}
    consumer = Consumer({**options, "auto.offset.reset": "earliest"})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        keys: list[bytes] = []
        while (record := consumer.poll(PATIENCE_SECONDS)) is not None and record.error() is None:
            keys.append(record.key() or b"")
        return keys
    finally:
        consumer.close()


class Decided:
    """Publishes documents of brands with a campaign each, and counts the commands of each brand in `of`."""

    def __init__(self, settings: Settings) -> None:
        self.of: Counter[str] = Counter()
        self._topic = settings.topic(Topic.CATALOG)
        self._versions: Counter[str] = Counter()
        self._producer = Producer({"bootstrap.servers": settings.brokers, "log_level": 0})
        self._consumer = Consumer(
            {"bootstrap.servers": settings.brokers, "group.id": "decided", "auto.offset.reset": "earliest"}
        )
        control = settings.topic(Topic.CAMPAIGN_CONTROL)
        self._consumer.assign([TopicPartition(control, number, 0) for number in range(PARTITIONS)])

    async def document(self, brand: str, campaign: str = "summer") -> None:
        """A brand, and its campaign, which is switched each time."""
        self._versions[brand] += 1
        version = self._versions[brand]
        zones = [{"time_zone": "UTC", "from": None}]
        of_brand = {"kind": "brand", "brand_id": brand, "version": version, "currency": "USD", "zones": zones}
        of_campaign = {"kind": "campaign", "brand_id": brand, "campaign_id": campaign, "version": version}
        of_campaign |= {"enabled": version % 2 == 1}
        number = partition_of(brand, PARTITIONS)
        for key, document in ((brand, of_brand), (f"{brand}/{campaign}", of_campaign)):
            self._producer.produce(self._topic, json.dumps(document), key, number)
        assert await asyncio.to_thread(self._producer.flush, PATIENCE_SECONDS) == 0

    async def until(self, brand: str, commands: int) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.of[brand] < commands:
                record = await asyncio.to_thread(self._consumer.poll, 0.2)
                if record is not None and record.error() is None:
                    self.of[json.loads(record.value())["brand_id"]] += 1

    def close(self) -> None:
        self._consumer.close()


def _has_gone_on(worker: WorkerProcess) -> bool:
    """Where the cluster was away for longer than a transaction may last, its partition was restored."""
    return "partition_goes_on" in worker.output or "transaction_lost" in worker.output


async def _until_logged(worker: WorkerProcess, *words: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not all(it in worker.output for it in words):
            worker.check_alive()
            await asyncio.sleep(0.05)
