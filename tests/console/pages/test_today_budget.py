"""The budget of today alone, set from the reason that it ends."""

import html
import re
import time

import msgspec
import pytest

from console.pages.admin.today_budget import suggested_micros
from console.pages.remedies import remedies
from core.money import LIMIT_MICROS, MICROS
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from operations.explain import explain
from tests.console.api.server import until
from tests.console.pages.conftest import FormClient
from tests.docs.messages import play

TODAY = "Budgets for certain dates"


@pytest.mark.parametrize(
    ("budget", "spent", "suggested"),
    [(None, 5, None), (0, 0, 1), (100, 100, 120), (100, 150, 180), (10, 11, 14), (1, -5, 2)],
)
def test_a_fifth_more_than_budget_or_spend_is_suggested(budget: int | None, spent: int, suggested: int | None) -> None:
    micros = suggested_micros(None if budget is None else budget * MICROS, spent * MICROS)
    assert micros == (None if suggested is None else suggested * MICROS)


def test_no_more_than_the_largest_budget_is_suggested() -> None:
    assert suggested_micros(MICROS, LIMIT_MICROS - 1) == LIMIT_MICROS
    assert suggested_micros(MICROS, LIMIT_MICROS) is None


@pytest.mark.parametrize(
    ("spent", "label"),
    [
        ("10.00", "Raise today to 12.00 USD"),
        ("999999999999.999999", "Clear today's budget"),
        ("1000000000000.00", "Clear today's budget"),
    ],
)
def test_what_a_button_offers_is_possible(spent: str, label: str) -> None:
    pause = next(it for it in play() if it.reasons == ["daily_budget"])
    spent_all = msgspec.structs.replace(pause.brand, daily_budget="10.00", daily_spent=spent)
    why = explain(msgspec.structs.replace(pause, brand=spent_all), None)
    brand = Brand(brand_id="brand", currency="USD", enabled=True, archived=False)
    campaign = Campaign(campaign_id="campaign", brand_id="brand", enabled=True, archived=False)
    [remedy] = remedies(why, campaign, brand)["daily_budget"]
    assert remedy.label == label


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("kind", ["brand", "campaign"])
def test_todays_budget_is_raised_and_three_times_the_former_is_asked_about(operator: FormClient, kind: str) -> None:
    brand_id = operator.brand(daily_budget="10", time_zone="UTC")
    campaign_id = operator.campaign(brand_id, daily_budget="10")
    address = f"/{kind}s/{brand_id if kind == 'brand' else campaign_id}"
    assert 'value="12.00"' in operator.page(f"{address}/raise-today")
    sent = {"amount": "30.01", "next": f"/campaigns/{campaign_id}"}
    asked = operator.post(f"{address}/raise-today", sent)
    assert (asked.status_code, "more than 3 times" in asked.text) == (200, True)
    assert TODAY not in operator.page(f"{address}/history").partition("Added")[0]
    for wrong in ("", "1,000.00", "-1"):
        assert operator.post(f"{address}/raise-today", {**sent, "amount": wrong}).status_code == 422
    unlimited = operator.post(f"{address}/raise-today", {**sent, "amount": "none"})
    assert "Nothing would limit" in unlimited.text
    done = operator.post(f"{address}/raise-today", {**sent, "confirmed": "30.01"})
    assert (done.status_code, done.headers["location"]) == (303, f"/campaigns/{campaign_id}")
    history = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", operator.page(f"{address}/history"))).split())
    assert f"{time.strftime('%Y-%m-%d', time.gmtime())} daily=30.01" in history


def test_why_offers_what_ends_each_reason_and_says_who_paused_it(
    operator: FormClient, viewer: FormClient, worker: object
) -> None:
    brand_id = operator.brand(daily_budget="0")
    campaign_id = operator.campaign(brand_id, daily_budget="0")
    for thing in (f"brands/{brand_id}", f"campaigns/{campaign_id}"):
        assert operator.post(f"/{thing}/pause", {}).status_code == 303
    address = f"/campaigns/{campaign_id}"

    def page(visitor: FormClient) -> str:
        return html.unescape(visitor.page(address))

    until(lambda: page(operator).count(" paused by ") == 2)
    for offered in (
        f'href="/brands/{brand_id}/raise-today?next=',
        f'href="{address}/raise-today?next=',
        "Raise today to 1.00 EUR",
        f'href="/brands/{brand_id}/resume">Resume brand',
        f'href="{address}/resume">Resume campaign',
    ):
        assert offered in page(operator), offered
        assert offered not in page(viewer), offered
    assert page(viewer).count(f"<strong><bdi>{operator.name}</bdi></strong>") == 2


def test_a_viewer_raises_nothing(viewer: FormClient, operator: FormClient, worker: object) -> None:
    address = f"/brands/{operator.brand(daily_budget='10')}/raise-today"
    assert viewer.get(address).status_code == 403
    assert viewer.post(address, {"amount": "12"}).status_code == 403
    assert operator.post(address, {"amount": "12", "next": "https://evil.example"}).headers["location"] == "/"
