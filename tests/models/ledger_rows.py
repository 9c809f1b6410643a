"""Rows of the ledger's tables as its writer leaves them."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from models.session import session_scope
from models.tables.control_log import ControlLog
from models.tables.spend_log import SpendRefusal
from models.tables.topic_incarnation import TopicIncarnation

TOPIC = "spend-events"
NOON = 1_757_332_800_000  # 2025-09-08T12:00:00Z


def spend_values(
    event_id: str,
    offset: int,
    *,
    brand_id: str = "nike",
    campaign_id: str = "summer",
    micros: int = 1_000_000,
    day: date = date(2025, 9, 8),
    at: int = NOON,
    incarnation: int = 1,
) -> dict[str, Any]:
    """At `at` it occurred and arrived."""
    return {
        "brand_id": brand_id,
        "event_id": event_id,
        "campaign_id": campaign_id,
        "amount": micros,
        "currency": "USD",
        "occurred_at": at,
        "booked_day": day,
        "booked_month": day.replace(day=1),
        "arrived_at": at,
        "incarnation": incarnation,
        "partition": 0,
        "record_offset": offset,
    }


def refusal(row: dict[str, Any], reason: str = "unknown_brand") -> SpendRefusal:
    names = ("incarnation", "partition", "record_offset", "brand_id", "event_id")
    of_record = {name: row[name] for name in names}
    return SpendRefusal(
        **of_record, reason=reason, message="because", refused_at=NOON, letter_partition=0, letter_offset=0
    )


def command(
    campaign_id: str,
    sequence: int,
    *,
    brand_id: str = "nike",
    epoch: int = 1,
    reasons: Sequence[str] = (),
    at: int = NOON,
) -> ControlLog:
    return ControlLog(
        command_id=f"{campaign_id}:{epoch}:{sequence}",
        campaign_id=campaign_id,
        brand_id=brand_id,
        epoch=epoch,
        sequence=sequence,
        action="pause" if reasons else "resume",
        reasons=list(reasons),
        decided_at=at,
        message=None,
        value=b"{}",
        topic="campaign-control",
        partition=0,
        record_offset=sequence,
    )


def add_topic(url: str) -> None:
    """The first life of the spend topic gets the number 1."""
    add(url, TopicIncarnation(topic=TOPIC))


def add(url: str, *rows: object) -> None:
    with session_scope(url) as session:
        session.add_all(rows)
