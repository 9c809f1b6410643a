"""The relay on real PostgreSQL and Kafka: order, versions, kills, backups, other writers."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from typing import NamedTuple

import psycopg2
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from pydantic import SecretStr

from console.local.kafka import LocalKafka
from models import catalog, migrate
from models.daypart_window import Window
from models.session import engine_of, session_scope
from schedulers.relay import Relay, run_relay, wait_until_published
from schedulers.relay_topic import CatalogTopic, Outgoing
from streams.core.partitioner import partition_of
from streams.core.records import BrandDocument, CampaignDocument
from streams.errors import ConfigurationError
from streams.records import decode_brand, decode_campaign
from streams.settings import Settings
from streams.topics import Topic
from tests.schedulers.catalog_topic import make_topic, remove_topic

PARTITIONS = 3


class Told(NamedTuple):
    key: str
    partition: int
    document: BrandDocument | CampaignDocument


@pytest.fixture
async def settings(kafka: LocalKafka, database_url: str, topic_prefix: str) -> AsyncIterator[Settings]:
    migrate.upgrade(database_url)
    made = Settings(
        brokers=kafka.brokers,
        database_url=SecretStr(database_url),
        topic_prefix=topic_prefix,
        partitions=PARTITIONS,
    )
    await make_topic(made)
    yield made
    engine_of(database_url).dispose()


@pytest.fixture
async def relay(settings: Settings) -> AsyncIterator[Relay]:
    made = Relay(settings)
    yield made
    await made.close()


async def test_a_document_says_all_and_a_brand_goes_before_its_campaigns(settings: Settings, relay: Relay) -> None:
    add_brand(settings, "nike", daily_budget_micros=100_000_000)
    with session_scope(settings.database) as session:
        catalog.add_campaign(
            session, "nike-summer", brand_id="nike", actor="ann", windows=[Window(0b11111, 22 * 60, 24 * 60)]
        )
        catalog.change_time_zone(session, "nike", "UTC", starts_at=1_757_361_600_000, actor="ann")

    assert await relay.relay_pending() == 2

    brand, campaign = await told(settings)
    assert brand.key == "nike"
    assert isinstance(brand.document, BrandDocument)
    assert [(zone.time_zone, zone.from_) for zone in brand.document.zones] == [
        ("Asia/Karachi", None),
        ("UTC", "2025-09-08T20:00:00Z"),
    ]
    assert brand.document.daily_budget == "100.00"
    assert campaign.key == "nike/nike-summer"
    assert isinstance(campaign.document, CampaignDocument)
    [window] = campaign.document.windows
    assert (window.days, window.from_, window.to) == (["mon", "tue", "wed", "thu", "fri"], "22:00", "24:00")
    assert brand.partition == campaign.partition == partition_of("nike", PARTITIONS)


async def test_versions_seen_by_a_committed_reader_rise_one_by_one(settings: Settings, relay: Relay) -> None:
    add_brand(settings, "nike")
    await relay.relay_pending()
    for budget in (1, 2, 3):
        set_budget(settings, "nike", budget)
        await relay.relay_pending()

    assert await budgets_by_version(settings, "nike") == [(1, None), (2, 1), (3, 2), (4, 3)]


async def test_a_pass_without_edits_writes_nothing(settings: Settings, relay: Relay) -> None:
    add_brand(settings, "nike")
    await relay.relay_pending()

    assert await relay.relay_pending() == 0
    assert len(await told(settings)) == 1


async def test_the_outbox_tells_where_the_broker_has_put_a_document(settings: Settings, relay: Relay) -> None:
    add_brand(settings, "nike")
    await relay.relay_pending()

    [row] = sql(
        settings, "SELECT DISTINCT topic, partition, record_offset, version, published_at IS NULL FROM catalog_outbox"
    )
    assert row == (settings.topic(Topic.CATALOG), partition_of("nike", PARTITIONS), 0, 1, False)


async def test_more_edits_than_one_round_holds_are_all_published(settings: Settings, relay: Relay) -> None:
    sql(
        settings,
        "INSERT INTO brand (brand_id, currency) SELECT 'b' || n, 'USD' FROM generate_series(1, 2100) n;"
        "INSERT INTO brand_zone (brand_id, time_zone) SELECT brand_id, 'UTC' FROM brand;"
        "INSERT INTO catalog_outbox (brand_id) SELECT brand_id FROM brand;",
    )

    await relay.relay_pending()

    assert {record.key for record in await told(settings)} == {f"b{n}" for n in range(1, 2101)}
    assert sql(settings, "SELECT count(*) FROM catalog_outbox WHERE published_at IS NULL") == [(0,)]


KILLED_BEFORE_THE_MARK = """
import os
from models.catalog_relay import RelayStore
from schedulers.relay import publish_edit
from streams.settings import Settings
RelayStore.mark = lambda *_: os._exit(9)
publish_edit(Settings())
"""


async def test_a_relay_killed_between_ack_and_mark_makes_the_next_go_on_above(settings: Settings, relay: Relay) -> None:
    add_brand(settings, "nike")
    environment = {
        "SPENDGATE_BROKERS": settings.brokers,
        "SPENDGATE_DATABASE_URL": settings.database,
        "SPENDGATE_TOPIC_PREFIX": settings.topic_prefix,
        "SPENDGATE_PARTITIONS": str(PARTITIONS),
    }
    killed = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", KILLED_BEFORE_THE_MARK], env=environment, check=False
    )
    assert killed.returncode == 9
    assert await budgets_by_version(settings, "nike") == [(1, None)]
    set_budget(settings, "nike", 7)

    assert await relay.relay_pending() == 1

    assert await budgets_by_version(settings, "nike") == [(1, None), (2, 7)]
    assert await relay.relay_pending() == 0


async def test_a_relay_that_lost_its_lock_cannot_mark_and_its_record_is_superseded(
    settings: Settings, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_brand(settings, "nike")
    publish = CatalogTopic.publish

    async def publish_and_lose_the_lock(self: CatalogTopic, outgoing: list[Outgoing]) -> list[int]:
        offsets = await publish(self, outgoing)
        sql(
            settings,
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database = "
            "(SELECT oid FROM pg_database WHERE datname = current_database())",
        )
        return offsets

    with monkeypatch.context() as patch:
        patch.setattr(CatalogTopic, "publish", publish_and_lose_the_lock)
        with pytest.raises(Exception, match="database cannot be used"):
            await relay.relay_pending()

    assert await relay.relay_pending() == 1
    assert [record.document.version for record in await told(settings)] == [1, 2]


async def test_after_a_restored_backup_its_rows_win_with_versions_above_the_topics(
    settings: Settings, relay: Relay
) -> None:
    add_brand(settings, "nike")
    set_budget(settings, "nike", 1)
    await relay.relay_pending()
    with restored_copy(settings) as later:
        set_budget(settings, "nike", 2)
        await relay.relay_pending()
        set_budget(settings, "nike", 3)
        add_brand(settings, "adidas")
        await relay.relay_pending()
        other = Relay(later)
        try:
            await other.relay_pending()
            assert (await budgets_by_version(settings, "nike"))[-1] == (4, 1)
            add_brand(later, "adidas")
            await other.relay_pending()
        finally:
            await other.close()
    assert [version for version, _ in await budgets_by_version(settings, "nike")] == [1, 2, 3, 4]
    assert [version for version, _ in await budgets_by_version(settings, "adidas")] == [1, 2]


async def test_a_document_that_somebody_else_wrote_is_superseded(settings: Settings, relay: Relay) -> None:
    add_brand(settings, "nike")
    await relay.relay_pending()
    await write(settings, b"nike", b'{"kind":"brand","version":41}')
    await write(settings, b"nike", b"not a document")
    await write(settings, b"nike", None)

    await relay.relay_pending()

    assert (await told(settings))[-1].document.version == 42


async def test_a_topic_that_was_made_anew_gets_everything_above_the_old_versions(
    settings: Settings, relay: Relay
) -> None:
    for brand_id in ("nike", "adidas"):
        add_brand(settings, brand_id)
    set_budget(settings, "nike", 1)
    await relay.relay_pending()
    set_budget(settings, "nike", 2)
    await relay.relay_pending()
    await remove_topic(settings)
    await make_topic(settings)

    assert await relay.relay_pending() == 2

    assert {(record.key, record.document.version) for record in await told(settings)} == {("nike", 3), ("adidas", 2)}


async def test_two_relays_at_once_publish_every_edit_once(settings: Settings) -> None:
    relays = [Relay(settings) for _ in range(3)]
    try:
        for n in range(8):
            add_brand(settings, f"b{n}")
            await asyncio.gather(*(relay.relay_pending() for relay in relays))
    finally:
        for relay in relays:
            await relay.close()

    assert sorted((record.key, record.document.version) for record in await told(settings)) == [
        (f"b{n}", 1) for n in range(8)
    ]


async def test_edits_of_one_brand_by_many_relays_are_told_in_the_order_of_their_versions(settings: Settings) -> None:
    add_brand(settings, "nike")
    relays = [Relay(settings) for _ in range(3)]

    async def edit(n: int) -> None:
        await asyncio.to_thread(set_budget, settings, "nike", n)
        await relays[n % 3].relay_pending()

    try:
        await asyncio.gather(*(edit(n) for n in range(12)))
    finally:
        for relay in relays:
            await relay.close()

    seen = await budgets_by_version(settings, "nike")
    assert [version for version, _ in seen] == list(range(1, len(seen) + 1))
    [(budget,)] = sql(settings, "SELECT daily_budget::int FROM brand")
    assert seen[-1][1] == budget


async def test_many_edits_at_once_are_each_on_the_broker_when_their_wait_ends(settings: Settings, relay: Relay) -> None:
    async def edit(n: int) -> None:
        await asyncio.to_thread(add_brand, settings, f"b{n}")
        await wait_until_published(settings, relay)
        assert (f"b{n}",) not in sql(settings, "SELECT brand_id FROM catalog_outbox WHERE published_at IS NULL")

    await asyncio.gather(*(edit(n) for n in range(10)))

    assert len(await told(settings)) == 10


async def test_a_committed_edit_wakes_the_relay_within_a_second(settings: Settings) -> None:
    async with reader(settings) as consumer, running_relay(settings):
        add_brand(settings, "warm-up")
        await until_told(consumer, "warm-up", within_seconds=20)
        add_brand(settings, "nike")
        await until_told(consumer, "nike", within_seconds=1)


async def test_a_running_relay_outlives_its_database_connections(settings: Settings) -> None:
    async with reader(settings) as consumer, running_relay(settings):
        add_brand(settings, "nike")
        await until_told(consumer, "nike", within_seconds=20)
        sql(
            settings,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        add_brand(settings, "adidas")
        await until_told(consumer, "adidas", within_seconds=20)


async def test_a_cancelled_relay_leaves_the_lock_to_others(settings: Settings, relay: Relay) -> None:
    async with reader(settings) as consumer, running_relay(settings):
        add_brand(settings, "nike")
        await until_told(consumer, "nike", within_seconds=20)
    add_brand(settings, "adidas")

    await relay.relay_pending()

    assert "adidas" in {record.key for record in await told(settings)}


async def test_a_missing_topic_and_a_wrong_partition_count_are_told(settings: Settings) -> None:
    add_brand(settings, "nike")
    for wrong, sentence in (
        (settings.model_copy(update={"partitions": 2}), "has 3 partitions and SPENDGATE_PARTITIONS is 2"),
        (settings.model_copy(update={"topic_prefix": f"{settings.topic_prefix}no-"}), "spendgate topics create"),
    ):
        with pytest.raises(ConfigurationError, match=sentence):
            await wait_until_published(wrong)


def add_brand(settings: Settings, brand_id: str, *, daily_budget_micros: int | None = None) -> None:
    with session_scope(settings.database) as session:
        catalog.add_brand(
            session,
            brand_id,
            time_zone="Asia/Karachi",
            currency="USD",
            actor="ann",
            daily_budget_micros=daily_budget_micros,
        )


def set_budget(settings: Settings, brand_id: str, budget: int) -> None:
    with session_scope(settings.database) as session:
        catalog.edit_brand(session, brand_id, {"daily_budget_micros": budget * 1_000_000}, actor="ann")


def sql(settings: Settings, statement: str) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(settings.database)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []


@asynccontextmanager
async def running_relay(settings: Settings) -> AsyncIterator[None]:
    task = asyncio.create_task(run_relay(settings))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@contextmanager
def restored_copy(settings: Settings) -> Iterator[Settings]:
    """Another database as this one is now: what a restore of today's backup will bring back."""
    engine_of(settings.database).dispose()
    server, name = settings.database.rsplit("/", 1)
    maintenance = settings.model_copy(update={"database_url": SecretStr(f"{server}/postgres")})
    copied = settings.model_copy(update={"database_url": SecretStr(f"{server}/{name}_restored")})
    sql(maintenance, f"CREATE DATABASE {name}_restored TEMPLATE {name}")
    try:
        yield copied
    finally:
        engine_of(copied.database).dispose()
        sql(maintenance, f"DROP DATABASE {name}_restored WITH (FORCE)")


