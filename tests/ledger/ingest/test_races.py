"""Spend by eight producers at once, racing edits of the budget and resets, through worker, ledger and PostgreSQL."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from core.money import parse_money
from models.queries.catalog_edits import BrandChanges, add_brand, add_campaign, edit_brand
from models.session import session_scope
from schedulers.catalog_relay.relay import wait_until_published
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.ledger.conftest import LedgerTables, RunningLedger
from tests.streams.broker import Broker, spend_event
from tests.streams.worker_process import WorkerProcess

PRODUCERS, EACH, EDITS = 8, 25, 6
BEFORE, AFTER = "2025-09-08T23:59:59.999Z", "2025-09-09T00:00:00Z"


@pytest.fixture
async def worker(broker: Broker, settings: Settings, tmp_path: Path) -> AsyncIterator[WorkerProcess]:
    process = WorkerProcess(settings, tmp_path / "worker.log")
    yield await process.started()
    process.kill()


async def test_eight_producers_and_two_editors_lose_neither_a_cent_nor_an_edit(
    broker: Broker, worker: WorkerProcess, ledger: RunningLedger, ledger_tables: LedgerTables
) -> None:
    settings = broker.settings
    with session_scope(settings.database) as session:
        add_brand(session, "nike", time_zone=_zone_at_noon(), currency="USD", actor="ann")
        for campaign in "abc":
            add_campaign(session, campaign, brand_id="nike", actor="ann")
    await wait_until_published(settings)

    async with asyncio.TaskGroup() as all_at_once:
        for number in range(PRODUCERS):
            all_at_once.create_task(_produce(broker, number))
        all_at_once.create_task(_edit(settings, "ann", [{"daily_budget_micros": 100 + n} for n in range(EDITS)]))
        all_at_once.create_task(_edit(settings, "bob", [{"monthly_budget_micros": 200 + n} for n in range(EDITS)]))
        all_at_once.create_task(_reset(broker))
    await ledger_tables.until("SELECT count(*), sum(amount) FROM spend_counted", [(200, Decimal(200))])

    await broker.until_settled()
    await broker.until(lambda: _budgets(broker) == (100 + EDITS - 1, 200 + EDITS - 1))
    brand = broker.state_of("nike")
    assert (brand.daily_micros, brand.monthly_micros) == (parse_money("200.00"), parse_money("200.00"))
    assert sum(campaign.total_micros for campaign in brand.campaigns.values()) == parse_money("200.00")
    assert ledger_tables.rows("SELECT daily_budget, monthly_budget FROM brand") == [
        (Decimal("0.000105"), Decimal("0.000205"))
    ]
    for campaign in "abc":
        sequences = [it.sequence for it in broker.commands if it.campaign_id == campaign]
        assert sequences == list(range(1, len(sequences) + 1))
    sums = "SELECT campaign_id, sum(amount) FROM spend_counted GROUP BY 1 ORDER BY 1"
    totals = sorted((it.campaign_id, Decimal(it.total_micros) / 10**6) for it in brand.campaigns.values())
    assert ledger_tables.rows(sums) == totals


async def test_spend_on_both_sides_of_a_reset_is_of_its_own_day_whatever_comes_first(
    broker: Broker, worker: WorkerProcess, ledger: RunningLedger, ledger_tables: LedgerTables
) -> None:
    await broker.brand("nike", "2025-09-08T12:00:00Z")
    await broker.campaign("nike", "c", "2025-09-08T12:00:00Z")
    await broker.until_settled()
    home = broker.home("nike")

    async def produce(number: int) -> None:
        for n in range(EACH):
            at = AFTER if n % 5 else BEFORE
            await broker.spend("nike", "c", "1.00", AFTER, event_id=f"{number}-{n}", occurred_at=at)

    async def reset() -> None:
        for _ in range(4):
            await broker.reset(home, "daily", "UTC", AFTER)
            await broker.tick(home, AFTER)

    await asyncio.gather(reset(), *(produce(number) for number in range(PRODUCERS)))
    await broker.until_settled()
    brand = broker.state_of("nike")
    assert brand.day and brand.day.date.isoformat() == "2025-09-09"
    assert (brand.daily_micros, brand.monthly_micros) == (parse_money("160.00"), parse_money("200.00"))
    await ledger_tables.until(
        "SELECT booked_day::text, sum(amount) FROM spend_counted GROUP BY 1 ORDER BY 1",
        [("2025-09-08", Decimal(40)), ("2025-09-09", Decimal(160))],
    )


def _budgets(broker: Broker) -> tuple[int | None, int | None]:
    """As the controller holds them."""
    terms = broker.state_of("nike").config
    assert terms
    return terms.daily_budget_micros, terms.monthly_budget_micros


async def _produce(broker: Broker, number: int) -> None:
    """Each on a connection of its own; a tenth of the events is sent twice."""
    topic, home = broker.settings.topic(Topic.SPEND_EVENTS), broker.home("nike")
    async with AIOKafkaProducer(bootstrap_servers=broker.settings.brokers, acks="all") as producer:
        for n in range(EACH):
            event = json.dumps(spend_event("nike", "abc"[n % 3], "1.00", f"{number}-{n}")).encode()
            for _ in range(1 if n % 10 else 2):
                sent = await producer.send_and_wait(topic, event, key=b"nike", partition=home)
                broker.note_sent(Topic.SPEND_EVENTS, home, sent.offset)


async def _edit(settings: Settings, actor: str, edits: list[BrandChanges]) -> None:
    """As `brand set` does it: commit, then wait until the broker has the document."""
    for changes in edits:
        await asyncio.to_thread(_commit, settings, changes, actor)
        await wait_until_published(settings)


def _commit(settings: Settings, changes: BrandChanges, actor: str) -> None:
    with session_scope(settings.database) as session:
        edit_brand(session, "nike", changes, actor=actor)


async def _reset(broker: Broker) -> None:
    """Of the open day, again and again."""
    now = datetime.now(UTC).isoformat()
    for _ in range(10):
        await broker.reset(broker.home("nike"), "daily", _zone_at_noon(), now)
        await broker.tick(broker.home("nike"), now)


def _zone_at_noon() -> str:
    """Where no midnight is near."""
    ahead = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "UTC"
