"""Totals of platforms by HTTP: published with the broker's ack, turned into spend, refused in the core's words."""

import json
import time
from itertools import count
from typing import Any

import pytest

from core.moment import HOUR, SECOND, format_moment
from tests.console.api.server import Api

PATH = "/api/v1/spend-snapshots"
_numbers = count(1)


def now() -> int:
    return time.time_ns() // 1_000_000


def snapshot(campaign_id: str, cost: object = "12.34", **fields: object) -> dict[str, Any]:
    """Of the open day of a brand in UTC, as of a minute ago."""
    as_of = format_moment(now() - 60 * SECOND)
    ids = {"brand_id": campaign_id.rpartition(".")[0], "campaign_id": campaign_id}
    day = format_moment(now())[:10]
    return {"source": "google-ads", **ids, "day": day, "cost": cost, "as_of": as_of, **fields}


def by_external_id(external_id: object, cost: object = "12.34", **fields: object) -> dict[str, Any]:
    found = snapshot("a.b", cost, external_id=external_id, **fields)
    return {name: value for name, value in found.items() if name not in ("brand_id", "campaign_id")}


def new_external_id() -> str:
    return f"120{time.time_ns()}{next(_numbers)}"


def test_the_campaigns_total_becomes_the_platforms_and_follows_what_it_restates(api: Api) -> None:
    campaign_id = api.campaign(api.brand(), total_budget="20")
    observed = api.ok("POST", PATH, 202, json=snapshot(campaign_id))
    [accepted] = observed["accepted"]
    assert (accepted["index"], accepted["campaign_id"]) == (0, campaign_id)
    assert accepted["topic"].endswith("spend-snapshots")
    assert observed["refused"] == []
    api.held(f"/campaigns/{campaign_id}", lambda it: it["total_spent"] == "12.34")
    later = format_moment(now() - 30 * SECOND)
    api.ok("POST", PATH, 202, json=[snapshot(campaign_id, 20.5, as_of=later), snapshot(campaign_id, "12.00")])
    held = api.held(f"/campaigns/{campaign_id}", lambda it: it["total_spent"] == "20.50")
    assert (held["state"], held["reasons"]) == ("paused", ["campaign_total_budget"])
    api.ok("POST", PATH, 202, json=snapshot(campaign_id, "19.999999", as_of=format_moment(now())))
    held = api.held(f"/campaigns/{campaign_id}", lambda it: it["total_spent"] == "19.999999")
    assert held["state"] == "running"


def test_an_external_id_names_its_only_campaign(api: Api) -> None:
    external_id = new_external_id()
    campaign_id = api.campaign(api.brand(), external_id=external_id)
    body = json.dumps(by_external_id(external_id, 0)).replace('"cost": 0', '"cost": 999999999.123456')
    headers = {"content-type": "application/json"}
    [accepted] = api.ok("POST", PATH, 202, content=body.encode(), headers=headers)["accepted"]
    assert (accepted["brand_id"], accepted["campaign_id"]) == (campaign_id.rpartition(".")[0], campaign_id)
    api.held(f"/campaigns/{campaign_id}", lambda it: it["total_spent"] == "999999999.123456")


def test_an_external_id_of_no_campaign_is_404_and_one_of_several_names_them(api: Api) -> None:
    nobodys, shared = new_external_id(), new_external_id()
    several = sorted(api.campaign(api.brand(), external_id=shared) for _ in range(2))
    unknown = api.problem("POST", PATH, 404, json=by_external_id(nobodys))
    assert unknown["detail"].startswith("external_id: no campaign has")
    ambiguous = api.problem("POST", PATH, 422, json=by_external_id(shared))
    assert ambiguous["refused"][0]["campaign_ids"] == several
    assert all(campaign_id in ambiguous["detail"] for campaign_id in several)
    both = api.problem("POST", PATH, 422, json=[by_external_id(nobodys), by_external_id(shared)])
    assert [(it["index"], it["reason"]) for it in both["refused"]] == [
        (0, "unknown_external_id"),
        (1, "ambiguous_external_id"),
    ]


def test_of_an_array_the_good_are_published_and_each_refused_one_is_told(api: Api) -> None:
    campaign_id = api.campaign(api.brand(), external_id=new_external_id())
    tomorrow, long_ago = format_moment(now() + 25 * HOUR)[:10], format_moment(now() - 64 * 24 * HOUR)[:10]
    sent = [
        snapshot(campaign_id, "5"),
        snapshot(campaign_id, "-1"),
        snapshot(campaign_id, currency="EUR"),
        snapshot(campaign_id, day=tomorrow),
        snapshot(campaign_id, day=long_ago),
        snapshot(campaign_id, as_of=format_moment(now() + HOUR)),
        snapshot("nobodys.1"),
        snapshot(campaign_id, day="09/08/2025"),
        snapshot(campaign_id, source="google ads"),
        snapshot(campaign_id, external_id="1"),
        by_external_id(1234567890),
        by_external_id("\0"),
        {"source": "bare"},
        "no object",
        snapshot(campaign_id, "7", source="meta-ads", external_id=None),
    ]
    content = json.dumps(sent).encode()
    observed = api.ok("POST", PATH, 202, content=content, headers={"content-type": "application/json"})
    assert [it["index"] for it in observed["accepted"]] == [0, len(sent) - 1]
    assert [it["reason"] for it in observed["refused"]] == [
        "amount_out_of_range",
        "currency_mismatch",
        "occurred_in_future",
        "snapshot_too_old",
        "occurred_in_future",
        "unknown_brand",
        *["invalid_field"] * 7,
    ]
    messages = [it["message"].partition(":")[0] for it in observed["refused"]]
    assert messages[6:11] == ["day", "source", "external_id", "external_id", "external_id"]
    api.held(f"/campaigns/{campaign_id}", lambda it: it["total_spent"] == "12.00")


@pytest.mark.parametrize("body", ["{", "[]", "null", ""])
def test_a_body_without_a_snapshot_is_refused(api: Api, body: str) -> None:
    api.problem("POST", PATH, 422, content=body.encode(), headers={"content-type": "application/json"})