@asynccontextmanager
async def reader(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    """Reads committed records alone, from the topic's start."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.brokers, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(settings.topic(Topic.CATALOG), n) for n in range(PARTITIONS)])
        yield consumer
    finally:
        await consumer.stop()


async def told(settings: Settings) -> list[Told]:
    """Every document on the topic, oldest first within a partition."""
    records: list[ConsumerRecord] = []
    async with reader(settings) as consumer:
        for part, end in (await consumer.end_offsets(consumer.assignment())).items():
            while await consumer.position(part) < end:
                records += (await consumer.getmany(part, timeout_ms=1000)).get(part, [])
    return [Told(record.key.decode(), record.partition, decode(record)) for record in records if is_document(record)]


def is_document(record: ConsumerRecord) -> bool:
    """The others are what tests have written as somebody else."""
    return (record.value is not None and b'"zones"' in record.value) or b"/" in record.key


def decode(record: ConsumerRecord) -> BrandDocument | CampaignDocument:
    return decode_campaign(record.value) if b"/" in record.key else decode_brand(record.value)


async def budgets_by_version(settings: Settings, brand_id: str) -> list[tuple[int, int | None]]:
    documents = [record.document for record in await told(settings) if record.key == brand_id]
    return [(d.version, None if d.daily_budget is None else int(float(d.daily_budget))) for d in documents]


async def until_told(consumer: AIOKafkaConsumer, key: str, *, within_seconds: float) -> None:
    async with asyncio.timeout(within_seconds):
        while (await consumer.getone()).key != key.encode():
            pass


async def write(settings: Settings, key: bytes, value: bytes | None) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=settings.brokers)
    await producer.start()
    try:
        partition = partition_of(key.decode(), PARTITIONS)
        await producer.send_and_wait(settings.topic(Topic.CATALOG), value, key=key, partition=partition)
    finally:
        await producer.stop()
