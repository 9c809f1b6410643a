"""The catalog as a file by HTTP: the same rows as JSON, CSV or YAML."""

import json
from typing import Any

import pytest

from operations.accounts.person import Role
from tests.commands import Commands
from tests.console.api.server import Api, signed_in

JSON = {"content-type": "application/json"}
PLAN, APPLY = "/api/v1/catalog/plan", "/api/v1/catalog/apply"


@pytest.fixture
def brand_id(api: Api) -> str:
    """With a campaign that the controller holds."""
    brand_id = api.brand(daily_budget="100")
    api.held(f"/campaigns/{api.campaign(brand_id)}", lambda it: it["state"] == "running")
    return brand_id


def rows_of(commands: Commands, brand_id: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = commands.json("catalog", "export", "--brand", brand_id)["rows"]
    return rows


def test_a_plan_tells_what_would_pause_and_apply_does_it(api: Api, commands: Commands, brand_id: str) -> None:
    brand, campaign = rows_of(commands, brand_id)
    brand["daily_budget"] = 0.5
    campaign |= {"enabled": False, "windows": ["daily 00:00-24:00"], "total_budget": "7"}
    added = {"brand_id": brand_id, "campaign_id": f"{brand_id}.added"}
    body = {"rows": [brand, campaign, added]}
    plan = api.ok("POST", PLAN, json=body)
    assert [(it["line"], it["is_new"], sorted(it["fields"])) for it in plan["differences"]] == [
        (1, False, ["daily_budget"]),
        (2, False, ["enabled", "total_budget", "windows"]),
        (3, True, []),
    ]
    assert plan["differences"][0]["fields"]["daily_budget"] == {"from": "100.00", "to": "0.50"}
    assert [(it["campaign_id"], it["reasons"]) for it in plan["pauses"]] == [(campaign["campaign_id"], ["manual"])]
    assert [it["campaign_id"] for it in plan["resumes"]] == [added["campaign_id"]]

    changed = api.ok("POST", APPLY, json=body)["changed"]
    assert [(it["campaign_id"], it["revision"]) for it in changed] == [
        (None, 2),
        (campaign["campaign_id"], 2),
        (added["campaign_id"], 1),
    ]
    api.held(f"/campaigns/{campaign['campaign_id']}", lambda it: it["reasons"] == ["manual"])
    assert api.ok("POST", PLAN, json=body)["differences"] == []
    assert api.ok("POST", APPLY, json=body) == {"changed": []}


@pytest.mark.parametrize(("file_format", "media_type"), [("csv", "text/csv"), ("yaml", "application/yaml")])
def test_a_file_is_sent_as_it_was_exported(
    api: Api, commands: Commands, brand_id: str, file_format: str, media_type: str
) -> None:
    file = commands.done("catalog", "export", "--format", file_format, "--brand", brand_id)
    headers = {"content-type": f"{media_type}; charset=utf-8"}
    plan = api.ok("POST", PLAN, content=file.encode(), headers=headers)
    assert (plan["differences"], plan["unchanged"]) == ([], 2)
    edited = file.replace("100.00", "9.00").encode()
    assert len(api.ok("POST", APPLY, content=edited, headers=headers)["changed"]) == 1


def test_a_stale_row_is_412_and_a_wrong_one_422_and_both_are_listed(
    api: Api, commands: Commands, brand_id: str
) -> None:
    brand, campaign = rows_of(commands, brand_id)
    commands.done("brand", "set", brand_id, "--name", "somebody else")
    brand["daily_budget"] = "1"
    campaign["daily_budget"] = "2"
    for path in (PLAN, APPLY):
        problem = api.problem("POST", path, 412, json={"rows": [campaign, brand]})
        assert [(it["line"], it["is_stale"]) for it in problem["wrong_rows"]] == [(2, True)]
        wrong = {**campaign, "ends_on": "tomorrow"}
        problem = api.problem("POST", path, 422, json={"rows": [wrong, brand]})
        assert [(it["line"], it["is_stale"]) for it in problem["wrong_rows"]] == [(1, False), (2, True)]
        assert "2025-09-08" in problem["wrong_rows"][0]["message"]
    assert rows_of(commands, brand_id)[1]["daily_budget"] is None


@pytest.mark.parametrize("body", ["[]", '{"rows": 1}', '{"rows": [1]}', '{"rows": [{}]}', '{"rows": [{"a": 1}]}', "{"])
def test_what_is_no_list_of_rows_is_refused(api: Api, body: str) -> None:
    api.problem("POST", APPLY, 422, content=body, headers=JSON)


@pytest.mark.parametrize("field", ["brand_id", "campaign_id"])
@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_an_id_that_the_database_cannot_have_is_a_wrong_row(api: Api, field: str, text: str) -> None:
    """PostgreSQL stores neither NUL nor half a pair of surrogates, and asks for none."""
    row = {"brand_id": "some", "campaign_id": "some.one", field: text}
    for path in (PLAN, APPLY, "/api/v1/catalog/what-if?from=2025-09-01&to=2025-09-02"):
        problem = api.problem("POST", path, 422, content=json.dumps({"rows": [row]}), headers=JSON)
        assert [it["line"] for it in problem["wrong_rows"]] == [1]


def test_what_if_of_a_brand_that_has_no_id_is_refused(api: Api) -> None:
    path = "/api/v1/catalog/what-if?from=2025-09-01&to=2025-09-02&brand_id=%00"
    api.problem("POST", path, 422, content='{"rows": []}', headers=JSON)


def test_a_file_has_up_to_8_mib(api: Api) -> None:
    """Its rows say what is wrong; the limit of 2 MiB is that of other bodies."""
    plan, headers = "/api/v1/catalog/plan", {"content-type": "text/csv"}
    row = b"an-unheard-of-brand," + b"x" * 480 + b"\n"
    content = b"brand_id,name\n" + row * 6_000
    assert 2_900_000 < len(content) < 8_000_000
    assert api.problem("POST", plan, 422, content=content, headers=headers)["wrong_rows"]
    api.problem("POST", plan, 413, content=content * 3, headers=headers)


def test_another_media_type_is_415(api: Api) -> None:
    problem = api.problem("POST", PLAN, 415, content=b"x", headers={"content-type": "application/pdf"})
    assert "text/csv" in problem["detail"]


def test_a_viewer_plans_and_does_not_apply(api: Api) -> None:
    viewer = signed_in(api.settings, api.url, Role.VIEWER)
    try:
        options: dict[str, Any] = {"content": json.dumps({"rows": []}), "headers": viewer.csrf_header() | JSON}
        viewer.ok("POST", PLAN, **options)
        viewer.problem("POST", APPLY, 403, **options)
    finally:
        viewer.http.close()
