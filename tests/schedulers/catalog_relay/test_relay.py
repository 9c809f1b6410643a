"""The relay on real PostgreSQL and Kafka: order, versions, kills, backups, other writers."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager, suppress
from datetime import date
from typing import NamedTuple

import msgspec
import psycopg2
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from core.errors import ConfigurationError, SpendgateError, TooLarge, Unreachable
from core.partitioner import partition_of
from core.records import BrandDocument, CampaignDocument
from core.windows import Window
from local.kafka import LocalKafka
from models.errors import AlreadyExists
from models.privileges import DatabaseRole
from models.queries import catalog_edits
from models.queries.catalog_relay import relay_store
from models.running_relay import published_by_relay
from models.session import engine_of, session_scope
from schedulers.catalog_relay.relay import Relay, publish_edit, run_relay, wait_until_published
from schedulers.catalog_relay.topic import CatalogTopic, OutgoingDocument
from streams.kafka.codec import decode_brand, decode_campaign
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.database_roles import as_role
from tests.streams.topic_changes import limit
from tests.topics import delete_topics, make_topics

PARTITIONS = 3
PATIENCE_SECONDS = 60


class PublishedDocument(NamedTuple):
    key: str
    partition: int
    document: BrandDocument | CampaignDocument


@pytest.fixture
async def settings(kafka: LocalKafka, migrated_url: str, topic_prefix: str) -> AsyncIterator[Settings]:
    made = Settings(
        brokers=kafka.brokers,
        database_url=migrated_url,
        topic_prefix=topic_prefix,
        partitions=PARTITIONS,
    )
    await make_topics(made, Topic.CATALOG)
    yield made
    engine_of(migrated_url).dispose()


@pytest.fixture
async def relay(settings: Settings) -> AsyncIterator[Relay]:
    by_role = as_role(settings, DatabaseRole.SCHEDULER)
    made = Relay(by_role)
    yield made
    await made.close()
    engine_of(by_role.database).dispose()


async def test_a_document_says_all_and_a_brand_goes_before_its_campaigns(settings: Settings, relay: Relay) -> None:
    add_brand(settings, "nike", daily_budget_micros=100_000_000)
    with session_scope(settings.database) as session:
        catalog_edits.add_campaign(
            session, "nike-summer", brand_id="nike", actor="ann", windows=[Window((0, 1, 2, 3, 4), 22 * 60, 24 * 60)]
        )
        catalog_edits.change_time_zone(session, "nike", "UTC", starts_at=1_757_361_600_000, actor="ann")

    assert await relay.relay_pending() == 2

    brand, campaign = await observed(settings)
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
    assert len(await observed(settings)) == 1


async def test_the_outbox_tells_where_the_broker_has_put_a_document(settings: Settings, relay: Relay) -> None:
    add_brand(settings, "nike")
    await relay.relay_pending()

    [row] = sql(
        settings, "SELECT DISTINCT topic, partition, record_offset, version, published_at IS NULL FROM catalog_outbox"
    )
    assert row == (settings.topic(Topic.CATALOG), partition_of("nike", PARTITIONS), 0, 1, False)


async def test_an_edit_waits_for_a_relay_that_runs_and_for_none_where_none_does(settings: Settings) -> None:
    def is_published(patience_seconds: float) -> bool:
        return published_by_relay(settings.database, ["nike"], patience_seconds)

    add_brand(settings, "nike")
    assert not is_published(PATIENCE_SECONDS)
    async with running_relay(settings), asyncio.timeout(PATIENCE_SECONDS):
        while not await asyncio.to_thread(is_published, PATIENCE_SECONDS):
            pass  # the relay has yet to begin to listen
        set_budget(settings, "nike", 2)
        assert await asyncio.to_thread(is_published, PATIENCE_SECONDS)
        assert [version for version, _ in await budgets_by_version(settings, "nike")] == [1, 2]
        with ExitStack() as held:  # its lock keeps the relay from its next pass; one may be under way in this loop
            await asyncio.to_thread(held.enter_context, relay_store(settings.database, "another"))
            set_budget(settings, "nike", 3)
            assert not await asyncio.to_thread(is_published, 0.0)
    assert not is_published(PATIENCE_SECONDS)


async def test_more_edits_than_one_round_holds_are_all_published(settings: Settings, relay: Relay) -> None:
    sql(
        settings,
        "INSERT INTO brand (brand_id, currency) SELECT 'b' || n, 'USD' FROM generate_series(1, 2100) n;"
        "INSERT INTO brand_zone (brand_id, time_zone) SELECT brand_id, 'UTC' FROM brand;"
        "INSERT INTO catalog_outbox (brand_id) SELECT brand_id FROM brand;",
    )

    await relay.relay_pending()

    assert {record.key for record in await observed(settings)} == {f"b{n}" for n in range(1, 2101)}
    assert sql(settings, "SELECT count(*) FROM catalog_outbox WHERE published_at IS NULL") == [(0,)]


KILLED_BEFORE_THE_MARK = """
import os
from models.queries.catalog_relay import RelayStore
from schedulers.catalog_relay.relay import publish_edit
from streams.settings import Settings
RelayStore.mark_published = lambda *_: os._exit(9)
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

    async def publish_and_lose_the_lock(
        self: CatalogTopic, outgoing: list[OutgoingDocument]
    ) -> list[int | SpendgateError]:
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
    assert [record.document.version for record in await observed(settings)] == [1, 2]


