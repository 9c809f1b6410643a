"""PostgreSQL restored from a backup under a running ledger, group offsets that somebody moved: no row stays missing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import psycopg2
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.structs import OffsetAndMetadata

from cli.__main__ import application
from cli.framework import run
from core.errors import NotCaughtUp
from core.moment import parse_moment
from ledger.ingest.holes import holes
from ledger.reconcile.reconciliation import reconcile
from ledger.reconcile.repair import repair
from ledger.reconcile.restored import restored
from models.privileges import DatabaseRole
from models.session import engine_of
from schedulers.nightly_reconcile import NightlyReconcile
from streams.kafka.identities import LEDGER_GROUP
from streams.kafka.provision import admin_client
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.database_roles import as_role
from tests.ledger.conftest import LedgerTables, RunningLedger
from tests.streams.broker import Broker, brand_in
from tests.streams.worker_process import WorkerProcess

NOON = "2025-09-08T12:00:00Z"
LATE = parse_moment("2025-09-10T12:00:00Z")
COUNTED = "SELECT count(*), sum(amount) FROM spend_counted"


class Backup:
    """A copy of the database, and putting it back under whoever is connected."""

    def __init__(self, settings: Settings) -> None:
        as_role(settings, DatabaseRole.LEDGER)  # its rights are in the database, so they must be there before the copy
        engine_of(settings.database).dispose()
        self._server, self._name = settings.database.rsplit("/", 1)
        self._run(f"CREATE DATABASE {self._name}_backup TEMPLATE {self._name}")

    def restore(self) -> None:
        self._run(f"DROP DATABASE {self._name} WITH (FORCE)")
        self._run(f"CREATE DATABASE {self._name} TEMPLATE {self._name}_backup")

    def drop(self) -> None:
        self._run(f"DROP DATABASE {self._name}_backup WITH (FORCE)")

    def _run(self, statement: str) -> None:
        with closing(psycopg2.connect(f"{self._server}/postgres")) as connection:
            connection.autocommit = True
            connection.cursor().execute(statement)


@pytest.mark.parametrize("spend_comes_after", [False, True], ids=["idle", "busy"])
@pytest.mark.parametrize("first", [0, 3], ids=["before the first spend", "in the middle"])
async def test_what_a_restored_database_has_lost_is_read_again(
    broker: Broker,
    settings: Settings,
    ledger_tables: LedgerTables,
    new_ledger: Callable[[], RunningLedger],
    spend_comes_after: bool,
    first: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await broker.brand("nike", at=NOON)
    await send(broker, 0, first)
    if first:
        ledger = new_ledger()
        await ledger_tables.until("SELECT count(*) FROM spend_log", [(first,)])
        await ledger.stop()
    backup = Backup(settings)
    try:
        new_ledger()
        await send(broker, first, 20)
        await ledger_tables.until(COUNTED, [(20, Decimal(20))])
        await asyncio.to_thread(backup.restore)
        if spend_comes_after:
            await send(broker, 20, 25)
        wanted = 25 if spend_comes_after else 20
        await ledger_tables.until(COUNTED, [(wanted, Decimal(wanted))])
        await ledger_tables.until("SELECT count(*) FROM spend_repeat", [(0,)])
        message = capsys.readouterr().out
        assert "database_went_back" in message
        assert "The database was restored from a backup" in message
    finally:
        backup.drop()


@pytest.fixture
async def worker(broker: Broker, settings: Settings, tmp_path: Path) -> AsyncIterator[WorkerProcess]:
    process = WorkerProcess(settings, tmp_path / "worker.log")
    await process.started()
    yield process
    process.kill()


@pytest.fixture
def command(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Awaitable[int]]:
    """Runs one as an operator types it."""
    monkeypatch.setenv("SPENDGATE_BROKERS", settings.brokers)
    monkeypatch.setenv("SPENDGATE_DATABASE_URL", settings.database)
    monkeypatch.setenv("SPENDGATE_TOPIC_PREFIX", settings.topic_prefix)
    monkeypatch.setenv("SPENDGATE_PARTITIONS", str(settings.partitions))
    monkeypatch.setenv("SPENDGATE_TIMESTAMPS", settings.timestamps.value)
    return lambda *words: asyncio.to_thread(run, application(), list(words))


async def test_a_database_that_is_still_reading_again_is_waited_for_and_not_repaired(
    broker: Broker,
    settings: Settings,
    ledger_tables: LedgerTables,
    new_ledger: Callable[[], RunningLedger],
    worker: WorkerProcess,
) -> None:
    await broker.brand("nike", at=NOON)
    await send(broker, 0, 3)
    ledger = new_ledger()
    await ledger_tables.until(COUNTED, [(3, Decimal(3))])
    await ledger.stop()
    backup = Backup(settings)
    try:
        ledger = new_ledger()
        await send(broker, 3, 20)
        await broker.until_settled()
        await ledger_tables.until(COUNTED, [(20, Decimal(20))])
        agreed = await reconcile(settings)
        assert agreed.differences == []
        await ledger.stop()
        await asyncio.to_thread(backup.restore)
        for work in (reconcile(settings, patience_seconds=0.3), repair(settings, agreed, patience_seconds=0.3)):
            with pytest.raises(NotCaughtUp, match=r"up to offset 3 and not up to 20"):
                await work
        waiting = asyncio.create_task(reconcile(settings))
        new_ledger()
        found = await waiting
        assert (found.differences, found.corrections, found.holes) == ([], [], [])
    finally:
        backup.drop()


async def test_what_was_gone_before_it_was_read_is_known_and_never_repaired_away(
    broker: Broker,
    settings: Settings,
    ledger_tables: LedgerTables,
    new_ledger: Callable[[], RunningLedger],
    worker: WorkerProcess,
    command: Callable[..., Awaitable[int]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A backup older than the topic's retention. Another partition's brand is repaired beside it."""
    home = broker.home("nike")
    other = brand_in((home + 1) % settings.partitions, settings.partitions, "puma")
    for brand in ("nike", other):
        await broker.brand(brand, at=NOON)
    await broker.spend(other, "d", "1.00", at=NOON, event_id="other")
    await send(broker, 0, 3)
    ledger = new_ledger()
    await ledger_tables.until(COUNTED, [(4, Decimal(4))])
    await ledger.stop()
    backup = Backup(settings)
    try:
        new_ledger()
        await send(broker, 3, 10)
        await broker.until_settled()
        await ledger_tables.until(COUNTED, [(11, Decimal(11))])
        part = TopicPartition(settings.topic(Topic.SPEND_EVENTS), home)
        async with admin_client(settings) as admin:
            await admin.delete_records({part: RecordsToDelete(before_offset=8)})
        await asyncio.to_thread(backup.restore)
        await ledger_tables.until(COUNTED, [(6, Decimal(6))])
        where = f"{part.topic}, partition {home}, offsets 3 to 7"

        found = await reconcile(settings)
        assert {it.brand_id for it in found.differences} == {"nike"}
        assert found.corrections == []
        assert [hole.where for hole in found.holes] == [where]
        for words, code in (("reconcile",), 1), (("doctor",), 1), (("status",), 0):
            capsys.readouterr()
            assert await command(*words) == code
            observed = "".join(capsys.readouterr())
            assert where in observed
            assert "Restore a newer backup" in observed
            assert "reconcile --repair` makes" not in observed

        ledger_tables.rows(
            "INSERT INTO spend_log SELECT brand_id, 'planted', campaign_id, amount, currency, occurred_at, booked_day, "
            "booked_month, arrived_at, incarnation, partition, record_offset FROM spend_log WHERE event_id = 'other'"
        )
        assert await command("reconcile", "--repair", "--yes") == 4
        assert "Not repaired, because the ledger lacks their rows: nike." in capsys.readouterr().err
        assert {it.brand_id for it in (await reconcile(settings)).differences} == {"nike"}
        assert await command("reconcile", "--brand", "nike", "--repair", "--yes") == 4
        assert ledger_tables.rows("SELECT count(*) FROM spend_correction WHERE brand_id = 'nike'") == [(0,)]

        nightly = NightlyReconcile(settings, lambda: LATE)
        nightly._compared_at = 0
        await nightly.compare_if_due()
        assert where in "".join(capsys.readouterr())

        assert await command("reconcile", "--accept-hole") == 4
        assert await command("reconcile", "--repair", "--accept-hole", "--yes") == 0
        found = await reconcile(settings)
        assert (found.differences, found.holes) == ([], [])
        assert len(ledger_tables.rows("SELECT accepted_by FROM ledger_hole WHERE accepted_at IS NOT NULL")) == 1
    finally:
        backup.drop()


