"""Faust's own command line: `faust -A streams.app agents`, `tables`, `send`, `worker`."""

import asyncio
import json
import sys
from pathlib import Path
from unittest.mock import Mock

import msgspec
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition
from faust.tables.recovery import Recovery, ServiceStopped

from core.partitioner import partition_of
from core.records import Action
from local.kafka import LocalKafka
from streams.kafka.options import librdkafka_options
from streams.kafka.provision import create_topics
from streams.kafka.topics import INPUTS, Topic
from streams.settings import Settings
from streams.worker.app import ControllerApp, create_app
from tests.streams.broker import Broker, spend_event
from tests.streams.worker_process import WorkerProcess

PATIENCE_SECONDS = 120
AGENTS = {
    "@spend": Topic.SPEND_EVENTS,
    "@snapshots": Topic.SPEND_SNAPSHOTS,
    "@catalog": Topic.CATALOG,
    "@corrections": Topic.SPEND_CORRECTIONS,
    "@resets": Topic.BUDGET_RESETS,
    "@ticks": Topic.DAYPARTING_TICKS,
}
#: Python imports it at its start: the process is the real `faust`, and reports at its end which clients are open.
REPORT_AT_EXIT = """
import atexit

@atexit.register
def report_open_clients():
    import gc
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
    from streams.worker.transaction import PartitionWriter
    gc.unfreeze()
    for client in gc.get_objects():
        if isinstance(client, AIOKafkaConsumer | AIOKafkaProducer) and not client._closed:
            print("Unclosed", client)
        elif isinstance(client, PartitionWriter) and client._producer is not None:
            print("Unclosed", client)
    print("all clients checked")
"""


def test_faust_starts_neither_its_producer_nor_its_web_server() -> None:
    app = Mock()
    app.conf.web_enabled = True  # `faust worker` sets it
    boot = ControllerApp.BootStrategy(app)
    assert list(boot.kafka_producer()) == []
    assert list(boot.web_server()) == []


async def test_each_input_topic_has_an_agent_named_for_it(settings: Settings, tmp_path: Path) -> None:
    observed = json.loads(await _answer(settings, tmp_path, "--json", "agents"))
    assert {it["name"]: it["topic"] for it in observed} == {
        name: settings.topic(topic) for name, topic in AGENTS.items()
    }
    assert set(AGENTS.values()) == set(INPUTS)
    assert all(len(it["help"]) > 20 for it in observed)
    assert settings.topic(Topic.SPEND_EVENTS) in await _answer(settings, tmp_path, "agents")


async def test_the_table_is_listed(settings: Settings, tmp_path: Path) -> None:
    (table,) = json.loads(await _answer(settings, tmp_path, "--json", "tables"))
    assert table["name"] == Topic.CONTROLLER_STATE


async def test_the_worker_decides_and_closes_its_clients_at_the_end(
    broker: Broker, settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "not" / "there yet"
    process = _faust(settings, tmp_path, "worker", SPENDGATE_DATA_DIR=str(folder))
    try:
        await process.started()
        await broker.brand("nike", "2025-09-08T09:00:00Z", daily_budget="1")
        await broker.campaign("nike", "nike-summer", "2025-09-08T09:00:00Z")
        await broker.until_settled()  # spend that is read before the campaign's document makes its first state a pause
        await broker.spend("nike", "nike-summer", "1", "2025-09-08T12:00:00Z", event_id="e1")
        await broker.until(lambda: any(it.cause.event_id == "e1" for it in broker.commands))
        assert broker.commands[-1].action is Action.PAUSE
        assert await process.stop() == 0, process.output[-4000:]
    finally:
        process.kill()
    _check_end(process)


async def test_a_worker_that_is_stopped_at_any_moment_of_its_start_closes_its_clients(
    broker: Broker, settings: Settings, tmp_path: Path
) -> None:
    """One kind of connection is excepted: `AIOKafkaClient.bootstrap` of aiokafka 0.14 closes its connection after an
    error, but not when it is cancelled while it waits for the first answer; the garbage collector then closes it."""
    process = _faust(settings, tmp_path, "worker", "--loglevel", "info")
    try:
        for line in ("Discovered coordinator", "Successfully synced group", "Seek stream partitions"):
            process.start()
            await _until_logged(process, line)
            assert await process.stop() == 0, process.output[-4000:]
            _check_end(process, except_for="Unclosed AIOKafkaConnection")
    finally:
        process.kill()


async def test_send_enters_a_secured_cluster_and_finds_the_partition_of_the_brand(
    secured_kafka: LocalKafka, topic_prefix: str, tmp_path: Path
) -> None:
    settings = Settings(**secured_kafka.client_settings, topic_prefix=topic_prefix, partitions=8)
    await create_topics(settings)
    event = spend_event("nike", "nike-summer", "1", "e1", None)
    topic = settings.topic(Topic.SPEND_EVENTS)
    answer = await _answer(settings, tmp_path, "send", "--key", "nike", topic, json.dumps(event))
    assert json.loads(answer.splitlines()[-1])["topic"] == topic  # before it, warnings of the client
    partition = partition_of("nike", settings.partitions)
    record = await asyncio.to_thread(_first_record, settings, TopicPartition(topic, partition, OFFSET_BEGINNING))
    assert (record.key(), msgspec.json.decode(record.value())) == (b"nike", event)


def _first_record(settings: Settings, partition: TopicPartition) -> Message:
    """With librdkafka, because aiokafka leaves the end of a TLS connection to an event loop that a test closes."""
    reader = Consumer(
        {**librdkafka_options(settings), "group.id": settings.topic("reader"), "enable.auto.commit": False}
    )
    try:
        reader.assign([partition])
        record = reader.poll(PATIENCE_SECONDS)
        assert record is not None and record.error() is None, record
        return record
    finally:
        reader.close()


def _faust(settings: Settings, folder: Path, *arguments: str, **environment: str) -> WorkerProcess:
    command = [str(Path(sys.executable).with_name("faust")), "-A", "streams.app", *arguments]
    (folder / "sitecustomize.py").write_text(REPORT_AT_EXIT)
    environment = {"SPENDGATE_DATA_DIR": str(folder / "data"), "PYTHONPATH": str(folder), **environment}
    return WorkerProcess(settings, folder / "faust.log", command, **environment)


def _check_end(process: WorkerProcess, *, except_for: str = "-") -> None:
    assert "all clients checked" in process.output
    observed = process.output.replace(except_for, "")
    for word in ("Unclosed", "Traceback", "never awaited", "was destroyed"):
        assert word not in observed, process.output[-4000:]


async def _answer(settings: Settings, folder: Path, *arguments: str) -> str:
    """What a command says that ends by itself."""
    process = _faust(settings, folder, *arguments)
    process.start()
    try:
        assert await process.ended(PATIENCE_SECONDS) == 0, process.output[-4000:]
    finally:
        process.kill()
    return process.output.removesuffix("all clients checked\n")


async def _until_logged(process: WorkerProcess, line: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while line not in process.output:
            process.check_alive()
            await asyncio.sleep(0.01)


async def test_a_take_over_may_take_longer_than_faust_waits_for_a_broker(settings: Settings) -> None:
    """Faust would give the rebalance up, and the worker never begin to read."""
    recovery = create_app(settings).tables.recovery
    await recovery._wait(asyncio.sleep(0.05), timeout=0.01)
    await Recovery._wait(recovery, asyncio.sleep(0.01), timeout=60)
    with pytest.raises(ServiceStopped):  # what this is about; where it is no more, so may be ours
        await Recovery._wait(recovery, asyncio.sleep(0.05), timeout=0.01)
