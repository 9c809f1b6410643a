"""Hostile batches on every topic that any process reads; the spend between them is counted to the micro by all.

SPENDGATE_FUZZ_RECORDS makes the run longer (200000 is a long one), SPENDGATE_FUZZ_SEED another.
"""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from spendgate_control import ControlReader, Policy

from console.live.command_feed import CommandFeed
from ledger.reconcile.reconciliation import reconcile
from local.kafka import LocalKafka
from local.ports import choose_port
from notifier.intake import READ
from operations.channels import add_channel
from operations.dead_letters.search import DeadLetterFilter, scan
from operations.dead_letters.views import details
from operations.resend import resend_all
from operations.status import read_status
from streams.kafka.reader import topic_reader
from streams.kafka.topics import ALL_TOPICS, INPUTS, Topic
from streams.live_state import LiveState
from streams.settings import Settings
from streams.worker.published_commands import read_last_commands
from tests.fuzz.hostile import Hostile
from tests.ledger.conftest import LedgerTables
from tests.lengths import length
from tests.streams.broker import Broker, open_broker, spend_event
from tests.streams.raw_batches import Raw, Refused, batch, raw_producer
from tests.streams.worker_process import WorkerProcess

RECORDS = int(os.environ.get("SPENDGATE_FUZZ_RECORDS") or length(2_000, 200_000))
SEED = int(os.environ.get("SPENDGATE_FUZZ_SEED", "20251125"))
BATCH = 20
BRANDS = [f"brand-{number}" for number in range(6)]
KINDS = ("worker", "ledger", "scheduler", "notifier")


@pytest.fixture
def settings(kafka: LocalKafka, topic_prefix: str, migrated_url: str) -> Settings:
    return Settings(
        brokers=kafka.brokers,
        database_url=migrated_url,
        topic_prefix=topic_prefix,
        partitions=4,
        metrics_port=0,
        notify_private_addresses=True,
    )


@pytest.fixture
async def broker(settings: Settings) -> AsyncIterator[Broker]:
    async with open_broker(settings) as opened:
        yield opened


@pytest.fixture
def processes(broker: Broker, settings: Settings, tmp_path: Path) -> Iterator[dict[str, WorkerProcess]]:
    spendgate = str(Path(sys.executable).with_name("spendgate"))
    url = {"SPENDGATE_DATABASE_URL": settings.database, "SPENDGATE_NOTIFY_PRIVATE_ADDRESSES": "true"}
    made = {kind: WorkerProcess(settings, tmp_path / f"{kind}.log", [spendgate, kind], **url) for kind in KINDS}
    for process in made.values():
        process.start()
    yield made
    for process in made.values():
        process.kill()


