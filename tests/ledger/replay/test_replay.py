"""A lost broker is filled again from PostgreSQL: the controller has the ledger's totals, and ad servers follow it."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from core.errors import NotCaughtUp, RefusedValue, Unreachable
from core.moment import parse_moment
from core.state import BrandState
from ledger.reconcile.reconciliation import reconcile
from ledger.replay.source import ledger_source
from models.errors import Refused
from models.queries.catalog_edits import add_brand, add_campaign, change_time_zone, edit_brand, edit_campaign
from models.queries.replay_runs import alone
from models.session import session_scope
from operations.replay.fill import replay
from operations.replay.plan import ReplayRequest, planned
from schedulers.catalog_relay.relay import Relay, wait_until_published
from streams.dead_letters.outbox import REPLAYED_HEADER
from streams.kafka.provision import admin_client, create_topics
from streams.kafka.topics import Topic
from streams.settings import Settings, Timestamps
from tests.forks import ROOT, Fork
from tests.ledger.conftest import PATIENCE_SECONDS, LedgerTables, RunningLedger
from tests.lengths import length
from tests.streams.broker import Broker, open_broker, spend_event
from tests.streams.worker_process import WorkerProcess
from tests.topics import make_anew

#: How much the ledger has read of the newest spend topic.
READ_TO_THE_END = """
SELECT sum(position)::int FROM ledger_position
WHERE incarnation = (SELECT max(incarnation) FROM topic_incarnation WHERE right(topic, 12) = 'spend-events')
"""
#: All that the ledger has of spend.
ROWS = "SELECT sum(amount), (SELECT count(*) FROM spend_log), (SELECT count(*) FROM spend_repeat) FROM spend_counted"
#: Spend that snapshots made.
SNAPSHOT_SUM = "SELECT count(*)::int, sum(amount) FROM spend_counted WHERE event_id LIKE 'snapshot:%%'"
#: Of each of two campaigns: a replay sends them in several parts, so that it can be killed between two.
MANY = length(25_000, 100_000)


@pytest.fixture
def new_worker(tmp_path: Path) -> Iterator[Callable[[Settings], WorkerProcess]]:
    made: list[WorkerProcess] = []

    def make(settings: Settings) -> WorkerProcess:
        made.append(WorkerProcess(settings, tmp_path / f"worker-{len(made)}.log"))
        return made[-1]

    yield make
    for worker in made:
        worker.kill()


NewWorker = Callable[[Settings], WorkerProcess]


async def test_a_broker_under_the_same_names_ends_with_the_same_totals_and_reasons(
    settings: Settings, ledger_tables: LedgerTables, new_worker: NewWorker
) -> None:
    before, told_before = await old_life(settings, ledger_tables, new_worker)
    assert {epoch for epoch, _ in told_before.values()} == {1}
    rows = ledger_tables.rows(ROWS)
    await make_anew(settings)

    plan = await replay(settings, ReplayRequest("tester"), ignore)
    async with open_broker(settings) as broker, the_ledger(settings):
        worker = await new_worker(settings).started()
        await in_force(broker, 5)
        assert campaign_states(broker) == before
        assert {it.campaign_id: (it.epoch, it.sequence) for it in broker.commands} == dict.fromkeys(told_before, (2, 1))
        assert broker.dead_letters == []
        assert await worker.stop() == 0
        await ledger_tables.until("SELECT count(*) FROM control_log WHERE epoch = 2", [(len(told_before),)])
        await ledger_tables.until(READ_TO_THE_END, [(plan.spend,)])
        assert ledger_tables.rows(ROWS) == rows
        assert (await reconcile(settings)).differences == []
    assert (plan.brands, plan.campaigns, plan.spend) == (2, 5, counted(ledger_tables))


async def test_opening_balances_stand_for_what_came_before(
    settings: Settings, ledger_tables: LedgerTables, new_worker: NewWorker
) -> None:
    """Whether a replay begins on the first of a month, in the middle of one, or on the open day."""
    before, _ = await old_life(settings, ledger_tables, new_worker)
    for epoch, since in enumerate(["2025-09-01T00:00:00Z", "2025-09-09T12:00:00Z", "2025-09-10T15:00:00Z"], 2):
        other = settings.replace(topic_prefix=f"{epoch}-{settings.topic_prefix}")
        await create_topics(other)
        plan = await replay(other, ReplayRequest("tester", parse_moment(since)), ignore)
        async with open_broker(other) as broker:
            worker = await new_worker(other).started()
            await in_force(broker, 5)
            assert campaign_states(broker) == before, since
            assert [(it.epoch, it.sequence) for it in broker.commands] == [(epoch, 1)] * 5
            assert await worker.stop() == 0
        assert plan.spend_before > 0
        assert plan.spend + plan.spend_before == counted(ledger_tables)


@pytest.mark.long
async def test_killed_in_the_middle_it_goes_on_and_nobody_is_told_to_resume_meanwhile(
    settings: Settings, ledger_tables: LedgerTables, new_worker: NewWorker
) -> None:
    settings = settings.replace(timestamps=Timestamps.APPEND)
    with session_scope(settings.database) as session:
        add_brand(session, "nike", time_zone="UTC", currency="USD", actor="tester")
        add_campaign(session, "out", brand_id="nike", actor="tester", total_budget_micros=MANY * 10_000)
        add_campaign(session, "in", brand_id="nike", actor="tester", total_budget_micros=MANY * 10_000 + 1)
    await create_topics(settings)
    many_rows(ledger_tables)

    process = ReplayProcess(settings)
    sent = await until_sent(ledger_tables)
    process.kill()
    assert 0 < sent < 2 * MANY
    async with open_broker(settings) as broker:
        worker = await new_worker(settings).started()
        await broker.until(lambda: has_spend(broker))
        with pytest.raises(Unreachable, match="replay"):
            await wait_until_published(settings)
        with pytest.raises(NotCaughtUp, match="replay 1, which has not ended"):
            await reconcile(settings, patience_seconds=0)
        assert broker.commands == []

        assert ReplayProcess(settings).ended() == 0
        await in_force(broker, 2)
        assert {it.campaign_id: (it.action, it.epoch, it.sequence) for it in broker.commands} == {
            "out": ("pause", 2, 1),
            "in": ("resume", 2, 1),
        }
        totals = {it.campaign_id: it.total_micros for it in broker.state_of("nike").campaigns.values()}
        assert totals == dict.fromkeys(["in", "out"], MANY * 10_000)
        assert len(broker.commands) == 2
        assert await worker.stop() == 0
    assert ledger_tables.rows("SELECT epoch FROM brand") == [(2,)]
    assert ledger_tables.rows("SELECT sent = spend_count, finished_at IS NOT NULL FROM replay_run") == [(True, True)]
    assert ledger_tables.rows("SELECT fields FROM change WHERE fields ? 'epoch'") == [
        ({"epoch": {"from": 1, "to": 2}},)
    ]


async def test_a_total_that_a_platform_tells_after_a_replay_adds_only_what_is_new(
    settings: Settings, ledger_tables: LedgerTables, new_worker: NewWorker
) -> None:
    """Whether the replay sends the spend of the earlier totals, or opening balances in its place."""
    with session_scope(settings.database) as session:
        add_brand(session, "nike", time_zone="Asia/Karachi", currency="USD", actor="t")
        add_campaign(session, "c", brand_id="nike", actor="t")
    async with open_broker(settings) as broker, the_ledger(settings):
        worker = await new_worker(settings).started()
        await published(settings, "2025-09-07T00:00:00Z")
        await platform_total(broker, "2025-09-08", "10.00", "2025-09-08T06:00:00Z")
        await platform_total(broker, "2025-09-08", "25.50", "2025-09-09T06:00:00Z")
        await platform_total(broker, "2025-09-09", "4.00", "2025-09-09T13:00:00Z")
        await ledger_tables.until(SNAPSHOT_SUM, [(3, Decimal("29.50"))])
        assert await worker.stop() == 0
    await make_anew(settings)

    await replay(settings, ReplayRequest("tester", parse_moment("2025-09-09T12:00:00Z")), ignore)
    async with open_broker(settings) as broker, the_ledger(settings):
        worker = await new_worker(settings).started()
        await in_force(broker, 1)
        await platform_total(broker, "2025-09-08", "25.50", "2025-09-09T06:00:00Z")  # told again: nothing new
        await platform_total(broker, "2025-09-08", "24.00", "2025-09-10T06:00:00Z")  # restated down
        await platform_total(broker, "2025-09-09", "9.00", "2025-09-10T06:00:00Z")
        await broker.until(lambda: broker.state_of("nike").campaigns["c"].total_micros == 33_000_000)
        await ledger_tables.until(SNAPSHOT_SUM, [(5, Decimal("33.00"))])
        assert (await reconcile(settings)).differences == []
        assert await worker.stop() == 0


async def test_a_broker_with_records_is_refused_and_nothing_is_changed(
    settings: Settings, ledger_tables: LedgerTables
) -> None:
    async with open_broker(settings) as broker:
        await broker.tick(0, "2025-09-08T00:00:00Z")
        with pytest.raises(RefusedValue, match="dayparting-ticks"):
            await replay(settings, ReplayRequest("tester"), ignore)
    assert ledger_tables.rows("SELECT count(*) FROM replay_run") == [(0,)]


async def test_a_broker_that_a_replay_has_filled_is_refused(settings: Settings) -> None:
    await create_topics(settings)
    await replay(settings, ReplayRequest("tester"), ignore)
    with pytest.raises(RefusedValue, match="already"):
        await replay(settings, ReplayRequest("tester"), ignore)


async def test_a_replay_goes_on_only_as_it_was_begun(settings: Settings, ledger_tables: LedgerTables) -> None:
    await create_topics(settings)
    await replay(settings, ReplayRequest("tester", 0), ignore)
    ledger_tables.rows("UPDATE replay_run SET finished_at = NULL")
    with pytest.raises(RefusedValue, match="begun with --since 1970"):
        await replay(settings, ReplayRequest("tester", 1), ignore)
    await replay(settings, ReplayRequest("tester"), ignore)


async def test_two_at_once_are_refused(settings: Settings) -> None:
    await create_topics(settings)
    with alone(settings.database), pytest.raises(Refused, match="runs already"):
        await replay(settings, ReplayRequest("tester"), ignore)


async def test_brands_that_the_catalog_does_not_know_are_told_or_left_out(
    settings: Settings, ledger_tables: LedgerTables
) -> None:
    with session_scope(settings.database) as session:
        add_brand(session, "puma", time_zone="UTC", currency="USD", actor="tester")
    await create_topics(settings)
    many_rows(ledger_tables, 3)
    with pytest.raises(RefusedValue, match=r"nike.*brand add"):
        await planned(settings, ReplayRequest("tester"))
    plan = await planned(settings, ReplayRequest("tester", leaves_out_unknown_brands=True))
    assert (plan.spend, plan.left_out_brands, plan.replay_id) == (0, ["nike"], None)
    assert ledger_tables.rows("SELECT count(*) FROM replay_run") == [(0,)]
    assert ledger_tables.rows("SELECT epoch FROM brand") == [(1,)]


async def test_spend_that_the_ledger_never_read_is_named_and_stops_a_replay_until_it_is_accepted(
    settings: Settings, ledger_tables: LedgerTables
) -> None:
    """Also where a ledger has read the new topics before the replay, so that the hole is of an earlier life of them."""
    with session_scope(settings.database) as session:
        add_brand(session, "nike", time_zone="UTC", currency="USD", actor="tester")
    async with open_broker(settings) as broker:
        await published(settings, "2025-09-08T00:00:00Z")
        part = TopicPartition(settings.topic(Topic.SPEND_EVENTS), broker.home("nike"))
        async with the_ledger(settings):
            await broker.spend("nike", "c", "1.00", "2025-09-08T09:00:00Z", event_id="e0")
            await ledger_tables.until("SELECT count(*) FROM spend_log", [(1,)])
        for number in range(1, 4):
            await broker.spend("nike", "c", "1.00", "2025-09-08T09:00:00Z", event_id=f"e{number}")
        async with admin_client(settings) as admin:
            await admin.delete_records({part: RecordsToDelete(before_offset=3)})
        async with the_ledger(settings):
            await ledger_tables.until("SELECT count(*) FROM spend_log", [(2,)])
    await make_anew(settings)
    async with the_ledger(settings):
        await ledger_tables.until("SELECT max(incarnation) > 5 FROM topic_incarnation", [(True,)])
    where = f"{part.topic}, partition {part.partition}, offsets 1 to 2"

    for work in (planned(settings, ReplayRequest("tester")), replay(settings, ReplayRequest("tester"), ignore)):
        with pytest.raises(RefusedValue, match=rf"The ledger lacks {where}: .*--accept-hole"):
            await work
    accepting = ReplayRequest("tester", accepts_holes=True)
    assert (await planned(settings, accepting)).holes == [where]
    assert ledger_tables.rows("SELECT accepted_by FROM ledger_hole") == [(None,)]
    plan = await replay(settings, accepting, ignore)
    assert (plan.spend, plan.sent, plan.holes) == (2, 2, [where])
    assert ledger_tables.rows("SELECT accepted_by FROM ledger_hole") == [("tester",)]


def test_spend_of_whatever_arrival_is_sent(settings: Settings, ledger_tables: LedgerTables) -> None:
    """A header may tell any, as long as it is not later than the record."""
    of_old_topic(ledger_tables, ("ancient", "1960-01-01", "1960-01-01T00:00:00Z", "1960-01-01T00:00:00Z"))
    with ledger_source(settings.database, str(uuid4())) as source:
        assert source.extent(None).spend == 1
        source.open_spend(None, None)
        assert [row.event_id for row in source.next_spend()] == ["ancient"]


async def test_spend_that_the_controller_would_book_elsewhere_is_booked_as_the_ledger_has_it(
    settings: Settings, ledger_tables: LedgerTables, new_worker: NewWorker
) -> None:
    """A zone that was told too late, an event from too far ahead that no controller has judged, and one that waited in
    the ledger for its brand."""
    with session_scope(settings.database) as session:
        add_brand(session, "nike", time_zone="UTC", currency="USD", actor="tester")
        moment = parse_moment("2025-09-08T20:00:00Z")
        change_time_zone(session, "nike", "Asia/Karachi", starts_at=moment, actor="tester")
    await create_topics(settings)
    of_old_topic(
        ledger_tables,
        ("told-late", "2025-09-08", "2025-09-08T20:00:00Z", "2025-09-08T20:00:00Z"),
        ("ahead", "2025-09-09", "2025-09-09T00:10:00Z", "2025-09-08T20:00:01Z"),
        ("plain", "2025-09-09", "2025-09-08T20:00:02Z", "2025-09-08T20:00:02Z"),
    )
    ledger_tables.rows(
        "INSERT INTO spend_unbooked (incarnation, partition, record_offset, brand_id, arrived_at, value) "
        "VALUES (1, 0, 9, 'nike', '2025-09-08T20:00:03Z', %s)",
        json.dumps(spend_event("nike", "c", "1", "waited")).encode(),
    )
    await replay(settings, ReplayRequest("tester"), ignore)
    async with open_broker(settings) as broker, the_ledger(settings):
        worker = await new_worker(settings).started()
        await broker.until(lambda: has_spend(broker) and broker.state_of("nike").monthly_micros == 4_000_000)
        brand = broker.state_of("nike")
        assert brand.day
        assert (brand.day.date, brand.daily_micros) == (date(2025, 9, 9), 3_000_000)
        assert broker.dead_letters == []
        await ledger_tables.until("SELECT sum(amount)::int FROM spend_counted", [(4,)])
        assert (await reconcile(settings)).differences == []
        assert await worker.stop() == 0


async def test_replayed_spend_that_a_restored_database_has_not_is_added_and_never_a_repeat(
    settings: Settings, ledger_tables: LedgerTables
) -> None:
    async with open_broker(settings) as broker, the_ledger(settings):
        await broker.brand("nike", at="2025-09-08T12:00:00Z")
        for _ in range(3):
            await broker.publish(
                Topic.SPEND_EVENTS,
                spend_event("nike", "c", "1", "e1"),
                partition=broker.home("nike"),
                key="nike",
                at="2025-09-08T12:00:01Z",
                headers=((REPLAYED_HEADER, b"1"),),
            )
        await ledger_tables.until(READ_TO_THE_END, [(3,)])
    assert ledger_tables.rows(ROWS) == [(Decimal(1), 1, 0)]


async def old_life(
    settings: Settings, ledger_tables: LedgerTables, new_worker: NewWorker
) -> tuple[dict[str, Any], dict[str, tuple[int, int]]]:
    """A worker and a ledger on some days: what is held at the end, and the last (epoch, sequence) of each campaign."""
    with session_scope(settings.database) as session:
        add_brand(session, "nike", time_zone="Asia/Karachi", currency="USD", actor="t", daily_budget_micros=90_000_000)
        add_brand(session, "old", time_zone="America/New_York", currency="EUR", actor="t")
        add_campaign(session, "total", brand_id="nike", actor="t", total_budget_micros=12_000_000)
        add_campaign(session, "daily", brand_id="nike", actor="t", daily_budget_micros=5_000_000)
        add_campaign(session, "free", brand_id="nike", actor="t")
        add_campaign(session, "off", brand_id="nike", actor="t", enabled=False)
        add_campaign(session, "archived", brand_id="old", actor="t")
    async with open_broker(settings) as broker, the_ledger(settings):
        worker = await new_worker(settings).started()
        await published(settings, "2025-08-30T00:00:00Z")
        await in_force(broker, 5)
        sent = await spend_some(broker)
        with session_scope(settings.database) as session:
            change_time_zone(
                session, "nike", "Europe/Berlin", starts_at=parse_moment("2025-09-10T14:00:00Z"), actor="t"
            )
            edit_brand(session, "old", {"archived": True}, actor="t")
            edit_campaign(session, "free", {"name": "Free"}, actor="t")
        await published(settings, "2025-09-10T13:00:00Z")
        await broker.until(lambda: lives_in(broker, "nike", "Europe/Berlin"))
        sent += await spend_more(broker)
        await broker.until_settled()
        await ledger_tables.until("SELECT count(*) FROM spend_log", [(sent,)])
        await ledger_tables.until("SELECT count(*) FROM spend_refusal", [(1,)])
        assert await worker.stop() == 0
        await broker.caught_up()
        return campaign_states(broker), {it.campaign_id: (it.epoch, it.sequence) for it in broker.commands}


async def spend_some(broker: Broker) -> int:
    """Returns how many different events were sent."""
    spends = [
        ("total", "8.00", "2025-08-30T10:00:00Z", "t1", None),
        ("daily", "5.00", "2025-09-08T09:00:00Z", "d1", None),
        ("daily", "5.00", "2025-09-08T09:00:01Z", "d1", None),  # again
        ("daily", "4.50", "2025-09-09T09:00:00Z", "d2", None),
        ("free", "30.00", "2025-09-09T09:00:00Z", "f1", "2025-09-07T01:00:00Z"),  # late
        ("free", "-3.25", "2025-09-09T09:00:02Z", "f2", None),
        ("nobody", "2.00", "2025-09-09T19:02:00Z", "n1", None),  # no campaign of the catalog
        ("total", "4.00", "2025-09-10T10:00:00Z", "t2", None),
        ("free", "0.000001", "2025-09-10T12:59:00Z", "f3", "2025-09-10T13:03:00Z"),  # dated ahead
        ("free", "9.00", "2025-09-10T12:59:00Z", "f4", "2025-09-10T18:00:00Z"),  # refused
    ]
    for campaign, amount, at, event_id, occurred_at in spends:
        await broker.spend("nike", campaign, amount, at, event_id=event_id, occurred_at=occurred_at)
    await broker.spend("old", "archived", "7.77", "2025-09-09T04:10:00Z", event_id="t1")
    return 10


async def spend_more(broker: Broker) -> int:
    """After the change of zone; the last one is the moment at which both lives are compared."""
    await broker.spend("nike", "daily", "6.00", "2025-09-10T18:30:00Z", event_id="d3")
    await broker.spend("nike", "free", "1.50", "2025-09-10T19:30:00Z", event_id="f5")
    await broker.spend("old", "archived", "1.11", "2025-09-10T20:00:00Z", event_id="a2")
    return 3


async def platform_total(broker: Broker, day: str, cost: str, as_of: str) -> None:
    """Arrives at its `as_of`."""
    snapshot = {"source": "g", "brand_id": "nike", "campaign_id": "c", "day": day, "cost": cost, "as_of": as_of}
    await broker.publish(Topic.SPEND_SNAPSHOTS, snapshot, partition=broker.home("nike"), key="nike", at=as_of)


def campaign_states(broker: Broker) -> dict[str, Any]:
    """Totals and reasons of every brand and campaign that is held."""
    brands = [brand for state in broker.states().values() for brand in state.brands.values()]
    return {brand.brand_id: state_summary(brand) for brand in brands}


def state_summary(brand: BrandState) -> Any:
    assert brand.day and brand.month
    campaigns = {
        it.campaign_id: (it.daily_micros, it.total_micros, it.reasons, it.last_action, it.future_spend)
        for it in brand.campaigns.values()
    }
    return (
        (brand.day.date, brand.day.ends_at, brand.daily_micros),
        (brand.month.first, brand.monthly_micros),
        brand.future_spend,
        campaigns,
    )


async def in_force(broker: Broker, campaigns: int) -> None:
    """Every campaign was told, and nothing is on its way. The first state of one that is paused waits for no spend."""
    await broker.until(lambda: len({it.campaign_id for it in broker.commands}) == campaigns)
    await broker.until_spend_is_applied()
    await broker.until(lambda: not any(state.pending_resumes for state in broker.states().values()))
    await broker.caught_up()


def lives_in(broker: Broker, brand_id: str, time_zone: str) -> bool:
    terms = broker.state_of(brand_id).config
    return terms is not None and terms.zones[-1].time_zone == time_zone


def has_spend(broker: Broker) -> bool:
    return any(brand.has_spend for state in broker.states().values() for brand in state.brands.values())


async def published(settings: Settings, at: str) -> None:
    relay = Relay(settings)
    try:
        await relay.relay_pending(parse_moment(at))
    finally:
        await relay.close()


@asynccontextmanager
async def the_ledger(settings: Settings) -> AsyncIterator[None]:
    ledger = RunningLedger(settings)
    try:
        yield
    finally:
        await ledger.stop()


def counted(ledger_tables: LedgerTables) -> int:
    return int(ledger_tables.rows("SELECT count(*) FROM spend_counted")[0][0])


def many_rows(ledger_tables: LedgerTables, number: int = MANY) -> None:
    """A cent each, to two campaigns of nike, as an old broker's topic had them."""
    an_old_topic(ledger_tables)
    ledger_tables.rows(
        "INSERT INTO spend_log (brand_id, event_id, campaign_id, amount, currency, occurred_at, booked_day, "
        "booked_month, arrived_at, incarnation, partition, record_offset) "
        "SELECT 'nike', campaign || n, campaign, 0.01, 'USD', moment, moment::date, '2025-09-01', moment, 1, 0, n "
        "FROM generate_series(1, %s) n, unnest(ARRAY['in', 'out']) campaign, "
        "LATERAL (SELECT '2025-09-08T00:00:00Z'::timestamptz + n * interval '1 ms' AS moment) at",
        number,
    )


