"""The forms of brands and campaigns against a real broker and database: good, wrong, stale, forbidden."""

import asyncio
import html
import re
import secrets
from dataclasses import replace
from datetime import date

import httpx
import pytest
from starlette.requests import Request

from console.pages.admin.catalog_access import edit
from console.rendering.flash import flashes_of
from console.server.services import open_services
from core.overrides import NO_OVERRIDES, Override
from models.queries.catalog import changes_of, get_brand, get_campaign
from models.queries.catalog_edits import edit_brand, edit_campaign
from models.session import session_scope
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from operations.accounts.person import Role
from schedulers.catalog_relay.relay import Relay
from tests.console.pages.conftest import PASSWORD, FormClient
from tests.installation import Surroundings

#: The answer to the question before a brand has neither a daily nor a monthly budget.
UNLIMITED = {"confirmed_budgets": "none none"}


def _brand(visitor: FormClient, brand_id: str) -> Brand:
    with session_scope(visitor.settings.database) as session:
        return get_brand(session, brand_id)


def _campaign(visitor: FormClient, campaign_id: str) -> Campaign:
    with session_scope(visitor.settings.database) as session:
        return get_campaign(session, campaign_id)


def _text(page: str) -> str:
    """Words of a page, without marks and with one blank between them."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_a_brand_is_added_with_what_was_typed_and_stands_in_the_history_by_name(operator: FormClient) -> None:
    alerts = {"alert_percents": "50, 90", "silent_after_minutes": "3h"}
    meant = {"confirmed_budgets": "100.10 0"}
    brand_id = operator.brand(name="Nike", daily_budget="100.10", monthly_budget="0", **alerts, **meant)
    row = _brand(operator, brand_id)
    assert (row.name, row.daily_budget_micros, row.monthly_budget_micros) == ("Nike", 100_100_000, 0)
    assert (row.alert_percents, row.silent_after_minutes) == ([50, 90], 180)
    assert "Added, and the broker has it." in operator.page(f"/brands/{brand_id}/edit")
    assert "Added, and the broker has it." not in operator.page(f"/brands/{brand_id}/edit"), "it is said once"
    with session_scope(operator.settings.database) as session:
        (change,) = changes_of(session, brand_id=brand_id)
    assert change.actor == operator.name


def test_dated_budgets_and_pacing_are_typed_and_shown_as_they_are_typed(operator: FormClient) -> None:
    overrides = "2031-01-01..2031-01-31 monthly=5;2031-01-02 daily=none"
    brand_id = operator.brand(monthly_budget="3000", pacing="even", budget_overrides=overrides)
    row = _brand(operator, brand_id)
    january = Override(date(2031, 1, 1), date(2031, 1, 31), 5_000_000)
    assert (row.pacing, row.budget_overrides.monthly) == ("even", (january,))
    path = f"/brands/{brand_id}/edit"
    shown = operator.inputs(path)
    assert shown["budget_overrides"] == "2031-01-01..2031-01-31 monthly=5.00; 2031-01-02 daily=none"
    assert "Pacing even needs a monthly budget" in _text(
        operator.post(path, shown | {"monthly_budget": "", **UNLIMITED}).text
    )
    campaign_id = operator.campaign(brand_id, budget_overrides="2031-01-02 daily=7")
    assert operator.inputs(f"/campaigns/{campaign_id}/edit")["budget_overrides"] == "2031-01-02 daily=7.00"
    assert operator.post(path, shown | {"budget_overrides": "", "pacing": ""}).status_code == 303
    assert (_brand(operator, brand_id).budget_overrides, _brand(operator, brand_id).pacing) == (NO_OVERRIDES, "none")


def test_a_wrong_brand_says_beside_each_field_what_to_write_and_keeps_what_was_typed(operator: FormClient) -> None:
    sent = {
        "brand_id": "a b",
        "name": "N",
        "time_zone": "Mars",
        "currency": "EUR",
        "daily_budget": "1,5",
        "monthly_budget": "",
        "alert_percents": "",
        "silent_after_minutes": "",
        "pacing": "",
        "budget_overrides": "",
    }
    answer = operator.post("/new/brand", sent)
    assert answer.status_code == 422
    for message in ("1 to 64 of the characters", "'Mars' is not a time zone", "not a decimal amount"):
        assert message in _text(answer.text)
    assert 'value="1,5"' in answer.text
    assert answer.text.count('aria-invalid="true"') == 3


def test_an_id_is_never_used_twice(operator: FormClient) -> None:
    brand_id = operator.brand()
    sent = {
        "brand_id": brand_id,
        "name": "",
        "time_zone": "UTC",
        "currency": "EUR",
        "daily_budget": "",
        "monthly_budget": "",
        "alert_percents": "",
        "silent_after_minutes": "",
        "pacing": "",
        "budget_overrides": "",
    }
    answer = operator.post("/new/brand", sent)
    assert answer.status_code == 409
    assert f"The brand {brand_id} is already there." in _text(answer.text)


def test_an_edit_changes_what_is_different_and_nothing_else(operator: FormClient) -> None:
    brand_id = operator.brand(name="Old", daily_budget="5")
    path = f"/brands/{brand_id}/edit"
    assert (
        operator.post(path, operator.inputs(path) | {"name": "New", "daily_budget": "", **UNLIMITED}).status_code == 303
    )
    row = _brand(operator, brand_id)
    assert (row.name, row.daily_budget_micros, row.revision) == ("New", None, 2)
    with session_scope(operator.settings.database) as session:
        newest = changes_of(session, brand_id=brand_id)[0]
    assert set(newest.fields) == {"name", "daily_budget"}


def test_another_time_zone_is_asked_about_first(operator: FormClient) -> None:
    brand_id = operator.brand()
    path = f"/brands/{brand_id}/edit"
    sent = operator.inputs(path) | {"time_zone": "America/New_York"}
    asked = operator.post(path, sent)
    assert asked.status_code == 200
    assert "keeps its start and its spend and ends at" in _text(asked.text)
    assert _brand(operator, brand_id).time_zone == "Europe/Berlin"
    assert operator.post(path, sent | {"confirmed_time_zone": "America/New_York"}).status_code == 303
    assert [zone.time_zone for zone in _brand(operator, brand_id).zones] == ["Europe/Berlin", "America/New_York"]


def test_two_who_edit_the_same_brand_see_both_versions_and_one_chooses(operator: FormClient) -> None:
    brand_id = operator.brand(name="Start", daily_budget="5", monthly_budget="50")
    campaign_id = operator.campaign(brand_id)
    path = f"/brands/{brand_id}/edit"
    opened = operator.inputs(path)
    with session_scope(operator.settings.database) as session:
        edit_brand(session, brand_id, {"name": "Hers"}, actor="alice")
        edit_brand(session, brand_id, {"monthly_budget_micros": 60_000_000}, actor=operator.name)
        edit_brand(session, brand_id, {"enabled": False}, actor="bob")
    with session_scope(operator.settings.database) as session:
        edit_campaign(session, campaign_id, {"name": "Of a campaign"}, actor="carol")
    answer = operator.post(path, opened | {"name": "Mine", "daily_budget": "7"})
    assert answer.status_code == 412
    words = _text(answer.text)
    when = r"\( \w{3} \d+ \w{3} \d{4} \d\d:\d\d:\d\d \)"
    you = "you yourself, on another page"
    assert re.search(rf"Changed since you opened it by {you} {when}, alice {when}\. Nothing of yours", words)
    assert re.search(rf"Name changed by you and by alice {when}: choose one", words)
    assert "Daily budget changed by you alone" in words
    assert re.search(rf"Monthly budget changed by {you} {when} alone", words)
    assert not {"bob", "carol"} & set(words.split())
    assert "Mine" in words
    assert "Hers" in words
    assert _brand(operator, brand_id).name == "Hers"
    chosen = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', answer.text))
    chosen |= {"name": "Mine", "daily_budget": "7.00", "monthly_budget": "60.00"}
    assert operator.post(path, chosen).status_code == 303
    row = _brand(operator, brand_id)
    assert (row.name, row.daily_budget_micros, row.monthly_budget_micros) == ("Mine", 7_000_000, 60_000_000)


def test_a_version_that_was_not_chosen_clears_nothing(operator: FormClient) -> None:
    brand_id = operator.brand(daily_budget="5")
    path = f"/brands/{brand_id}/edit"
    sent = operator.inputs(path)
    del sent["daily_budget"]
    answer = operator.post(path, sent)
    assert answer.status_code == 422
    assert "Nothing was chosen here" in _text(answer.text)
    assert _brand(operator, brand_id).daily_budget_micros == 5_000_000


def test_a_pause_by_somebody_else_is_no_conflict_for_a_form_that_does_not_show_it(operator: FormClient) -> None:
    brand_id = operator.brand()
    campaign_id = operator.campaign(brand_id, name="Start")
    path = f"/campaigns/{campaign_id}/edit"
    opened = operator.inputs(path)
    with session_scope(operator.settings.database) as session:
        edit_campaign(session, campaign_id, {"enabled": False}, actor="alice")
    assert operator.post(path, opened | {"name": "Mine"}).status_code == 303
    row = _campaign(operator, campaign_id)
    assert (row.name, row.enabled) == ("Mine", False)


def test_a_campaign_is_added_with_budgets_flight_and_paused(operator: FormClient) -> None:
    campaign_id = operator.campaign(
        operator.brand(),
        daily_budget="1",
        total_budget="2.5",
        starts_on="2030-01-01",
        ends_on="2030-01-01",
        external_id="ext",
        paused="true",
    )
    row = _campaign(operator, campaign_id)
    assert (row.daily_budget_micros, row.total_budget_micros, row.external_id) == (1_000_000, 2_500_000, "ext")
    assert (str(row.starts_on), str(row.ends_on), row.enabled) == ("2030-01-01", "2030-01-01", False)


def test_a_campaign_needs_a_brand_that_is_there(operator: FormClient) -> None:
    names = ("name", "external_id", "daily_budget", "total_budget", "budget_overrides", "starts_on", "ends_on")
    answer = operator.post("/new/campaign", {"campaign_id": "orphan", "brand_id": "nobody", **dict.fromkeys(names, "")})
    assert answer.status_code == 422
    assert "There is no brand nobody." in _text(answer.text)


def test_a_flight_that_ends_before_it_starts_is_refused_beside_its_end(operator: FormClient) -> None:
    campaign_id = operator.campaign(operator.brand())
    path = f"/campaigns/{campaign_id}/edit"
    answer = operator.post(path, operator.inputs(path) | {"starts_on": "2030-01-02", "ends_on": "2030-01-01"})
    assert answer.status_code == 422
    assert "before it starts" in _text(answer.text)


def test_pause_asks_first_and_says_what_will_happen(operator: FormClient) -> None:
    campaign_id = operator.campaign(operator.brand())
    path = f"/campaigns/{campaign_id}/pause"
    assert "Nothing but Resume ends that." in _text(operator.page(path))
    assert _campaign(operator, campaign_id).enabled
    answer = operator.post(path, {"next": "/campaigns?search=x"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/campaigns?search=x")
    assert not _campaign(operator, campaign_id).enabled
    operator.post(f"/campaigns/{campaign_id}/resume", {})
    assert _campaign(operator, campaign_id).enabled


def test_archived_ones_are_listed_apart(operator: FormClient) -> None:
    brand_id = operator.brand()
    operator.post(f"/brands/{brand_id}/archive", {})
    assert f"/brands/{brand_id}/edit" not in operator.page("/brands", search=brand_id)
    assert f"/brands/{brand_id}/unarchive" in operator.page("/brands", search=brand_id, archived="true")
    operator.post(f"/brands/{brand_id}/unarchive", {})
    assert f"/brands/{brand_id}/edit" in operator.page("/brands", search=brand_id)


def test_nobody_is_sent_to_another_site(operator: FormClient) -> None:
    campaign_id = operator.campaign(operator.brand())
    answer = operator.post(f"/campaigns/{campaign_id}/pause", {"next": "https://evil.example/"})
    assert answer.headers["location"] == "/"


def test_ticked_campaigns_are_paused_together_or_not_at_all(operator: FormClient) -> None:
    brand_id = operator.brand()
    campaign_ids = [operator.campaign(brand_id) for _ in range(3)]
    asked = operator.post("/campaigns/bulk", {"act": "pause", "campaign_id": campaign_ids[:2]})
    assert asked.status_code == 200
    assert "Pause 2 campaigns? Each is paused at once." in _text(asked.text)
    assert all(_campaign(operator, it).enabled for it in campaign_ids)
    sent: dict[str, str | list[str]] = {"act": "pause", "confirmed": "true"}
    assert operator.post("/campaigns/bulk", sent | {"campaign_id": [campaign_ids[2], "nobody"]}).status_code == 404
    assert _campaign(operator, campaign_ids[2]).enabled
    assert operator.post("/campaigns/bulk", sent | {"campaign_id": campaign_ids[:2]}).status_code == 303
    assert [_campaign(operator, it).enabled for it in campaign_ids] == [False, False, True]


def test_nothing_ticked_says_so(operator: FormClient) -> None:
    assert "No campaign is ticked" in operator.post("/campaigns/bulk", {"act": "pause"}).text


@pytest.mark.parametrize(
    "path", ["/brands/{b}/fly", "/campaigns/{c}/fly", "/brands/nobody/edit", "/campaigns/nobody/history"]
)
def test_what_is_not_there_is_a_page_that_says_so(operator: FormClient, path: str) -> None:
    brand_id = operator.brand()
    answer = operator.get(path.format(b=brand_id, c=operator.campaign(brand_id)))
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


def test_lists_go_on_where_the_page_before_ended(operator: FormClient) -> None:
    name = f"one of many {secrets.token_hex(4)}"
    brand_ids = sorted(operator.brand(name=name) for _ in range(51))
    first = operator.page("/brands", search=name)
    assert brand_ids[49] in first
    assert brand_ids[50] not in first
    (next_url,) = re.findall(r'rel="next" href="([^"]+)"', first)
    second = operator.page(html.unescape(next_url))
    assert brand_ids[50] in second
    assert "First page" in second


def test_the_history_tells_who_and_from_what_to_what_in_words(operator: FormClient) -> None:
    brand_id = operator.brand(daily_budget="5")
    path = f"/brands/{brand_id}/edit"
    operator.post(path, operator.inputs(path) | {"daily_budget": "", **UNLIMITED})
    words = _text(operator.page(f"/brands/{brand_id}/history"))
    assert f"{operator.name} {brand_id} Daily budget from 5.00 to unlimited" in words
    assert "Added" in words
    assert "Currency EUR" in words


FORMS = [
    "/new/brand",
    "/new/campaign",
    "/brands/{b}/edit",
    "/campaigns/{c}/edit",
    "/brands/{b}/pause",
    "/campaigns/{c}/archive",
]


@pytest.mark.parametrize("path", FORMS)
def test_a_viewer_sees_no_form_and_cannot_send_one(operator: FormClient, viewer: FormClient, path: str) -> None:
    brand_id = operator.brand()
    path = path.format(b=brand_id, c=operator.campaign(brand_id))
    assert viewer.get(path).status_code == 403
    assert viewer.post(path, {}).status_code == 403


def test_a_viewer_sees_the_lists_without_anything_to_press(operator: FormClient, viewer: FormClient) -> None:
    brand_id = operator.brand()
    operator.campaign(brand_id)
    for page in (viewer.page("/brands", search=brand_id), viewer.page("/campaigns", brand=brand_id)):
        assert brand_id in page
        assert "/edit" not in page
        assert "data-asks" not in page
        assert "New " not in _text(page)
    assert viewer.post("/campaigns/bulk", {"act": "pause", "campaign_id": ["x"]}).status_code == 403


@pytest.mark.parametrize("path", [*FORMS, "/campaigns/bulk"])
def test_a_form_that_is_not_from_here_is_refused(operator: FormClient, path: str) -> None:
    brand_id = operator.brand()
    path = path.format(b=brand_id, c=operator.campaign(brand_id))
    answer = operator.post(path, {"act": "pause", "campaign_id": ["x"], "confirmed": "true"}, csrf_token="0" * 64)
    assert answer.status_code == 403
    assert "not from here" in answer.text


def test_a_page_that_is_not_there_still_leads_to_all_others(operator: FormClient) -> None:
    for path in ("/brands/nobody", "/nothing/here"):
        answer = operator.get(path)
        assert answer.status_code == 404
        assert 'href="/feed"' in answer.text and operator.name in answer.text
        stranger = httpx.get(operator.client.base_url.join(path), follow_redirects=True)
        assert 'href="/feed"' not in stranger.text
    for path in ("/campaigns/bulk", "/brands/x/pause"):
        answer = operator.client.post(path, data={"csrf": operator.csrf_token}, headers={"referer": "http://[x"})
        assert answer.status_code == 404


def test_what_people_typed_is_never_markup(operator: FormClient) -> None:
    brand_id = operator.brand(name="<script>alert(1)</script>")
    for path in (f"/brands/{brand_id}/edit", f"/brands/{brand_id}/history", f"/brands?search={brand_id}"):
        assert "<script>alert" not in operator.page(path)


@pytest.mark.parametrize("wrong", [{"brokers": "127.0.0.1:1"}, {"topic_prefix": "nobody-made-"}])
async def test_an_edit_that_the_broker_does_not_take_is_kept_and_the_page_says_so(
    operator: FormClient, surroundings: Surroundings, wrong: dict[str, str]
) -> None:
    brand_id = operator.brand()
    away = surroundings.settings.replace(**wrong)
    relay = Relay(away)
    async with open_services(surroundings.settings) as services:
        while services.away():
            await asyncio.sleep(0.05)
        # As if the broker went away between the look at it and the edit.
        cut_off = replace(services, settings=away, relay=relay)
        message = await edit(cut_off, lambda session: [edit_brand(session, brand_id, {"name": "Kept"}, actor="alice")])
    assert message == "kept"
    assert _brand(operator, brand_id).name == "Kept"
    (flash,) = flashes_of(Request({"type": "http", "headers": [(b"cookie", f"spendgate_flash={message}".encode())]}))
    assert "Saved, but the broker has not answered in time." in flash.text


def test_what_was_typed_into_a_form_outlives_its_session(
    operator: FormClient, console_address: str, surroundings: Surroundings, people: dict[Role, str]
) -> None:
    brand_id = operator.brand(name="Before")
    path = f"/brands/{brand_id}/edit"
    typed = operator.inputs(path) | {
        "name": "Typed for an hour & \u201cmore\u201d",
        "csrf": "of the session that ended",
    }
    with httpx.Client(base_url=console_address, timeout=20) as client:
        asked = client.post(path, data=typed)
        assert (asked.status_code, asked.headers.get("location")) == (401, None)
        assert "what you have typed is kept" in asked.text
        who = {"name": people[Role.OPERATOR], "password": "wrong"}
        again = client.post("/sign-in", data=_hidden(asked.text) | who)
        assert again.status_code == 401
        signed_in = client.post("/sign-in", data=_hidden(again.text) | who | {"password": PASSWORD})
        assert (signed_in.status_code, "Typed for an hour" in signed_in.text) == (200, True)
        assert f'action="{path}"' in signed_in.text
        assert _brand(operator, brand_id).name == "Before", "nothing is sent but by the person"
        assert client.post(path, data=_hidden(signed_in.text)).status_code == 303
    assert _brand(operator, brand_id).name == typed["name"]


def test_a_form_of_another_site_or_with_a_password_is_not_kept(console_address: str) -> None:
    with httpx.Client(base_url=console_address, timeout=20) as client:
        foreign = client.post("/brands/x/edit", data={"name": "x"}, headers={"origin": "https://evil.example"})
        assert foreign.status_code == 303
        secret = client.post("/account/password", data={"present": "a secret", "new": "b", "again": "b"})
        assert (secret.status_code, "a secret" in secret.text) == (303, False)


def _hidden(page: str) -> dict[str, str]:
    found = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in found}


@pytest.mark.parametrize("kind", ["brand", "campaign"])
def test_a_dangerous_number_is_asked_about_until_it_is_saved_again(operator: FormClient, kind: str) -> None:
    brand_id = operator.brand(daily_budget="10")
    path = f"/brands/{brand_id}/edit"
    if kind == "campaign":
        path = f"/campaigns/{operator.campaign(brand_id, daily_budget='10')}/edit"
    opened = operator.inputs(path)
    asked = operator.post(path, opened | {"daily_budget": "40"})
    assert (asked.status_code, "40.00 is more than 3 times 10.00" in asked.text) == (200, True)
    assert operator.inputs(path)["daily_budget"] == "10.00", "nothing was saved"
    inputs = dict(re.findall(r'<input[^>]*?name="([^"]+)"[^>]*?value="([^"]*)"', asked.text))
    another = operator.post(path, inputs | {"daily_budget": ""})
    assert "Nothing would limit the daily budget" in another.text, "the answer is to one number alone"
    assert operator.post(path, inputs).status_code == 303
    assert operator.inputs(path)["daily_budget"] == "40.00"


def test_a_new_brand_whose_day_is_above_its_month_is_asked_about(operator: FormClient) -> None:
    blank = operator.inputs("/new/brand")
    sent = {**blank, "brand_id": "never-added", "currency": "EUR", "daily_budget": "10", "monthly_budget": "9"}
    asked = operator.post("/new/brand", sent)
    assert (asked.status_code, "above the monthly budget of 9.00" in asked.text) == (200, True)