async def test_a_database_that_was_lost_whole_has_a_hole_where_retention_was_and_a_first_ledger_has_none(
    broker: Broker, settings: Settings, ledger_tables: LedgerTables, new_ledger: Callable[[], RunningLedger]
) -> None:
    await broker.brand("nike", at=NOON)
    await send(broker, 0, 5)
    part = TopicPartition(settings.topic(Topic.SPEND_EVENTS), broker.home("nike"))
    async with admin_client(settings) as admin:
        await admin.delete_records({part: RecordsToDelete(before_offset=2)})
        backup = Backup(settings)
        try:
            new_ledger()
            await ledger_tables.until(COUNTED, [(3, Decimal(3))])
            assert holes(settings) == []
            await committed(settings, part, 5)
            await admin.delete_records({part: RecordsToDelete(before_offset=4)})
            await asyncio.to_thread(backup.restore)
            await ledger_tables.until(COUNTED, [(1, Decimal(1))])
            assert [(it.begins_at, it.ends_at) for it in holes(settings)] == [(0, 4)]
        finally:
            backup.drop()


async def test_group_offsets_that_were_set_ahead_hide_no_record(
    broker: Broker, settings: Settings, ledger_tables: LedgerTables, new_ledger: Callable[[], RunningLedger]
) -> None:
    await broker.brand("nike", at=NOON)
    await send(broker, 0, 5)
    ledger = new_ledger()
    await ledger_tables.until(COUNTED, [(5, Decimal(5))])
    await ledger.stop()
    await send(broker, 5, 10)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.brokers, group_id=settings.topic(LEDGER_GROUP), enable_auto_commit=False
    )
    await consumer.start()
    try:
        part = TopicPartition(settings.topic(Topic.SPEND_EVENTS), broker.home("nike"))
        consumer.assign([part])
        await consumer.commit({part: OffsetAndMetadata(9, "")})
    finally:
        await consumer.stop()
    observed = await restored_database(settings)
    assert (
        observed
        and "up to offset 5, and the ledger had saved 9: a backup was restored, or the group's offsets" in observed
    )

    new_ledger()
    await ledger_tables.until(COUNTED, [(10, Decimal(10))])
    assert await restored_database(settings) is None


async def committed(settings: Settings, part: TopicPartition, offset: int) -> None:
    """Wait until the ledger's group has come that far."""
    async with asyncio.timeout(30), admin_client(settings) as admin:
        while (at := (await admin.list_consumer_group_offsets(settings.topic(LEDGER_GROUP))).get(part)) is None or (
            at.offset < offset
        ):
            await asyncio.sleep(0.05)


async def restored_database(settings: Settings) -> str | None:
    async with admin_client(settings) as admin:
        return await restored(settings, admin)


async def send(broker: Broker, first: int, end: int) -> None:
    for number in range(first, end):
        await broker.spend("nike", "c", "1.00", at=NOON, event_id=f"e{number}")
