"""Somebody's open transaction on a topic that the worker reads: what it hides is waited for, and not called done."""

import asyncio
import json
from pathlib import Path

import pytest
from confluent_kafka import KafkaException, Producer

from operations import doctor
from operations.status import read_status
from streams.kafka.groups import describe_group
from streams.kafka.options import librdkafka_options
from streams.kafka.provision import admin_client
from streams.kafka.reader import topic_reader
from streams.kafka.rights import CommandLine
from streams.kafka.topics import Topic
from streams.settings import Settings, Timestamps
from tests.streams.broker import Broker, brand_in, spend_event
from tests.streams.conftest import StartWorker
from tests.streams.watched_worker import WatchedWorker
from tests.streams.worker_process import WorkerProcess

pytestmark = pytest.mark.parametrize("timestamps", [Timestamps.APPEND])


async def test_a_resume_waits_for_spend_behind_an_open_transaction_and_the_lag_counts_it(
    broker: Broker, worker: WorkerProcess, settings: Settings
) -> None:
    await broker.brand("nike", daily_budget="10")
    await broker.campaign("nike", "nike-1")
    await broker.until_settled()
    await broker.spend("nike", "nike-1", "10", event_id="1")
    await broker.until(lambda: len(broker.commands) == 2)
    value = json.dumps(spend_event("nike", "nike-1", "50", "2")).encode()
    stranger = await begun(settings, "stranger", Topic.SPEND_EVENTS, b"nike", value, broker.home("nike"))
    await broker.brand("nike", daily_budget="30")
    # The budget is in force, so the resume is due.
    await broker.until(lambda: broker.applied(broker.sent))
    async with admin_client(settings) as admin, asyncio.timeout(20):
        while True:
            group = await describe_group(settings, admin, settings.topic("spendgate-worker"))
            assert group
            if group.lag[Topic.SPEND_EVENTS] == 1 and group.lag[Topic.CATALOG] == 0:
                break
            await asyncio.sleep(0.2)
    await asyncio.to_thread(stranger.commit_transaction, 20)
    await broker.until(lambda: broker.state_of("nike").monthly_micros == 60_000_000)
    await broker.until_settled()
    assert [command.action for command in broker.commands] == ["resume", "pause"]


