"""Spend by HTTP: published with the broker's ack, refused in the core's words, read from the ledger."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from sqlalchemy import insert

from core.moment import HOUR, format_moment
from models.session import session_scope
from models.tables.spend_log import SpendLog
from models.tables.topic_incarnation import TopicIncarnation
from tests.console.api.server import Api
from tests.installation import Surroundings
from tests.models.ledger_rows import NOON, add, refusal, spend_values

PATH = "/api/v1/spend"


def event(campaign_id: str, event_id: str, amount: object = "1.00", **fields: object) -> dict[str, Any]:
    brand_id = campaign_id.rpartition(".")[0]
    return {"event_id": event_id, "brand_id": brand_id, "campaign_id": campaign_id, "amount": amount, **fields}


def test_spend_is_acknowledged_by_the_broker_and_counted_by_the_controller(api: Api) -> None:
    campaign_id = api.campaign(api.brand(), total_budget="7")
    observed = api.ok("POST", PATH, 202, json=event(campaign_id, "e1", 7))
    [accepted] = observed["accepted"]
    assert (accepted["event_id"], accepted["index"], observed["refused"]) == ("e1", 0, [])
    assert accepted["offset"] >= 0
    held = api.held(f"/campaigns/{campaign_id}", lambda it: it["state"] == "paused")
    assert (held["total_spent"], held["reasons"]) == ("7.00", ["campaign_total_budget"])


def test_the_same_event_counts_once_however_often_it_is_sent(api: Api) -> None:
    campaign_id = api.campaign(api.brand())
    for _ in range(3):
        api.ok("POST", PATH, 202, json=event(campaign_id, "again"))
    api.ok("POST", PATH, 202, json=event(campaign_id, "last", "0.50"))
    api.held(f"/campaigns/{campaign_id}", lambda it: it["total_spent"] == "1.50")


def test_of_an_array_the_good_are_published_and_each_refused_one_is_told(api: Api) -> None:
    campaign_id = api.campaign(api.brand())
    tomorrow = format_moment(time.time_ns() // 1_000_000 + 24 * HOUR)
    sent = [
        event(campaign_id, "good"),
        event(campaign_id, "zero", 0),
        event(campaign_id, "precise", "0.0000001"),
        event(campaign_id, "euro", currency="EUR"),
        event(campaign_id, "early", occurred_at=tomorrow),
        event("nobodys.1", "unknown"),
        {"event_id": "bare"},
        "no object",
        event(campaign_id, "refund", "-0.25"),
    ]
    observed = api.ok("POST", PATH, 202, json=sent)
    assert [(it["index"], it["event_id"]) for it in observed["accepted"]] == [(0, "good"), (8, "refund")]
    assert [(it["index"], it["reason"]) for it in observed["refused"]] == [
        (1, "amount_zero"),
        (2, "amount_precision"),
        (3, "currency_mismatch"),
        (4, "occurred_in_future"),
        (5, "unknown_brand"),
        (6, "invalid_field"),
        (7, "invalid_field"),
    ]
    api.held(f"/campaigns/{campaign_id}", lambda it: it["total_spent"] == "0.75")


def test_one_event_that_is_refused_is_422_with_the_reason(api: Api) -> None:
    campaign_id = api.campaign(api.brand())
    problem = api.problem("POST", PATH, 422, json=event(campaign_id, "zero", 0))
    assert problem["detail"] == "amount: a spend event of zero says nothing"
    assert problem["refused"][0]["reason"] == "amount_zero"
    all_of_them = api.problem("POST", PATH, 422, json=[event(campaign_id, "zero", 0)] * 2)
    assert all_of_them["detail"] == "All 2 records are refused."


@pytest.mark.parametrize("number", ["0.1", "1e-2", "999999999.123456"])
def test_numbers_are_read_exactly(api: Api, number: str) -> None:
    campaign_id = api.campaign(api.brand())
    content = json.dumps(event(campaign_id, "exact", 0)).replace('"amount": 0', f'"amount": {number}')
    api.ok("POST", PATH, 202, content=content.encode(), headers={"content-type": "application/json"})
    expected = {"0.1": "0.10", "1e-2": "0.01"}.get(number, number)
    api.held(f"/campaigns/{campaign_id}", lambda it: it["total_spent"] == expected)


def test_bodies_that_are_no_json_too_large_or_too_many_are_refused(api: Api) -> None:
    headers = {"content-type": "application/json"}
    api.problem("POST", PATH, 422, content=b"{", headers=headers)
    api.problem("POST", PATH, 400, content=b"[1,", headers=headers)
    api.problem("POST", PATH, 422, content=b"[]", headers=headers)
    api.problem("POST", PATH, 422, content=json.dumps([{}] * 1001).encode(), headers=headers)
    api.problem("POST", PATH, 415, content=b"{}")
    api.problem("POST", PATH, 413, content=b"[" + b" " * 3_000_000 + b"]", headers=headers)
    api.problem("POST", "/api/v1/brands", 413, content=b" " * 300_000, headers=headers)
    api.problem("POST", "/api/v1/brands", 400, content=b"\xff", headers=headers)


def test_many_producers_at_once_lose_nothing(api: Api) -> None:
    campaign_id = api.campaign(api.brand())
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: api.ok("POST", PATH, 202, json=event(campaign_id, f"p{n}", "0.01")), range(100)))
    api.held(f"/campaigns/{campaign_id}", lambda it: it["total_spent"] == "1.00")


def test_the_ledger_is_read_newest_first_with_filters_and_pages(api: Api, surroundings: Surroundings) -> None:
    url = surroundings.settings.database
    with session_scope(url) as session:
        life = TopicIncarnation(topic="spend-events")
        session.add(life)
        session.flush()
        ids = {"brand_id": "ledger-read", "campaign_id": "ledger-read.1", "incarnation": life.incarnation}
        rows = [spend_values(f"row-{n}", 900 + n, at=NOON + n, **ids) for n in range(5)]
        session.execute(insert(SpendLog), rows)
    add(url, refusal(rows[4]))
    first = api.get("/spend", brand_id="ledger-read", limit=3)
    rest = api.get("/spend", brand_id="ledger-read", limit=3, cursor=first["next"])
    assert [it["event_id"] for it in first["items"] + rest["items"]] == ["row-3", "row-2", "row-1", "row-0"]
    assert rest["next"] is None
    newest = first["items"][0]
    assert (newest["amount"], newest["booked_day"], newest["offset"], newest["refused"]) == (
        "1.00",
        date(2025, 9, 8).isoformat(),
        903,
        None,
    )
    [refused] = api.get("/spend", brand_id="ledger-read", event_id="row-4", counted=False)["items"]
    assert refused["refused"] == "unknown_brand"
    assert api.get("/spend", brand_id="ledger-read", day_from="2025-09-09")["items"] == []
    api.problem("GET", PATH, 422, params={"day_from": "yesterday"})
    api.problem("GET", PATH, 422, params={"brand_id": "\0"})
