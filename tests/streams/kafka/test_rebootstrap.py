"""Clients that know a broker by an address that it has left find it by the addresses that they were given."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.protocol.coordination import FindCoordinatorRequest

from core.errors import Unreachable
from local.kafka import LocalKafka
from local.ports import choose_port
from streams.kafka.metadata import topic_facts
from streams.kafka.options import client_options
from streams.kafka.provision import admin_client, topic_differences
from streams.kafka.reader import TopicReader, topic_reader
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.streams.broker import open_broker
from tests.streams.conftest import StartWorker

FOUND_SECONDS = 30
LOST_TIMES = 3

Answer = TypeVar("Answer")


async def _once_there(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """The first answer; such a client is asked again by whoever uses it."""
    while True:
        try:
            return await ask()
        except (Unreachable, KafkaError):
            await asyncio.sleep(0.1)


class Moving:
    """A broker that can move to its other address."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = [choose_port(0, "Kafka"), choose_port(0, "Kafka")]
        self.broker = LocalKafka(folder, self._ports[0])
        self.settings = Settings(brokers=",".join(f"127.0.0.1:{port}" for port in self._ports), partitions=1)

    def move(self) -> None:
        self.broker.kill()
        self.broker = LocalKafka(self._folder, self._ports[1])
        self.broker.start()


@pytest.fixture
def moving(tmp_path: Path) -> Iterator[Moving]:
    moving = Moving(tmp_path / "kafka")
    moving.broker.start()
    yield moving
    moving.broker.stop()


@asynccontextmanager
async def _looking(settings: Settings) -> AsyncIterator[tuple[AIOKafkaAdminClient, TopicReader]]:
    async with admin_client(settings) as admin, topic_reader(settings, Topic.SPEND_EVENTS) as reader:
        yield admin, reader


async def test_every_kind_of_client_and_a_worker_go_on_when_the_broker_has_moved(
    moving: Moving, new_worker: StartWorker
) -> None:
    settings, topic = moving.settings, moving.settings.topic(Topic.SPEND_EVENTS)
    producer = AIOKafkaProducer(**client_options(settings), acks="all", enable_idempotence=True)
    consumer = AIOKafkaConsumer(**client_options(settings), auto_offset_reset="earliest")
    async with open_broker(settings) as broker, _looking(settings) as (admin, reader):
        worker = await new_worker(settings).started()
        await broker.brand("nike")
        await broker.campaign("nike", "summer")
        await broker.until(lambda: len(broker.commands) == 1)
        await producer.start()
        await consumer.start()
        consumer.assign([TopicPartition(topic, 0)])
        await asyncio.to_thread(moving.move)
        moved_at = time.monotonic()
        async with asyncio.timeout(FOUND_SECONDS):
            await producer.send_and_wait(topic, b"{}", partition=0)
            assert await consumer.getone()
            assert (await _once_there(reader.ends))[0] == 1
            assert await _once_there(lambda: topic_facts(admin._client, [topic]))
            assert await topic_differences(settings) == []
            await broker.brand("nike", daily_budget="0")
            await broker.until(lambda: len(broker.commands) == 2)
        print(f"all of them {time.monotonic() - moved_at:.1f} s after the broker was back")
        worker.kill()
    await producer.stop()
    await consumer.stop()


async def test_a_connection_lost_while_the_coordinator_is_looked_up_is_no_end_of_a_transactional_producer(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    producer = AIOKafkaProducer(**client_options(settings), transactional_id=settings.topic("lost"))
    send, lost = producer.client.send, []

    async def losing(node: object, request: object, **options: Any) -> Any:
        if isinstance(request, FindCoordinatorRequest) and len(lost) < LOST_TIMES:
            lost.append(request)
            raise KafkaConnectionError("reset by peer")
        return await send(node, request, **options)

    monkeypatch.setattr(producer.client, "send", losing)
    await producer.start()
    await producer.begin_transaction()
    await producer.commit_transaction()
    await producer.stop()
    assert len(lost) == LOST_TIMES