def of_old_topic(ledger_tables: LedgerTables, *spends: tuple[str, str, str, str]) -> None:
    """One dollar each: event_id, booked_day, occurred_at, arrived_at."""
    an_old_topic(ledger_tables)
    for offset, (event_id, booked_day, occurred_at, arrived_at) in enumerate(spends):
        ledger_tables.rows(
            "INSERT INTO spend_log (brand_id, event_id, campaign_id, amount, currency, occurred_at, booked_day, "
            "booked_month, arrived_at, incarnation, partition, record_offset) "
            "VALUES ('nike', %s, 'c', 1, 'USD', %s, %s, '2025-09-01', %s, 1, 0, %s)",
            *(event_id, occurred_at, booked_day, arrived_at, offset),
        )


def an_old_topic(ledger_tables: LedgerTables) -> None:
    """Incarnation 1, which is gone."""
    ledger_tables.rows("INSERT INTO topic_incarnation (topic, topic_id) VALUES ('spend-events', gen_random_uuid())")


async def until_sent(ledger_tables: LedgerTables) -> int:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (found := ledger_tables.rows("SELECT sent FROM replay_run WHERE sent > 0")):
            await asyncio.sleep(0.01)
    return int(found[0][0])


class ReplayProcess:
    """`spendgate replay --from-ledger`."""

    def __init__(self, settings: Settings) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SPENDGATE_")}
        environment = {
            "SPENDGATE_BROKERS": settings.brokers,
            "SPENDGATE_DATABASE_URL": settings.database,
            "SPENDGATE_TOPIC_PREFIX": settings.topic_prefix,
            "SPENDGATE_PARTITIONS": str(settings.partitions),
            "SPENDGATE_TIMESTAMPS": settings.timestamps,
        }
        with Path(os.devnull).open("wb") as out:
            self._process = Fork(["replay", "--from-ledger"], inherited | environment, ROOT, out)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        assert self._process.wait() == -signal.SIGKILL

    def ended(self) -> int:
        """Sends thousands of events before: on a busy machine that takes longer than any one answer."""
        try:
            return self._process.wait(4 * PATIENCE_SECONDS)
        finally:
            self._process.kill()
            self._process.wait()


def ignore(what: str, done: int, total: int | None) -> None:
    """Nobody looks at a bar."""