async def test_after_a_restored_backup_the_documents_in_force_come_back_into_the_rows(
    settings: Settings, relay: Relay
) -> None:
    """The controller decides by them; an older budget is never told anew, whatever was edited in the restored rows."""
    add_brand(settings, "nike")
    set_budget(settings, "nike", 1)
    add_brand(settings, "puma")
    set_budget(settings, "puma", 8)
    await relay.relay_pending()
    with restored_copy(settings) as restored:
        set_budget(settings, "nike", 2)
        await relay.relay_pending()
        add_brand(settings, "adidas")
        windows = [Window((0, 1, 2, 3, 4), 22 * 60, 24 * 60), Window((5, 6), 60, 30)]
        with session_scope(settings.database) as session:
            catalog_edits.edit_brand(session, "nike", {"daily_budget_micros": 3_000_000, "enabled": False}, actor="ann")
            catalog_edits.change_time_zone(session, "nike", "UTC", starts_at=1_757_361_600_000, actor="ann")
            catalog_edits.add_campaign(
                session,
                "adidas-summer",
                brand_id="adidas",
                actor="ann",
                windows=windows,
                starts_on=date(2025, 9, 1),
                total_budget_micros=5_500_000,
            )
        await relay.relay_pending()
        before = {it.key: msgspec.structs.replace(it.document, version=1) for it in await observed(settings)}
        set_budget(restored, "puma", 9)
        other = Relay(as_role(restored, DatabaseRole.SCHEDULER))
        try:
            await other.relay_pending()
            after = {it.key: msgspec.structs.replace(it.document, version=1) for it in await observed(settings)}
            assert (await budgets_by_version(settings, "nike"))[2:] == [(3, 3), (4, 3)]
            assert (await budgets_by_version(settings, "puma"))[-1] == (2, 9)
            assert {**after, "puma": None} == {**before, "puma": None}
            assert await other.relay_pending() == 0
            with pytest.raises(AlreadyExists):
                add_brand(restored, "adidas")
            set_budget(restored, "nike", 4)
            await other.relay_pending()
            assert (await budgets_by_version(settings, "nike"))[-1] == (5, 4)
        finally:
            await other.close()


async def test_a_document_in_force_comes_back_also_where_its_row_was_locked_for_too_long(
    settings: Settings, relay: Relay
) -> None:
    add_brand(settings, "nike")
    await relay.relay_pending()
    with restored_copy(settings) as restored:
        add_brand(settings, "puma", daily_budget_micros=2_000_000)
        await relay.relay_pending()
        other = Relay(as_role(restored, DatabaseRole.SCHEDULER))
        try:
            with closing(psycopg2.connect(restored.database)) as connection, connection.cursor() as cursor:
                cursor.execute("INSERT INTO brand (brand_id, currency) VALUES ('puma', 'EUR')")
                with pytest.raises(Unreachable, match="lock timeout"):
                    await other.relay_pending()
            await other.relay_pending()
            assert sql(restored, "SELECT daily_budget::int FROM brand WHERE brand_id = 'puma'") == [(2,)]
        finally:
            await other.close()