@pytest.mark.long
@pytest.mark.timeout(300 + RECORDS // 50)
async def test_hostile_batches_on_every_topic_cost_no_spend_and_no_process(
    broker: Broker, settings: Settings, processes: dict[str, WorkerProcess]
) -> None:
    books = LedgerTables(settings.database)
    # Nobody listens there: what is made of each record for a channel is seen in the database.
    add_channel(settings, "ops", f"http://127.0.0.1:{choose_port(0, 'test')}/hook", commands=True, actor="ann")
    hostile = Hostile(SEED, [*(brand.encode() for brand in BRANDS), f"{BRANDS[0]}/{BRANDS[0]}-campaign".encode()])
    for brand_id in BRANDS:
        await broker.brand(brand_id)
        await broker.campaign(brand_id, f"{brand_id}-campaign")
    await broker.until_settled()
    micros: Counter[str] = Counter()
    taken = 0
    async with raw_producer(settings) as producer, LiveState(settings) as live, CommandFeed(settings, _ignore) as feed:
        for number in range(RECORDS // BATCH):
            topic = ALL_TOPICS[number % len(ALL_TOPICS)]
            partition = hostile.random.randrange(settings.partitions)
            good = _good(hostile, number, micros, broker, partition) if topic is Topic.SPEND_EVENTS else []
            raw, count = hostile.batch_for(topic, BATCH, good)
            try:
                offset = await producer.send(topic, partition, raw)
                taken += 1
            except Refused:  # this one is the broker's to judge
                if not good:
                    continue
                offset, count = await producer.send(topic, partition, batch(good)), len(good)
            broker.note_sent(topic, partition, offset + count - 1)
        assert taken > RECORDS // BATCH * 0.7
        broker.sent = {place: at for place, at in broker.sent.items() if place[0] in INPUTS}
        await broker.until_settled()
        for kind, process in processes.items():
            assert process.exit_code is None, f"{kind}: {process.output[-3000:]}"
        for brand_id in BRANDS:
            assert broker.state_of(brand_id).monthly_micros == micros[brand_id], brand_id
        total = sum(micros.values()) / 1_000_000
        await books.until(_BOOKED, [(round(total),)])
        await _relay_has_read_all(broker, books)
        await _notifier_has_read_all(settings, books)
        letters = [details(entry) async for batch in scan(settings, DeadLetterFilter()) for entry in batch]
        assert json.dumps(letters)
        await broker.spend(BRANDS[0], f"{BRANDS[0]}-campaign", "1", event_id="the-last")
        async with asyncio.timeout(30):
            while (held := live.brand(BRANDS[0])) is None or held.state.monthly_micros != micros[BRANDS[0]] + 1_000_000:
                await asyncio.sleep(0.05)
        async with asyncio.timeout(30):  # read to the end, whatever lies on the way
            while not feed.is_fresh():
                await asyncio.sleep(0.05)
    await _commands_read(settings)
    told = {it.campaign_id: it.action for it in broker.commands}
    assert await asyncio.to_thread(_known_to_a_client, settings) == told
    for kind, process in processes.items():
        assert process.exit_code is None, f"{kind}: {process.output[-3000:]}"
    # And what lies on the topics stops no start either.
    for kind in ("worker", "ledger"):
        await processes[kind].stop()
        processes[kind].start()
    await broker.spend(BRANDS[0], f"{BRANDS[0]}-campaign", "1", event_id="after-a-restart")
    await broker.until_settled()
    assert broker.state_of(BRANDS[0]).monthly_micros == micros[BRANDS[0]] + 2_000_000
    await books.until(_BOOKED, [(round(total) + 2,)])


_BOOKED = "SELECT round(sum(amount))::int FROM spend_log WHERE brand_id LIKE 'brand-%%'"


async def _commands_read(settings: Settings) -> None:
    """The readers that are no process: those of commands, and of a worker that starts without its state."""
    found = await reconcile(settings)
    assert (found.differences, found.holes) == ([], [])
    assert (await read_status(settings))["groups"]
    assert (await resend_all(settings, (), dry_run=True)).there == 0
    known = await read_last_commands(settings, lambda _count: None)
    assert {f"{brand}-campaign" for brand in BRANDS} <= known.keys()


async def _notifier_has_read_all(settings: Settings, books: LedgerTables) -> None:
    for topic in READ:
        async with topic_reader(settings, topic) as reader:
            ends = await reader.ends()
        query = "SELECT partition, next_offset FROM notifier_position WHERE topic = %s"
        async with asyncio.timeout(60):
            while dict(books.rows(query, settings.topic(topic))) != ends:
                await asyncio.sleep(0.1)
    told = books.rows("SELECT count(DISTINCT brand_id)::int FROM delivery WHERE source = 'command'")
    assert told == [(len(BRANDS),)]


def _known_to_a_client(settings: Settings) -> dict[str, str]:
    """What an ad server's library makes of the topic of commands."""
    with ControlReader(
        settings.brokers, consumer="fuzz", policy=Policy.OPEN, topic_prefix=settings.topic_prefix, heartbeats=True
    ) as reader:
        changes = reader.catch_up(60)
        assert reader.unreadable_records
        return {it.command.campaign_id: it.command.action.value for it in changes if it.command is not None}


def _ignore(observed: object) -> None:
    """Nobody looks at a page."""


def _good(hostile: Hostile, number: int, micros: Counter[str], broker: Broker, partition: int) -> list[Raw]:
    at_home = [brand for brand in BRANDS if broker.home(brand) == partition]
    chosen = [hostile.random.choice(at_home) for _ in range(3)] if at_home else []
    micros.update(dict.fromkeys(set(chosen), 0))
    for brand_id in chosen:
        micros[brand_id] += 1_000_000
    return [
        Raw(brand.encode(), json.dumps(spend_event(brand, f"{brand}-campaign", "1", f"good-{number}-{at}")).encode())
        for at, brand in enumerate(chosen)
    ]


async def _relay_has_read_all(broker: Broker, books: LedgerTables) -> None:
    ends = sum(at for (topic, _), at in broker.sent.items() if topic is Topic.CATALOG)
    async with asyncio.timeout(60):
        while (books.rows("SELECT sum(next_offset) FROM catalog_position")[0][0] or 0) < ends:
            await asyncio.sleep(0.1)
