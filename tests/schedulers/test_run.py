"""The scheduler's process on real Kafka and PostgreSQL: it wakes on the minute, outlives its broker, stops if told."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from core.errors import ConfigurationError
from core.moment import SECOND, Moment
from local.kafka import LocalKafka
from models.privileges import DatabaseRole
from models.queries import catalog_edits
from models.session import engine_of, session_scope
from schedulers.run import run
from streams.clock import current_moment
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.core.clock_changes import at
from tests.database_roles import as_role
from tests.schedulers.sent_messages import OURS, Reader
from tests.topics import make_topics


@pytest.fixture
async def settings(kafka: LocalKafka, migrated_url: str, topic_prefix: str) -> AsyncIterator[Settings]:
    yield await made_ready(kafka, migrated_url, topic_prefix)
    engine_of(migrated_url).dispose()


async def made_ready(kafka: LocalKafka, migrated_url: str, topic_prefix: str) -> Settings:
    with session_scope(migrated_url) as session:
        catalog_edits.add_brand(session, "nike", time_zone="Asia/Karachi", currency="USD", actor="ann")
    settings = Settings(
        brokers=kafka.brokers,
        database_url=migrated_url,
        topic_prefix=topic_prefix,
        partitions=3,
        metrics_port=free_port(),
    )
    await make_topics(settings, *OURS, Topic.CATALOG)
    return settings


async def test_it_sends_at_once_and_then_on_the_minute_and_stops_when_told(settings: Settings) -> None:
    async with reading(settings) as reader, running(settings, clock_from("2025-09-08T18:59:57Z")) as process:
        await reader.until("2025-09-08T18:59:00Z")
        await reader.until("daily:Asia/Karachi:2025-09-09")
        metrics = await asyncio.to_thread(page, settings, "/metrics")
        assert metric(metrics, "last_tick_timestamp_seconds") == at("2025-09-08T19:00:00Z") / SECOND
        assert 0 <= metric(metrics, "tick_lateness_seconds") < 1
        assert await asyncio.to_thread(page, settings, "/health/ready") == "ok\n"
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(10):
            await process


async def test_it_outlives_a_broker_that_goes_and_comes_back(
    tmp_path: Path, migrated_url: str, topic_prefix: str
) -> None:
    broker = LocalKafka(tmp_path, port=free_port())
    await asyncio.to_thread(broker.start)
    try:
        settings = await made_ready(broker, migrated_url, topic_prefix)
        clock = clock_from("2025-09-08T18:59:55Z")
        async with running(settings, clock):
            async with reading(settings) as reader:
                await reader.until("2025-09-08T18:59:00Z")
            await asyncio.to_thread(broker.kill)
            # The midnight passes while it is away.
            await asyncio.sleep((at("2025-09-08T19:00:02Z") - clock()) / SECOND)
            await asyncio.to_thread(broker.start)
            async with reading(settings) as reader:
                await reader.until("daily:Asia/Karachi:2025-09-09")
    finally:
        await asyncio.to_thread(broker.stop)
        engine_of(migrated_url).dispose()


async def test_a_metrics_port_that_is_taken_is_refused_with_what_to_do(settings: Settings) -> None:
    taken = socket.create_server(("", settings.metrics_port or 0))
    with taken, pytest.raises(ConfigurationError, match="set SPENDGATE_METRICS_PORT to a free one"):
        await run(settings)


def clock_from(moment: str) -> Callable[[], Moment]:
    """The real clock, moved."""
    ahead = at(moment) - current_moment()
    return lambda: current_moment() + ahead


@asynccontextmanager
async def running(settings: Settings, clock: Callable[[], Moment]) -> AsyncIterator[asyncio.Task[None]]:
    process = asyncio.create_task(run(as_role(settings, DatabaseRole.SCHEDULER), clock=clock))
    try:
        yield process
    finally:
        process.cancel()
        await asyncio.wait([process])


@asynccontextmanager
async def reading(settings: Settings) -> AsyncIterator[Reader]:
    reader = Reader(settings)
    await reader.start()
    try:
        yield reader
    finally:
        await reader.stop()


def page(settings: Settings, path: str) -> str:
    with urlopen(f"http://127.0.0.1:{settings.metrics_port}{path}", timeout=5) as answer:
        return str(answer.read().decode())


def metric(metrics: str, name: str) -> float:
    [line] = [line for line in metrics.splitlines() if line.startswith(f"spendgate_scheduler_{name} ")]
    return float(line.split()[1])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