async def test_an_edit_under_way_delays_a_pass_and_fails_none(settings: Settings, relay: Relay) -> None:
    add_brand(settings, "nike")
    with session_scope(settings.database) as session:
        catalog_edits.edit_brand(session, "nike", {"daily_budget_micros": 7_000_000}, actor="ann")
        pending = asyncio.create_task(relay.relay_pending())
        async with asyncio.timeout(10):
            while sql(settings, "SELECT count(*) FROM pg_locks WHERE NOT granted") == [(0,)] and not pending.done():
                await asyncio.sleep(0.01)
    await pending
    await relay.relay_pending()
    assert (await budgets_by_version(settings, "nike"))[-1][1] == 7


async def test_a_document_that_somebody_else_wrote_is_superseded(settings: Settings, relay: Relay) -> None:
    add_brand(settings, "nike")
    await relay.relay_pending()
    await write(settings, b"nike", b'{"kind":"brand","version":41}')
    await write(settings, b"nike", b"not a document")
    await write(settings, b"nike", None)

    await relay.relay_pending()

    assert (await observed(settings))[-1].document.version == 42


async def test_a_topic_that_was_made_anew_gets_everything_above_the_old_versions(
    settings: Settings, relay: Relay
) -> None:
    for brand_id in ("nike", "adidas"):
        add_brand(settings, brand_id)
    set_budget(settings, "nike", 1)
    await relay.relay_pending()
    set_budget(settings, "nike", 2)
    await relay.relay_pending()
    await delete_topics(settings, Topic.CATALOG)
    await make_topics(settings, Topic.CATALOG)

    assert await relay.relay_pending() == 2

    assert {(record.key, record.document.version) for record in await observed(settings)} == {
        ("nike", 3),
        ("adidas", 2),
    }


async def test_a_document_that_the_topic_does_not_take_is_told_and_keeps_no_other_waiting(
    settings: Settings, relay: Relay
) -> None:
    await limit(settings, Topic.CATALOG, 1_500)
    for n in range(30):
        add_brand(settings, f"b{n}")
    add_brand(settings, "large")
    windows = [Window((0,), minute, minute + 1) for minute in range(0, 600, 2)]
    with session_scope(settings.database) as session:
        catalog_edits.add_campaign(session, "large-campaign", brand_id="large", actor="ann", windows=windows)

    assert await relay.relay_pending() == 31
    assert "max.message.bytes" in relay.refused["large/large-campaign"]
    add_brand(settings, "after")
    await wait_until_published(settings, relay, ["after"])
    with pytest.raises(TooLarge, match="document of large/large-campaign, and no other, is not published"):
        await wait_until_published(settings, relay)
    assert {record.key for record in await observed(settings)} == {*(f"b{n}" for n in range(30)), "large", "after"}

    await asyncio.to_thread(publish_edit, settings, ["after"])
    with pytest.raises(TooLarge, match="document of large/large-campaign"):
        await asyncio.to_thread(publish_edit, settings, ["large/large-campaign"])

    await limit(settings, Topic.CATALOG, 1_000_000)
    await wait_until_published(settings, relay)
    assert "large/large-campaign" in {record.key for record in await observed(settings)}
    assert relay.refused == {}


async def test_two_relays_at_once_publish_every_edit_once(settings: Settings) -> None:
    relays = [Relay(as_role(settings, DatabaseRole.SCHEDULER)) for _ in range(3)]
    try:
        for n in range(8):
            add_brand(settings, f"b{n}")
            await asyncio.gather(*(relay.relay_pending() for relay in relays))
    finally:
        for relay in relays:
            await relay.close()

    assert sorted((record.key, record.document.version) for record in await observed(settings)) == [
        (f"b{n}", 1) for n in range(8)
    ]