async def test_a_transaction_that_hides_state_stops_its_partition_alone_and_each_owner_waits_for_its_end(
    broker: Broker, settings: Settings, new_worker: StartWorker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a broker leaves one whose end it forgets to write: what a new owner read would be an older state."""
    partition = broker.home("nike")
    other = brand_in((partition + 1) % settings.partitions, settings.partitions, "other")
    first = WatchedWorker(settings, tmp_path / "first.log")
    try:
        await first.process.started()
        for brand_id in ("nike", other):
            await broker.brand(brand_id, daily_budget="10")
            await broker.campaign(brand_id, f"{brand_id}-1")
        await broker.until_settled()
        assert await first.process.stop() == 0
        hiding = await begun(settings, "forgotten", Topic.CONTROLLER_STATE, b"a key", b"{}", partition)

        await first.process.started()
        await first.stopped(
            f"{settings.topic(Topic.CONTROLLER_STATE)}, partition {partition}, has records from offset "
        )
        beats = await heartbeats(settings)
        (said,) = (await read_status(settings))["hidden_state"]
        assert said.startswith(
            f"{settings.topic(Topic.CONTROLLER_STATE)}, partition {partition}, has had a transaction open from offset "
        )
        assert "an ordinary flush ends within a minute" in said
        monkeypatch.setattr(doctor, "FAILOVER_SECONDS", 3.0)
        [found] = [it for it in await doctor.examine(settings, CommandLine.DOCTOR) if it.check == "state"]
        assert "for more than 3 s" in found.result  # looked at for as long as a failover takes
        await broker.spend("nike", "nike-1", "10", event_id="1")
        await broker.spend(other, f"{other}-1", "10", event_id="1")
        await broker.until(lambda: len(broker.emitted(f"{other}-1")) == 1)

        second = await new_worker(settings).started()
        assert await first.process.stop() == 0
        await broker.campaign(other, f"{other}-2")
        await broker.until(lambda: [it.campaign_id for it in broker.commands].count(f"{other}-2") == 1)
        assert broker.emitted("nike-1") == []
        async with asyncio.timeout(60):
            while "partition_stopped" not in second.output:
                await asyncio.sleep(0.1)
        now = await heartbeats(settings)
        assert now[partition] == beats[partition]
        assert now[broker.home(other)] > beats[broker.home(other)]

        await asyncio.to_thread(hiding.abort_transaction, 20)
        await broker.until_settled()
        second.check_alive()
        assert "partition_goes_on" in second.output
        assert [it.action for it in broker.commands if it.campaign_id == "nike-1"] == ["resume", "pause"]
        assert (await read_status(settings))["hidden_state"] == []
    finally:
        first.process.kill()


async def test_a_partition_is_served_as_soon_as_the_transaction_that_hid_its_state_has_ended(
    broker: Broker, settings: Settings, tmp_path: Path
) -> None:
    """All that the worker owns: it has nothing to read meanwhile."""
    ending = await asyncio.gather(
        *(begun(settings, f"open-{n}", Topic.CONTROLLER_STATE, b"a key", b"{}", n) for n in range(settings.partitions))
    )
    watched = WatchedWorker(settings, tmp_path / "worker.log")
    try:
        await watched.process.started()
        await watched.stopped(*(f"partition {number}, has records" for number in range(settings.partitions)))
        await broker.brand("nike", daily_budget="10")
        await broker.campaign("nike", "nike-1")
        await asyncio.gather(*(asyncio.to_thread(one.abort_transaction, 20) for one in ending))
        await watched.ready()
        stopped = [line for line in (await watched.get("/metrics"))[1].splitlines() if "partition_stopped{" in line]
        assert [line.split()[-1] for line in stopped] == ["0.0"] * settings.partitions
        await broker.until(lambda: len(broker.commands) == 1)
        await broker.spend("nike", "nike-1", "10", event_id="1")
        await broker.until_settled()
        assert [command.action for command in broker.commands] == ["resume", "pause"]
        assert await watched.process.stop() == 0
    finally:
        watched.process.kill()


async def test_what_a_killed_worker_of_an_older_release_left_open_is_ended_by_the_next_owner(
    broker: Broker, settings: Settings, new_worker: StartWorker
) -> None:
    partition = broker.home("nike")
    left = await begun(settings, f"worker-{partition}", Topic.CONTROLLER_STATE, b"a key", b"{}", partition)
    worker = await new_worker(settings).started()
    await broker.brand("nike")
    await broker.campaign("nike", "nike-1")
    await broker.until_settled()
    assert "partition_stopped" not in worker.output
    with pytest.raises(KafkaException, match=r"fenced|epoch"):
        await asyncio.to_thread(left.commit_transaction, 20)


async def begun(settings: Settings, name: str, topic: Topic, key: bytes, value: bytes, partition: int) -> Producer:
    """A producer with an open transaction of one record, which the broker does not end before the test does."""
    options = {**librdkafka_options(settings), "transaction.timeout.ms": 900_000}
    producer = Producer({**options, "transactional.id": f"{settings.topic_prefix}{name}"})
    await asyncio.to_thread(producer.init_transactions, 20)
    producer.begin_transaction()
    producer.produce(settings.topic(topic), value, key, partition)
    assert await asyncio.to_thread(producer.flush, 20) == 0
    return producer


async def heartbeats(settings: Settings) -> dict[int, int]:
    """Where each partition of the heartbeats ends."""
    async with topic_reader(settings, Topic.CONTROL_HEARTBEAT) as reader:
        return await reader.ends()
