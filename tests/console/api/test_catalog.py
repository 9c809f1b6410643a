"""Brands, campaigns and windows by HTTP, against a real broker, database and worker."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from core.moment import MINUTE, parse_moment
from operations.accounts.person import Role
from tests.commands import Commands
from tests.console.api.server import Api, signed_in
from tests.installation import Surroundings

NINE_TO_FIVE = {"days": ["mon", "fri"], "from": "09:00", "to": "17:00"}


def test_a_brand_that_is_made_is_held_by_the_controller(api: Api) -> None:
    body = {"brand_id": "made", "currency": "usd", "time_zone": "Asia/Karachi", "daily_budget": 100.5}
    answer = api.http.post("/api/v1/brands", json=body)
    assert (answer.status_code, answer.headers["location"]) == (201, "/api/v1/brands/made")
    assert (answer.json()["currency"], answer.json()["daily_budget"]) == ("USD", "100.50")
    shown = api.held("/brands/made", lambda it: it["up_to_date"])
    assert (shown["state"], shown["daily_spent"], shown["daily_budget"]) == ("enabled", "0.00", "100.50")
    assert shown["campaigns"] == {"running": 0, "paused": 0, "unknown": 0}
    assert "already there" in api.problem("POST", "/api/v1/brands", 409, json=body)["detail"]


def test_a_brand_without_a_time_zone_lives_in_that_of_the_installation(api: Api) -> None:
    answer = api.http.post("/api/v1/brands", json={"brand_id": "no-zone", "currency": "USD"})
    assert answer.json()["time_zone"] == "UTC"


def test_a_campaign_tells_state_windows_and_spend(api: Api) -> None:
    campaign_id = api.campaign(api.brand(), total_budget="7", windows=["daily 00:00-24:00"], external_id="x-1")
    shown = api.held(f"/campaigns/{campaign_id}", lambda it: it["state"] == "running")
    assert (shown["total_budget"], shown["total_spent"], shown["sequence"]) == ("7.00", "0.00", 1)
    assert shown["windows"] == [
        {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:00", "to": "24:00"}
    ]


def test_an_edit_changes_what_is_named_and_null_clears_a_budget(api: Api) -> None:
    brand_id = api.brand(daily_budget="1", monthly_budget="20")
    before = api.http.get(f"/api/v1/brands/{brand_id}")
    edited = api.http.patch(
        f"/api/v1/brands/{brand_id}", json={"daily_budget": None}, headers={"if-match": before.headers["etag"]}
    )
    assert (edited.json()["daily_budget"], edited.json()["monthly_budget"]) == (None, "20.00")
    assert edited.headers["etag"] != before.headers["etag"]
    assert api.http.get(f"/api/v1/brands/{brand_id}").headers["etag"] == edited.headers["etag"]
    assert api.held(f"/brands/{brand_id}", lambda it: it["up_to_date"])["daily_budget"] is None


def test_alert_fields_of_a_brand_are_checked_held_and_cleared(api: Api) -> None:
    brand_id = api.brand(alert_percents=[90, 50], silent_after_minutes=60)
    path = f"/api/v1/brands/{brand_id}"
    shown = api.held(f"/brands/{brand_id}", lambda it: it["up_to_date"])
    assert (shown["alert_percents"], shown["silent_after_minutes"]) == ([50, 90], 60)
    anything = {"if-match": "*"}
    edited = api.ok("PATCH", path, json={"alert_percents": [], "silent_after_minutes": None}, headers=anything)
    assert (edited["alert_percents"], edited["silent_after_minutes"]) == ([], None)
    assert api.ok("PATCH", path, json={"alert_percents": None}, headers=anything)["alert_percents"] == [80, 100]
    for wrong in ({"alert_percents": [0]}, {"silent_after_minutes": 4}, {"alert_percents": [1.5]}):
        api.problem("PATCH", path, 422, json=wrong, headers=anything)
    assert api.held(f"/brands/{brand_id}", lambda it: it["up_to_date"])["alert_percents"] == [80, 100]


def test_a_stale_edit_is_412_and_one_that_has_seen_nothing_428(api: Api) -> None:
    campaign_id = api.campaign(api.brand())
    path = f"/api/v1/campaigns/{campaign_id}"
    etag = api.http.get(path).headers["etag"]
    api.ok("PATCH", path, json={"name": "first"}, headers={"if-match": etag})
    for stale in (etag, '"999"', 'W/"2"', "2", '"1", "3"'):
        api.problem("PATCH", path, 412, json={"name": "second"}, headers={"if-match": stale})
    api.problem("PATCH", path, 428, json={"name": "second"})
    api.problem("PUT", f"{path}/windows", 428, json={"windows": []})
    assert api.get(f"/campaigns/{campaign_id}")["name"] == "first"
    assert api.ok("PATCH", path, json={"name": "on purpose"}, headers={"if-match": "*"})["name"] == "on purpose"


def test_of_two_who_edit_what_they_saw_at_the_same_time_one_wins(api: Api) -> None:
    campaign_id = api.campaign(api.brand())
    path = f"/api/v1/campaigns/{campaign_id}"
    etag = api.http.get(path).headers["etag"]

    def edit(number: int) -> int:
        answer = api.http.patch(path, json={"name": f"by {number}"}, headers={"if-match": etag})
        return answer.status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(edit, range(6)))
    assert statuses == [200] + [412] * 5


def test_windows_are_replaced_whole_and_pauses_of_the_schedule_are_foretold(api: Api) -> None:
    campaign_id = api.campaign(api.brand(), windows=["daily 00:00-24:00"])
    path = f"/api/v1/campaigns/{campaign_id}/windows"
    etag = api.http.get(path).headers["etag"]
    put = api.ok("PUT", path, json={"windows": [NINE_TO_FIVE, "sat 22:00-02:00"]}, headers={"if-match": etag})
    assert put["windows"] == [NINE_TO_FIVE, {"days": ["sat"], "from": "22:00", "to": "02:00"}]
    assert api.get(f"/campaigns/{campaign_id}/windows") == {"windows": put["windows"]}
    changes = api.get(f"/campaigns/{campaign_id}/schedule", days=7)["changes"]
    assert {it["action"] for it in changes} == {"pause", "resume"}
    assert len(changes) == 6
    cleared = api.ok("PUT", path, json={"windows": []}, headers={"if-match": "*"})
    assert cleared["windows"] == []


def test_pause_and_resume_are_the_operators_own_and_may_be_repeated(api: Api) -> None:
    campaign_id = api.campaign(api.brand())
    for _ in range(2):
        assert api.ok("POST", f"/api/v1/campaigns/{campaign_id}/pause")["enabled"] is False
    paused = api.held(f"/campaigns/{campaign_id}", lambda it: it["state"] == "paused")
    assert (paused["reasons"], paused["sequence"], paused["resumes_at"]) == (["manual"], 2, None)
    api.ok("POST", f"/api/v1/campaigns/{campaign_id}/resume")
    api.held(f"/campaigns/{campaign_id}", lambda it: it["state"] == "running" and it["sequence"] == 3)
    api.problem("POST", f"/api/v1/campaigns/{campaign_id}/pause", 412, headers={"if-match": '"1"'})


def test_a_brand_is_paused_and_archived_with_all_its_campaigns(api: Api) -> None:
    brand_id = api.brand()
    campaign_id = api.campaign(brand_id)
    api.ok("POST", f"/api/v1/brands/{brand_id}/pause")
    api.ok("POST", f"/api/v1/brands/{brand_id}/archive")
    held = api.held(f"/campaigns/{campaign_id}", lambda it: len(it["reasons"]) == 2)
    assert held["reasons"] == ["archived", "manual"]
    assert api.held(f"/brands/{brand_id}", lambda it: it["campaigns"]["paused"] == 1)["state"] == "archived"
    api.ok("POST", f"/api/v1/brands/{brand_id}/resume")
    api.ok("POST", f"/api/v1/brands/{brand_id}/unarchive")
    api.held(f"/campaigns/{campaign_id}", lambda it: it["state"] == "running")


def test_a_time_zone_changes_at_a_whole_minute_ahead(api: Api) -> None:
    brand_id = api.brand()
    edited = api.ok(
        "PATCH", f"/api/v1/brands/{brand_id}", json={"time_zone": "Asia/Karachi"}, headers={"if-match": "*"}
    )
    assert parse_moment(edited["zones"][1]["from"]) % MINUTE == 0
    assert api.held(f"/brands/{brand_id}", lambda it: it["up_to_date"])["time_zone"] == "UTC"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"daily_budget": "-1"}, "cannot be negative"),
        ({"daily_budget": "0.0000001"}, "6 fraction digits"),
        ({"daily_budget": 0.1234567}, "6 fraction digits"),
        ({"daily_budget": 1e400}, "not below 1,000,000,000,000"),
        ({"daily_budget": True}, "write an amount"),
        ({"daily_budget": {"x": 1}}, "write an amount"),
        ({"starts_on": "2025-13-01"}, "is no date for starts_on"),
        ({"starts_on": "2025-09-08", "ends_on": "2025-09-07"}, "write a later ends-on"),
        ({"ends_on": "1970-01-01", "starts_on": "1970-01-02"}, "ends-on"),
        ({"name": "a\nb"}, "printable"),
        ({"name": "x" * 201}, "200 printable"),
        ({"external_id": "\u0000"}, "printable"),
        ({"colour": "red"}, "colour"),
        ({"enabled": "yes"}, "enabled"),
        ({}, "Nothing to change"),
    ],
)
def test_a_wrong_value_is_422_with_a_sentence_that_says_what_to_write(
    api: Api, body: dict[str, Any], message: str
) -> None:
    campaign_id = api.campaign(api.brand())
    content = _json_with_huge_numbers(body)
    headers = {"if-match": "*", "content-type": "application/json"}
    problem = api.problem("PATCH", f"/api/v1/campaigns/{campaign_id}", 422, content=content, headers=headers)
    assert message in problem["detail"]


@pytest.mark.parametrize("window", ["mon", "mon 9-17", "mon 09:00-09:00", {"days": [], "from": "09:00", "to": "10:00"}])
def test_a_wrong_window_is_422(api: Api, window: object) -> None:
    campaign_id = api.campaign(api.brand())
    path = f"/api/v1/campaigns/{campaign_id}/windows"
    api.problem("PUT", path, 422, json={"windows": [window]}, headers={"if-match": "*"})


def test_what_is_not_there_is_404(api: Api) -> None:
    assert api.problem("GET", "/api/v1/brands/nobody", 404)["detail"] == "There is no brand nobody."
    for path in ("campaigns/none", "campaigns/none/windows", "campaigns/none/history", "brands/none/history"):
        api.problem("GET", f"/api/v1/{path}", 404)
    api.problem("POST", "/api/v1/campaigns/none/pause", 404)
    api.problem("POST", "/api/v1/campaigns", 404, json={"campaign_id": "x", "brand_id": "none"})
    api.problem("GET", f"/api/v1/brands/{'x' * 65}", 422)


def test_lists_are_read_page_by_page_with_search_and_filters(api: Api) -> None:
    brand_id = api.brand(name="Paged Brand")
    ids = [api.campaign(brand_id, name=f"Number {number}") for number in range(5)]
    api.ok("POST", f"/api/v1/campaigns/{ids[2]}/pause")
    api.held(f"/campaigns/{ids[2]}", lambda it: it["state"] == "paused")
    for campaign_id in ids:
        api.held(f"/campaigns/{campaign_id}", lambda it: it["state"] != "unknown")
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.get("/campaigns", brand_id=brand_id, limit=2, **cursor)
        found += [it["campaign_id"] for it in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert found == sorted(ids)
    assert _ids(api.get("/campaigns", brand_id=brand_id, state="paused")) == [ids[2]]
    assert _ids(api.get("/campaigns", brand_id=brand_id, search="NUMBER 3")) == [ids[3]]
    assert _ids(api.get("/campaigns", brand_id="none")) == []
    assert [it["brand_id"] for it in api.get("/brands", search="paged")["items"]] == [brand_id]
    assert _ids(api.get("/campaigns", brand_id=brand_id, archived=True)) == []


def test_a_cursor_that_is_none_of_ours_or_of_another_list_is_refused(api: Api) -> None:
    api.brand()
    api.brand()
    cursor = api.get("/brands", limit=1)["next"]
    for wrong in ("x", cursor[:-1], "AAAA"):
        api.problem("GET", "/api/v1/brands", 422, params={"cursor": wrong})
    api.problem("GET", "/api/v1/campaigns", 422, params={"cursor": cursor})
    api.problem("GET", "/api/v1/brands", 422, params={"limit": 0})
    api.problem("GET", "/api/v1/brands", 422, params={"limit": "many"})


def test_every_change_is_in_the_history_with_the_name_of_who_made_it(
    api: Api, surroundings: Surroundings, api_url: str
) -> None:
    person = signed_in(surroundings.settings, api_url, Role.OPERATOR)
    brand_id = api.brand()
    campaign_id = api.campaign(brand_id)
    person.ok("POST", f"/api/v1/campaigns/{campaign_id}/pause", headers=person.csrf_header())
    newest, oldest = api.get(f"/campaigns/{campaign_id}/history")["items"]
    assert (newest["actor"], newest["fields"]) == (person.name, {"enabled": {"from": True, "to": False}})
    assert oldest["actor"] == f"token:{api.name}"
    page = api.get(f"/brands/{brand_id}/history", limit=2)
    assert len(page["items"]) == 2
    rest = api.get(f"/brands/{brand_id}/history", limit=2, cursor=page["next"])
    assert [it["kind"] for it in rest["items"]] == ["brand"]
    assert rest["next"] is None


def test_an_edit_on_the_command_line_is_seen_at_once(api: Api, commands: Commands) -> None:
    brand_id = api.brand()
    commands.done("brand", "set", brand_id, "--name", "By command")
    assert api.held(f"/brands/{brand_id}", lambda it: it["name"] == "By command")["revision"] == 2


def _ids(page: Any) -> list[str]:
    return [it["campaign_id"] for it in page["items"]]


def _json_with_huge_numbers(body: dict[str, Any]) -> bytes:
    return json.dumps(body).replace("Infinity", "1e400").encode()


@pytest.mark.parametrize("an_id", [".", ".."])
def test_ids_that_clients_take_out_of_addresses_are_reached(api: Api, an_id: str) -> None:
    body = {"brand_id": an_id, "currency": "USD", "time_zone": "UTC"}
    made = api.http.post("/api/v1/brands", json=body)
    assert (made.status_code, made.headers.get("location")) in ((201, f"/api/v1/brands/~{an_id}"), (409, None))
    api.http.post("/api/v1/campaigns", json={"campaign_id": an_id, "brand_id": an_id})
    for kind, name in (("brands", "brand_id"), ("campaigns", "campaign_id")):
        assert api.get(f"/{kind}/~{an_id}")[name] == an_id
        assert api.ok("POST", f"/api/v1/{kind}/~{an_id}/pause")["enabled"] is False
        assert api.get(f"/{kind}/~{an_id}/history")["items"]
    assert api.get(f"/campaigns/~{an_id}/windows") == {"windows": []}
    api.problem("GET", "/api/v1/brands/~~x", 422)


def test_budgets_for_certain_dates_and_pacing_are_edited_shown_and_foretold(api: Api) -> None:
    brand_id = api.brand(daily_budget="100", monthly_budget="3000", pacing="even")
    campaign_id = api.campaign(
        brand_id, budget_overrides=[{"from": "2025-01-01", "to": "9999-12-31", "daily_budget": 5}]
    )
    held = api.held(f"/brands/{brand_id}", lambda it: it["daily_allowance"] is not None)
    assert held["allowance_words"].startswith("(3000.00 - 0.00) * ")
    assert (held["pacing"], held["budget_overrides"]) == ("even", [])
    everyday = {"from": "2025-01-01", "to": "9999-12-31"}
    row = api.ok(
        "PATCH",
        f"/api/v1/brands/{brand_id}",
        json={"pacing": "none", "budget_overrides": [{**everyday, "daily_budget": "500", "monthly_budget": None}]},
        headers={"if-match": "*"},
    )
    shown = [{**everyday, "daily_budget": "500.00"}, {**everyday, "monthly_budget": None}]
    assert (row["pacing"], row["budget_overrides"]) == ("none", shown)
    held = api.held(f"/brands/{brand_id}", lambda it: it["pacing"] == "none")
    assert (held["daily_budget"], held["monthly_budget"], held["daily_allowance"]) == ("500.00", None, None)
    assert api.held(f"/campaigns/{campaign_id}", lambda it: it["up_to_date"])["daily_budget"] == "5.00"
    ahead = api.get(f"/campaigns/{campaign_id}/schedule", days=7)["budget_overrides"]
    assert ahead == [
        {"of": "brand", **shown[0]},
        {"of": "brand", **shown[1]},
        {"of": "campaign", **everyday, "daily_budget": "5.00"},
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"pacing": "even"},
        {"pacing": "odd"},
        {"budget_overrides": [{"from": "2026-11-28", "to": "2026-11-27", "daily_budget": "1"}]},
        {"budget_overrides": [{"from": "2026-11-28", "to": "2026-11-28"}]},
        {"budget_overrides": [{"from": "none", "to": "2026-11-28", "daily_budget": "1"}]},
        {"budget_overrides": [{"from": "2026-11-01", "to": "2026-11-29", "monthly_budget": "1"}]},
        {"budget_overrides": [{"from": "2026-11-01", "to": "2026-11-29", "daily_budget": "1"}] * 2},
    ],
)
def test_overrides_and_pacing_that_cannot_be_in_force_are_refused(api: Api, body: dict[str, object]) -> None:
    api.problem("PATCH", f"/api/v1/brands/{api.brand()}", 422, json=body, headers={"if-match": "*"})
