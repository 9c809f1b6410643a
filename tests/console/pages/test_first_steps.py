"""The page that leads through an empty console, and the copy of a campaign."""

import html
import json
import re
import secrets
import shlex

import httpx
import pytest

from core.windows import EVERY_DAY, Window
from models.queries.catalog import get_campaign
from models.queries.catalog_edits import set_windows
from models.session import session_scope
from operations.schedule_preview import schedule_of
from tests.console.api.server import until
from tests.console.pages.conftest import FormClient

pytestmark = pytest.mark.usefixtures("worker")


def _command(page: str) -> list[str]:
    found = re.search(r"<pre[^>]*>(.*?)</pre>", page, re.S)
    assert found
    return shlex.split(html.unescape(found[1]).replace("\\\n", ""))


def test_each_step_leads_to_the_next_and_a_new_brand_leads_back(operator: FormClient) -> None:
    brand_id = f"w-{secrets.token_hex(4)}"
    sent = operator.inputs("/new/brand") | {"brand_id": brand_id, "currency": "USD"}
    form = operator.page("/new/brand", next="/first-steps")
    assert '<input type="hidden" name="next" value="/first-steps">' in form
    added = operator.post("/new/brand", {**sent, "next": f"/first-steps?brand={brand_id}"})
    assert added.headers["location"] == f"/first-steps?brand={brand_id}"
    page = operator.page("/first-steps", brand=brand_id)
    address = f"/new/campaign?brand={brand_id}&next=/first-steps"
    assert address in html.unescape(page)
    assert "An admin makes the token" in page
    assert operator.post("/first-steps/token", {"name": "x", "brand": brand_id}).status_code == 403


def test_no_form_leads_to_another_server(operator: FormClient) -> None:
    assert 'name="next" value="/"' in operator.page("/new/brand", next="//evil.example")
    assert 'name="next" value="/"' in operator.page("/new/campaign", next="javascript:alert(1)")


def test_the_command_with_its_token_is_taken_by_the_api_and_the_page_says_that_the_spend_has_arrived(
    admin: FormClient,
) -> None:
    brand_id = admin.brand(daily_budget="100")
    campaign_id = admin.campaign(brand_id, name="First one")
    page = admin.page("/first-steps", brand=brand_id)
    assert "No spend yet" in page
    assert "Bearer TOKEN" in page
    inputs = dict(re.findall(r'<input type="hidden" name="(name|brand)" value="([^"]*)"', page))
    answer = admin.post("/first-steps/token", inputs)
    command = _command(answer.text)
    assert command[:3] == ["curl", "-X", "POST"]
    headers = dict(command[at + 1].split(": ", 1) for at, it in enumerate(command) if it == "-H")
    event = command[command.index("-d") + 1]
    assert json.loads(event)["campaign_id"] == campaign_id
    assert httpx.post(command[3], headers=headers, content=event).status_code == 202
    until(lambda: "First spend has arrived" in admin.page("/first-steps", brand=brand_id))
    assert "of <a" in admin.page("/first-steps", brand=brand_id)
    again = admin.post("/first-steps/token", inputs)
    assert (again.status_code, "Bearer TOKEN" in again.text) == (409, True)


def test_sample_data_is_refused_beside_brands_of_ones_own(operator: FormClient) -> None:
    operator.brand()
    answer = operator.post("/first-steps/sample-data", {})
    assert answer.status_code == 422
    assert "There are brands already" in answer.text


def test_a_copy_has_the_settings_and_windows_under_another_id(operator: FormClient) -> None:
    brand_id = operator.brand(daily_budget="100")
    campaign_id = operator.campaign(
        brand_id, name="Summer", daily_budget="5", external_id="x1", starts_on="2026-01-02", ends_on="2026-12-31"
    )
    with session_scope(operator.settings.database) as session:
        set_windows(session, campaign_id, [Window(EVERY_DAY, 540, 1020)], actor="tests")
    assert f"/new/campaign?copy={campaign_id}" in operator.page(f"/campaigns/{campaign_id}")
    assert "09:00" in operator.page("/new/campaign", copy=campaign_id)
    sent = operator.inputs(f"/new/campaign?copy={campaign_id}")
    assert (sent["daily_budget"], sent["external_id"], sent["campaign_id"]) == ("5.00", "", "")
    new_id = f"{campaign_id}.copy"
    assert operator.post("/new/campaign", sent | {"campaign_id": new_id}).status_code == 303
    with session_scope(operator.settings.database) as session:
        old, new = get_campaign(session, campaign_id), get_campaign(session, new_id)
        assert schedule_of(new).windows == schedule_of(old).windows
        same = ("brand_id", "name", "daily_budget_micros", "total_budget_micros", "starts_on", "ends_on")
        assert [getattr(new, it) for it in same] == [getattr(old, it) for it in same]
        assert new.external_id is None


def test_a_copy_of_what_does_not_exist_is_told(operator: FormClient) -> None:
    assert operator.get("/new/campaign", copy="nothing-there").status_code == 404


def test_the_reference_has_every_operation_with_its_examples_and_is_linked_from_every_page(viewer: FormClient) -> None:
    page = viewer.page("/reference")
    document = viewer.client.get("/api/openapi.json").json()
    operations = [it for path, of_path in document["paths"].items() if "/v1/" in path for it in of_path.values()]
    assert len(operations) > 40
    assert [it["operationId"] for it in operations if f'id="{it["operationId"]}"' not in page] == []
    assert html.unescape(page).count('"title": "Unauthorized"') == len(operations)
    assert "answered with 429" in page
    assert 'href="/reference"' in viewer.page("/account")
