"""A decision is computed anew from rows, also where corrections, a replay or a topic's earlier life lie between."""

import json
from collections.abc import Iterator
from datetime import date
from uuid import uuid4

import pytest

from core.moment import SECOND, format_moment
from core.money import MICROS, format_money
from core.records import ControlCommand
from models.session import engine_of, session_scope
from models.tables.brand import Brand
from models.tables.catalog_change import CatalogChange, CatalogEntity
from models.tables.spend_correction import SpendCorrection
from models.tables.spend_log import SpendLog
from models.tables.topic_incarnation import TopicIncarnation
from operations.dispute import Recomputed, recompute
from operations.journal import recomputed_lines
from streams.kafka.codec import decode_command
from tests.ledger.ingest.test_ledger import COMMAND
from tests.models.ledger_rows import NOON, TOPIC, add, spend_values

DAY = date(2025, 9, 8)
REPLAYED_AT = NOON + 60 * SECOND


@pytest.fixture
def url(migrated_url: str) -> Iterator[str]:
    """Two lives of the spend topic."""
    for _ in range(2):
        add(migrated_url, TopicIncarnation(topic=TOPIC, topic_id=uuid4()))
    yield migrated_url
    engine_of(migrated_url).dispose()


def test_a_repair_has_made_the_totals_those_of_the_rows(url: str) -> None:
    """The controller had missed 5.00, which the ledger had and a correction gave it."""
    add(url, spend("missed", 1, 5), spend("e2", 2, 10), correction(5, NOON - SECOND))
    found = recomputed(url, stated=15, event_id="e2", offset=2)
    assert (found.agrees, found.ledger.campaign_total, found.corrections.campaign_total) == (
        True,
        15_000_000,
        5_000_000,
    )
    assert "corrections" not in found.sentence


def test_a_correction_that_nobody_needed_explains_what_rows_do_not(url: str) -> None:
    add(url, spend("e2", 2, 10), correction(5, NOON - SECOND))
    found = recomputed(url, stated=15, event_id="e2", offset=2)
    assert (found.agrees, found.ledger.campaign_total) == (True, 10_000_000)
    assert "together with the corrections" in found.sentence


def test_totals_that_neither_rows_nor_corrections_explain_differ(url: str) -> None:
    add(url, spend("e2", 2, 10), correction(5, NOON - SECOND))
    assert not recomputed(url, stated=16, event_id="e2", offset=2).agrees


def test_totals_above_the_largest_amount_are_those_of_the_rows(url: str) -> None:
    """Each event is within the bounds of an amount, their sum is not."""
    add(url, spend("e1", 1, 900_000_000_000), spend("e2", 2, 900_000_000_000))
    found = recomputed(url, stated=1_800_000_000_000, event_id="e2", offset=2)
    assert (found.agrees, found.stated) == (True, found.ledger)
    header, *sums = (line.split() for line in recomputed_lines(found) if "stated" in line or "brand day" in line)
    assert header == ["stated", "ledger", "then", "corrections", "ledger", "now"]
    assert sums == [["brand", "day", "1800000000000.00", "1800000000000.00", "0.00", "1800000000000.00"]]


def test_opening_balances_of_a_replay_are_sums_of_rows_and_no_corrections(url: str) -> None:
    """What the old broker's controller was given is no matter of the new one, which was given 3.00 by hand."""
    replay(url)
    add(
        url,
        spend("old", 7, 10),
        correction(10, REPLAYED_AT + SECOND, opening=True),
        correction(2, NOON - SECOND),
        correction(3, REPLAYED_AT + 2 * SECOND),
        spend("e2", 2, 1, at=REPLAYED_AT + 3 * SECOND, incarnation=2),
    )
    found = recomputed(url, stated=14, event_id="e2", offset=2, epoch=2, at=REPLAYED_AT + 3 * SECOND)
    assert (found.agrees, found.corrections.brand_day) == (True, 3_000_000)


def test_a_record_at_the_same_place_in_another_life_of_the_topic_is_another(url: str) -> None:
    add(url, spend("e2", 2, 10), spend("later", 2, 99, at=NOON + SECOND, incarnation=2))
    found = recomputed(url, stated=10, event_id="e2", offset=2)
    assert (found.agrees, found.spend and found.spend.event_id) == (True, "e2")


def spend(event_id: str, offset: int, amount: int, *, at: int = NOON, incarnation: int = 1) -> SpendLog:
    values = spend_values(event_id, offset, micros=amount * MICROS, at=at, incarnation=incarnation)
    return SpendLog(**values)


def correction(amount: int, at: int, *, opening: bool = False) -> SpendCorrection:
    return SpendCorrection(
        incarnation=2 if at > REPLAYED_AT else 1,
        partition=0,
        record_offset=at - NOON + 10 * SECOND,
        correction_id=f"{at}",
        brand_id="nike",
        campaign_id="summer",
        amount=amount * MICROS,
        booked_on=DAY,
        opening=opening,
        reason="",
        arrived_at=at,
        value=b"{}",
    )


def replay(url: str) -> None:
    add(url, Brand(brand_id="nike", name="Nike", currency="USD", epoch=2))
    fields = {"epoch": {"from": 1, "to": 2}}
    add(
        url,
        CatalogChange(
            changed_at=REPLAYED_AT, actor="t", kind=CatalogEntity.BRAND.value, brand_id="nike", fields=fields
        ),
    )


def recomputed(url: str, *, stated: int, event_id: str, offset: int, epoch: int = 1, at: int = NOON) -> Recomputed:
    with session_scope(url) as session:
        return recompute(session, command(stated * MICROS, event_id, offset, epoch, at))


def command(stated: int, event_id: str, offset: int, epoch: int, at: int) -> ControlCommand:
    """Of a campaign that alone has spent what its brand has."""
    spent = format_money(stated)
    cause = {"kind": "spend", "event_id": event_id, "amount": "1.00", "topic": TOPIC, "partition": 0, "offset": offset}
    brand = {"day": "2025-09-08", "daily_spent": spent, "daily_budget": None}
    brand |= {"month": "2025-09", "monthly_spent": spent, "monthly_budget": None}
    campaign = {"daily_spent": spent, "daily_budget": None, "total_spent": spent, "total_budget": None}
    changed = {"epoch": epoch, "decided_at": format_moment(at), "cause": cause, "brand": brand, "campaign": campaign}
    return decode_command(json.dumps(COMMAND | changed).encode())