async def test_edits_of_one_brand_by_many_relays_are_told_in_the_order_of_their_versions(settings: Settings) -> None:
    add_brand(settings, "nike")
    relays = [Relay(as_role(settings, DatabaseRole.SCHEDULER)) for _ in range(3)]

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

    assert len(await observed(settings)) == 10


async def test_a_committed_edit_wakes_the_relay_within_a_second(settings: Settings) -> None:
    async with reader(settings) as consumer, running_relay(settings):
        add_brand(settings, "warm-up")
        await until_published(consumer, "warm-up", within_seconds=20)
        add_brand(settings, "nike")
        await until_published(consumer, "nike", within_seconds=1)


async def test_a_running_relay_outlives_its_database_connections(settings: Settings) -> None:
    async with reader(settings) as consumer, running_relay(settings):
        add_brand(settings, "nike")
        await until_published(consumer, "nike", within_seconds=20)
        sql(
            settings,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        add_brand(settings, "adidas")
        await until_published(consumer, "adidas", within_seconds=20)


async def test_a_cancelled_relay_leaves_the_lock_to_others(settings: Settings, relay: Relay) -> None:
    async with reader(settings) as consumer, running_relay(settings):
        add_brand(settings, "nike")
        await until_published(consumer, "nike", within_seconds=20)
    add_brand(settings, "adidas")

    await relay.relay_pending()

    assert "adidas" in {record.key for record in await observed(settings)}


async def test_a_missing_topic_and_a_wrong_partition_count_are_told(settings: Settings) -> None:
    add_brand(settings, "nike")
    for wrong, sentence in (
        (settings.replace(partitions=2), "has 3 partitions and SPENDGATE_PARTITIONS is 2"),
        (settings.replace(topic_prefix=f"{settings.topic_prefix}no-"), "spendgate topics create"),
    ):
        with pytest.raises(ConfigurationError, match=sentence):
            await wait_until_published(wrong)


def add_brand(settings: Settings, brand_id: str, *, daily_budget_micros: int | None = None) -> None:
    with session_scope(settings.database) as session:
        catalog_edits.add_brand(
            session,
            brand_id,
            time_zone="Asia/Karachi",
            currency="USD",
            actor="ann",
            daily_budget_micros=daily_budget_micros,
        )


def set_budget(settings: Settings, brand_id: str, budget: int) -> None:
    with session_scope(settings.database) as session:
        catalog_edits.edit_brand(session, brand_id, {"daily_budget_micros": budget * 1_000_000}, actor="ann")


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
    maintenance = settings.replace(database_url=f"{server}/postgres")
    copied = settings.replace(database_url=f"{server}/{name}_restored")
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


async def observed(settings: Settings) -> list[PublishedDocument]:
    """Every document on the topic, oldest first within a partition."""
    records: list[ConsumerRecord] = []
    async with reader(settings) as consumer:
        for part, end in (await consumer.end_offsets(consumer.assignment())).items():
            while await consumer.position(part) < end:
                records += (await consumer.getmany(part, timeout_ms=1000)).get(part, [])
    documents = (record for record in records if is_document(record))
    return [PublishedDocument(record.key.decode(), record.partition, decode(record)) for record in documents]


def is_document(record: ConsumerRecord) -> bool:
    """The others are what tests have written as somebody else."""
    return (record.value is not None and b'"zones"' in record.value) or b"/" in record.key


def decode(record: ConsumerRecord) -> BrandDocument | CampaignDocument:
    return decode_campaign(record.value) if b"/" in record.key else decode_brand(record.value)


async def budgets_by_version(settings: Settings, brand_id: str) -> list[tuple[int, int | None]]:
    documents = [record.document for record in await observed(settings) if record.key == brand_id]
    return [(d.version, None if d.daily_budget is None else int(float(d.daily_budget))) for d in documents]


async def until_published(consumer: AIOKafkaConsumer, key: str, *, within_seconds: float) -> None:
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
