"""The pictures of the documentation: made when SPENDGATE_SCREENSHOTS is set, best in a run of this file alone."""

import asyncio
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from core.moment import MINUTE, format_moment
from operations.accounts.accounts import add_user
from operations.accounts.person import Role
from streams.kafka.producer import SpendProducer, spend_producer
from tests.commands import Commands
from tests.console.pages.browser.reader import Reader
from tests.console.pages.conftest import PASSWORD, FormClient
from tests.installation import Surroundings
from tests.streams.broker import spend_event

pytestmark = pytest.mark.skipif(not os.environ.get("SPENDGATE_SCREENSHOTS"), reason="SPENDGATE_SCREENSHOTS is not set")

IMAGES = Path(__file__).parents[4] / "docs" / "images"
BRANDS = {
    "venice-surf": ("Venice Surf", "America/Los_Angeles", "USD", "60", "1500"),
    "hudson-bagels": ("Hudson Bagels", "America/New_York", "USD", "90", "2000"),
    "karachi-kites": ("Karachi Kites", "Asia/Karachi", "PKR", "25000", ""),
    "nordlicht": ("Nordlicht Möbel", "Europe/Berlin", "EUR", "240", "4000"),
    "kyoto-tea": ("Kyoto Tea House", "Asia/Tokyo", "JPY", "30000", "600000"),
    "lagos-fm": ("Lagos FM", "Africa/Lagos", "NGN", "", ""),
}
CAMPAIGNS = {
    "surf-boards": ("venice-surf", "Boards", {}),
    "surf-nights": ("venice-surf", "Night sessions", {}),
    "surf-wetsuits": ("venice-surf", "Wetsuits", {"daily_budget": "25"}),
    "bagels-all": ("hudson-bagels", "All day", {}),
    "bagels-brunch": ("hudson-bagels", "Brunch", {}),
    "kites-basant": ("karachi-kites", "Basant", {"total_budget": "400000"}),
    "moebel-herbst": ("nordlicht", "Herbst", {"daily_budget": "80"}),
    "moebel-retarget": ("nordlicht", "Retargeting", {}),
    "tea-gyokuro": ("kyoto-tea", "Gyokuro", {}),
    "fm-drive": ("lagos-fm", "Drive time", {}),
}
#: Amount of each step of the day that is over, and one at its end.
SPEND = {
    "surf-boards": ("0.45", "1.20"),
    "surf-wetsuits": ("0.30", "24.10"),
    "bagels-all": ("1.40", "70.00"),
    "kites-basant": ("260.50", "3000"),
    "moebel-retarget": ("2.15", "4.40"),
    "moebel-herbst": ("1.05", "80.00"),
    "tea-gyokuro": ("410", "900"),
    "fm-drive": ("155.25", "300"),
}
WINDOWS = {
    "surf-nights": ["--window", "fri-sat 20:00-02:00"],
    "bagels-brunch": ["--window", "mon-fri 06:00-11:00", "--window", "sat,sun 08:00-14:00"],
}
PERSON = "ines"
#: Tests have topics of their own; the pictures show the usual names.
HIDE_PREFIX = """(prefix) => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) texts.currentNode.nodeValue = texts.currentNode.nodeValue.replaceAll(prefix, "");
}"""


def _catalog(operator: FormClient) -> None:
    for brand_id, (name, zone, currency, daily, monthly) in BRANDS.items():
        sent = {"brand_id": brand_id, "name": name, "time_zone": zone, "currency": currency}
        sent |= dict.fromkeys(("alert_percents", "silent_after_minutes", "pacing", "budget_overrides"), "")
        added = operator.post("/new/brand", sent | {"daily_budget": daily, "monthly_budget": monthly})
        assert added.status_code == 303, added.text
    blank = dict.fromkeys(
        ("external_id", "daily_budget", "total_budget", "budget_overrides", "starts_on", "ends_on"), ""
    )
    for campaign_id, (brand_id, name, more) in CAMPAIGNS.items():
        sent = {"campaign_id": campaign_id, "brand_id": brand_id, "name": name}
        added = operator.post("/new/campaign", sent | blank | more)
        assert added.status_code == 303, added.text


async def _spend(producer: SpendProducer) -> None:
    now = time.time_ns() // 1_000_000
    for campaign_id, (step, last) in SPEND.items():
        brand_id = CAMPAIGNS[campaign_id][0]
        for number, amount in enumerate([*[step] * 14, last]):
            at = format_moment(now - (14 - number) * 34 * MINUTE)
            event = spend_event(brand_id, campaign_id, amount, f"{campaign_id}-{number}", at)
            await producer.send(brand_id, json.dumps(event).encode())


def _pictures() -> Iterator[tuple[str, str, str, int]]:
    yield "overview", "/", "light", 1280
    yield "overview-dark", "/", "dark", 1280
    yield "overview-phone", "/", "light", 390
    yield "brand", "/brands/venice-surf", "light", 1280
    yield "why", "/campaigns/surf-wetsuits", "dark", 1280
    yield "feed", "/feed", "light", 1280
    yield "schedule", "/campaigns/surf-nights/schedule", "light", 1280
    yield "brand-phone", "/brands/venice-surf", "dark", 390


async def test_pictures_of_the_console(
    reader: Reader, operator: FormClient, surroundings: Surroundings, commands: Commands
) -> None:
    _catalog(operator)
    for campaign_id, windows in WINDOWS.items():
        await asyncio.to_thread(commands.done, "campaign", "set", campaign_id, *windows)
    async with spend_producer(surroundings.settings) as producer:
        await _spend(producer)
    page = reader.page
    add_user(surroundings.settings.database, PERSON, Role.OPERATOR, PASSWORD, actor="tests")
    reader.people = {**reader.people, Role.OPERATOR: PERSON}
    await reader.sign_in(Role.OPERATOR)
    await reader.open("/campaigns/surf-wetsuits")
    await expect(page.locator("#why")).to_contain_text("spend-events/")
    IMAGES.mkdir(exist_ok=True)
    for name, path, theme, width in _pictures():
        await reader.theme(theme)
        await page.set_viewport_size({"width": width, "height": 820})
        await reader.open(path)
        if "schedule" not in path:
            await reader.live()
        await page.evaluate(HIDE_PREFIX, surroundings.settings.topic_prefix)
        await page.screenshot(path=IMAGES / f"{name}.png")
