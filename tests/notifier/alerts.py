"""Alerts and commands as the worker writes them."""

import json

from core.records import Action, AlertKind, AlertState, Severity
from streams.kafka.topics import Topic
from tests.streams.broker import Broker

_CAUSE = {
    "kind": "spend",
    "event_id": "e1",
    "amount": "0.0125",
    "topic": "spend-events",
    "partition": 1,
    "offset": 52711,
}


def alert(
    brand_id: str = "nike",
    number: int = 1,
    *,
    kind: AlertKind = AlertKind.THRESHOLD,
    severity: Severity = Severity.WARNING,
    state: AlertState = AlertState.RAISED,
) -> bytes:
    is_threshold = kind is AlertKind.THRESHOLD
    return json.dumps(
        {
            "schema": 1,
            "alert_id": f"{brand_id}:{kind.value}:daily_budget:2025-09-08:80:{number}",
            "state": state.value,
            "kind": kind.value,
            "severity": severity.value,
            "brand_id": brand_id,
            "campaign_id": None,
            "budget": "daily_budget" if is_threshold else None,
            "period": "2025-09-08",
            "percent": 80 if is_threshold else None,
            "spent": "80.10",
            "limit": "100.00" if is_threshold else None,
            "currency": "USD",
            "time_zone": "Asia/Karachi",
            "decided_at": "2025-09-08T11:12:00Z",
            "cause": _CAUSE,
        }
    ).encode()


def command(brand_id: str = "nike", sequence: int = 1, action: Action = Action.PAUSE) -> bytes:
    campaign_id = f"{brand_id}-summer"
    return json.dumps(
        {
            "schema": 1,
            "command_id": f"{campaign_id}:1:{sequence}",
            "action": action.value,
            "campaign_id": campaign_id,
            "external_id": None,
            "brand_id": brand_id,
            "epoch": 1,
            "sequence": sequence,
            "reasons": ["daily_budget"] if action is Action.PAUSE else [],
            "decided_at": "2025-09-08T11:12:00Z",
            "resumes_at": None,
            "pauses_at": None,
            "cause": _CAUSE,
            "catalog": {"brand_version": 1, "campaign_version": 1},
            "currency": "USD",
            "time_zone": "UTC",
            "brand": {
                "day": "2025-09-08",
                "daily_spent": "100.00",
                "daily_budget": "100.00",
                "month": "2025-09",
                "monthly_spent": "100.00",
                "monthly_budget": None,
            },
            "campaign": {
                "daily_spent": "100.00",
                "daily_budget": None,
                "total_spent": "100.00",
                "total_budget": None,
            },
        }
    ).encode()


async def publish_alerts(broker: Broker, *values: bytes) -> None:
    """In the partitions of their brands, in this order."""
    for value in values:
        brand_id = json.loads(value)["brand_id"]
        await broker.publish(Topic.BUDGET_ALERTS, value, partition=broker.home(brand_id), key=brand_id)


async def publish_command(broker: Broker, value: bytes) -> None:
    campaign_id = json.loads(value)["campaign_id"]
    await broker.publish(Topic.CAMPAIGN_CONTROL, value, partition=broker.home(campaign_id), key=campaign_id)
