"""A few KiB that unpack to hundreds of MiB, on every topic: they take little memory of each process that reads one.

The worker's own test is in tests/streams/worker/test_hostile_batches.py.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from ledger.read_topics import READ as LEDGER_READS
from local.kafka import LocalKafka
from local.ports import choose_port
from streams.kafka.decompression import GZIP, ZSTD
from streams.kafka.options import entry_environment
from streams.kafka.reader import topic_reader
from streams.kafka.topics import ALL_TOPICS, Topic
from streams.settings import Settings
from tests.health import is_ready
from tests.ledger.conftest import LedgerTables
from tests.lengths import WHOLE, length
from tests.streams.broker import Broker, open_broker, spend_event
from tests.streams.raw_batches import Raw, RawProducer, batch, raw_producer
from tests.streams.worker_process import WorkerProcess

MIB = 1024 * 1024
#: Well above what they may add; Java and Python unpack as much for each of them.
BOMB_BYTES = length(150, 400) * MIB
#: What bombs may add to a process: a batch, what is handed over twice, the window of a codec.
ADDED_BYTES = 80 * MIB
PATIENCE_SECONDS = 240
BRAND = "nike"
SPENDGATE = str(Path(sys.executable).with_name("spendgate"))


@cache
def bombs() -> tuple[bytes, ...]:
    return tuple(batch([Raw(b"bomb", b" " * BOMB_BYTES)], codec) for codec in (ZSTD, GZIP))


@pytest.fixture
def settings(kafka: LocalKafka, topic_prefix: str, migrated_url: str) -> Settings:
    return Settings(
        brokers=kafka.brokers,
        database_url=migrated_url,
        topic_prefix=topic_prefix,
        partitions=2,
        metrics_port=0,
        http_port=choose_port(0, "test"),
    )


@pytest.fixture
async def broker(settings: Settings) -> AsyncIterator[Broker]:
    async with open_broker(settings) as opened:
        yield opened


@pytest.fixture
def start(settings: Settings, tmp_path: Path) -> Iterator[Callable[[str], WorkerProcess]]:
    made: list[WorkerProcess] = []

    def started(kind: str) -> WorkerProcess:
        environment = {"SPENDGATE_DATABASE_URL": settings.database, "SPENDGATE_HTTP_PORT": str(settings.http_port)}
        made.append(WorkerProcess(settings, tmp_path / f"{len(made)}.log", [SPENDGATE, kind], **environment))
        made[-1].start()
        return made[-1]

    yield started
    for process in made:
        process.kill()


@pytest.mark.long
@pytest.mark.parametrize(
    "kind",
    ["ledger", *(pytest.param(it, marks=pytest.mark.long_only) for it in ("scheduler", "api"))],
)
async def test_bombs_take_little_memory_of_a_process_that_reads_to_the_end(
    kind: str, broker: Broker, settings: Settings, start: Callable[[str], WorkerProcess]
) -> None:
    await broker.brand(BRAND)
    async with raw_producer(settings) as producer:
        await _spend(producer, broker, "before")
        process = start(kind)
        await _until_read(kind, settings, process)
        before = process.peak_bytes
        await process.stop()
        for topic in ALL_TOPICS if WHOLE else LEDGER_READS:
            for bomb in bombs():
                await producer.send(topic, broker.home(BRAND), bomb)
        await _spend(producer, broker, "after")
    process = start(kind)
    await _until_read(kind, settings, process)
    added = process.peak_bytes - before
    print(f"{kind}: bombs took {added / MIB:.0f} MiB beside {before / MIB:.0f} MiB")
    assert added < ADDED_BYTES
    if kind == "ledger":
        booked = LedgerTables(settings.database).rows("SELECT event_id FROM spend_log ORDER BY event_id")
        assert booked == [("after",), ("before",)]


@pytest.mark.long
async def test_bombs_among_dead_letters_take_little_memory_of_those_who_list_them(
    broker: Broker, settings: Settings
) -> None:
    before, _ = await asyncio.to_thread(_listed, settings)
    async with raw_producer(settings) as producer:
        for bomb in bombs():
            await producer.send(Topic.DEAD_LETTERS, 0, bomb)
    peak, listed = await asyncio.to_thread(_listed, settings)
    assert listed == len(bombs())
    print(f"dlq list: bombs took {(peak - before) / MIB:.0f} MiB beside {before / MIB:.0f} MiB")
    assert peak - before < ADDED_BYTES


async def _spend(producer: RawProducer, broker: Broker, event_id: str) -> None:
    value = json.dumps(spend_event(BRAND, "summer", "1", event_id)).encode()
    await producer.send(Topic.SPEND_EVENTS, broker.home(BRAND), batch([Raw(BRAND.encode(), value)]))


async def _until_read(kind: str, settings: Settings, process: WorkerProcess) -> None:
    """Everything that lies on its topics now."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        if kind == "api":
            while not await asyncio.to_thread(is_ready, settings.http_port):
                process.check_alive()
                await asyncio.sleep(0.1)
            return
        topics, positions = ((Topic.CATALOG,), _RELAYED) if kind == "scheduler" else (LEDGER_READS, _BOOKED)
        ends = 0
        for topic in topics:
            async with topic_reader(settings, topic) as reader:
                ends += sum((await reader.ends()).values())
        books = LedgerTables(settings.database)
        while (await asyncio.to_thread(books.rows, positions))[0][0] != ends:
            process.check_alive()
            await asyncio.sleep(0.1)


_RELAYED = "SELECT coalesce(sum(next_offset), 0)::int FROM catalog_position"
_BOOKED = "SELECT coalesce(sum(position), 0)::int FROM ledger_position"


def _listed(settings: Settings) -> tuple[int, int]:
    """The peak of a `dlq list` in bytes, and how many it has listed."""
    measured = (
        "import json, resource, subprocess, sys;"
        "listed = subprocess.run(sys.argv[1:], check=True, stdout=subprocess.PIPE);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, len(json.loads(listed.stdout)))"
    )
    environment = {**os.environ, **entry_environment(settings), "SPENDGATE_DATABASE_URL": settings.database}
    environment |= {"SPENDGATE_TOPIC_PREFIX": settings.topic_prefix, "SPENDGATE_PARTITIONS": str(settings.partitions)}
    command = [sys.executable, "-c", measured, SPENDGATE, "dlq", "list", "--json"]
    said = subprocess.run(command, check=True, env=environment, capture_output=True, timeout=PATIENCE_SECONDS)
    kib, count = said.stdout.split()
    return int(kib) * 1024, int(count)
