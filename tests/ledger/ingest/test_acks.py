"""Acknowledgements of commands beside the journal, and what was spent until a pause was carried out."""

import json
from collections.abc import Callable

import msgspec
from prometheus_client import REGISTRY

from models.queries.acks import acknowledgements
from models.session import session_scope
from streams.kafka.topics import Topic
from tests.docs.messages import play
from tests.ledger.conftest import LedgerTables, RunningLedger
from tests.streams.broker import Broker, spend_event

NewLedger = Callable[[], RunningLedger]

ALL = "SELECT command_id, consumer, outcome, detail FROM control_ack ORDER BY 1, 2, 3"


def ack(
    command_id: str, consumer: str, applied_at: str = "2025-09-08T06:00:05Z", **fields: object
) -> dict[str, object]:
    campaign_id = command_id.split(":")[0]
    outcome = {"outcome": "applied", "detail": None}
    return {"command_id": command_id, "campaign_id": campaign_id, "applied_at": applied_at, "consumer": consumer} | (
        outcome | fields
    )


async def test_each_is_kept_once_whatever_is_sent_again_and_in_whatever_order(
    broker: Broker, new_ledger: NewLedger, ledger_tables: LedgerTables
) -> None:
    async def send(*acks: dict[str, object]) -> None:
        for it in acks:
            await broker.publish(Topic.CONTROL_ACKS, it, partition=0, key=str(it["campaign_id"]))

    first = new_ledger()
    failed = ack("summer:1:2", "eu", outcome="failed", detail="no\0route")
    await send(failed, ack("summer:1:2", "eu"), ack("summer:1:2", "us"), ack("unknown:1:1", "eu"))
    wanted = [
        ("summer:1:2", "eu", "applied", None),
        ("summer:1:2", "eu", "failed", "no\ufffdroute"),
        ("summer:1:2", "us", "applied", None),
        ("unknown:1:1", "eu", "applied", None),
    ]
    await ledger_tables.until(ALL, wanted)
    await first.stop()
    new_ledger()
    await send(ack("summer:1:2", "eu", "2025-09-08T09:00:00Z"), failed, ack("summer:1:3", "eu"))
    await ledger_tables.until(ALL, [*wanted[:3], ("summer:1:3", "eu", "applied", None), wanted[3]])
    [(applied_at,)] = ledger_tables.rows(
        "SELECT applied_at = '2025-09-08T06:00:05Z' FROM control_ack WHERE command_id = 'summer:1:2' "
        "AND consumer = 'eu' AND outcome = 'applied'"
    )
    assert applied_at


async def test_what_is_none_is_counted_and_skipped(
    broker: Broker, ledger: RunningLedger, ledger_tables: LedgerTables
) -> None:
    before = _skipped()
    hostile: list[object] = [
        None,
        b"",
        b"[" * 100_000,
        b"\xff",
        json.dumps(ack("summer:1:2", "eu"))[:-1].encode(),
        ack("summer:1:2", ""),
        ack("summer:1:2", "x" * 65),
        ack("summer:1:2", "eu", "yesterday"),
        ack("summer:1:2", "eu", outcome="perhaps"),
        ack("summer:1:2", "eu", campaign_id="winter"),
        ack("summer:1:2:3", "eu"),
        ack("summer:0:2", "eu"),
        ack("summer", "eu"),
        ack("sum\0mer:1:2", "eu"),
        ack("summer:1:2", "eu", campaign_id=7),
    ]
    for value in hostile:
        await broker.publish(Topic.CONTROL_ACKS, value, partition=1, key="summer")
    await broker.publish(Topic.CONTROL_ACKS, ack("summer:1:2", "last"), partition=1)
    await ledger_tables.until(ALL, [("summer:1:2", "last", "applied", None)])
    assert _skipped() - before == len(hostile)


async def test_what_was_spent_between_a_pause_and_each_acknowledgement(
    broker: Broker, ledger: RunningLedger, ledger_tables: LedgerTables
) -> None:
    pause = next(it for it in play() if it.campaign_id == "nike-summer" and it.action == "pause")
    assert pause.decided_at == "2025-09-08T06:00:00Z"
    await broker.brand("nike", "2025-09-08T00:00:00Z", zone="Asia/Karachi")
    await broker.publish(Topic.CAMPAIGN_CONTROL, msgspec.json.encode(pause), partition=0, key="nike-summer")
    spent = [("05:59:59", "1"), ("06:00:00", "2"), ("06:00:01", "4"), ("06:00:05", "8.5"), ("06:00:06", "16")]
    for number, (at, amount) in enumerate(spent):
        event = spend_event("nike", "nike-summer", amount, f"e{number}", f"2025-09-08T{at}Z")
        await broker.publish(Topic.SPEND_EVENTS, event, partition=broker.home("nike"), key="nike")
    other = spend_event("nike", "nike-nights", "100", "other", "2025-09-08T06:00:02Z")
    await broker.publish(Topic.SPEND_EVENTS, other, partition=broker.home("nike"), key="nike")
    for it in (
        ack(pause.command_id, "fast", "2025-09-08T06:00:01Z"),
        ack(pause.command_id, "slow"),
        ack(pause.command_id, "before", "2025-09-08T05:00:00Z"),
        ack(pause.command_id, "broken", outcome="failed"),
    ):
        await broker.publish(Topic.CONTROL_ACKS, it, partition=0, key="nike-summer")
    await ledger_tables.until(
        "SELECT (SELECT count(*) FROM control_ack), (SELECT count(*) FROM control_log), "
        "(SELECT count(*) FROM spend_log)",
        [(4, 1, 6)],
    )
    with session_scope(ledger_tables.url) as session:
        found = acknowledgements(session, [pause.command_id])[pause.command_id]
    observed = [(it.consumer, it.applied_at - it.decided_at, it.spent_micros) for it in found]
    assert observed == [
        ("before", -3_600_000, 0),
        ("fast", 1_000, 4_000_000),
        ("broken", 5_000, None),
        ("slow", 5_000, 12_500_000),
    ]


def _skipped() -> float:
    return REGISTRY.get_sample_value("spendgate_ledger_skipped_total", {"why": "not_an_ack"}) or 0
