"""An agency's routine, each task from the overview on, in clicks. With `pytest -s` each prints its row of the table in
docs/console.md. A search is typed and sent with Enter, as somebody does who has just typed.
"""

import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from playwright.async_api import Locator, Page, expect

from core.moment import format_moment
from models.queries.catalog import get_campaign, list_campaigns
from models.session import session_scope
from models.tables.control_log import ControlLog
from tests.console.pages.browser.clicks import Clicks
from tests.console.pages.browser.reader import PATIENCE_MS, Reader
from tests.console.pages.browser.test_watching import spend
from tests.console.pages.conftest import FormClient, campaign_rows
from tests.installation import Surroundings
from tests.ledger.ingest.test_ledger import COMMAND

expect.set_options(timeout=PATIENCE_MS)

ZONE = ZoneInfo("Europe/Berlin")
TUESDAY = 1


@asynccontextmanager
async def task(page: Page, name: str, at_most: int) -> AsyncIterator[Clicks]:
    clicks, began_at = Clicks(page), time.perf_counter()
    yield clicks
    print(f"\n| {name} | {clicks.made} | {at_most} | {time.perf_counter() - began_at:.1f} s |")
    assert clicks.made <= at_most


async def overview(reader: Reader) -> Page:
    await reader.sign_in_by_form()
    return reader.page


async def search(page: Page, text: str) -> None:
    field = page.get_by_role("searchbox")
    await field.fill(text)
    await field.press("Enter")


async def used_up(operator: FormClient, surroundings: Surroundings, name: str) -> str:
    brand_id = operator.brand(name=name, daily_budget="10")
    await spend(surroundings, brand_id, operator.campaign(brand_id), "12.00", "1")
    return brand_id


async def test_which_five_brands_need_somebody_is_seen_at_once(
    reader: Reader, operator: FormClient, surroundings: Surroundings
) -> None:
    name = f"! {secrets.token_hex(4)}"  # first among those that are as urgent
    brands = [await used_up(operator, surroundings, f"{name} {number}") for number in range(5)]
    operator.brand(name=f"{name} is well")
    await _until_they_need_somebody(reader, name)
    page = reader.page
    await page.context.clear_cookies()
    async with task(page, "from sign-in to which five brands need me", 0):
        await overview(reader)
        for place, brand_id in enumerate(brands):
            row = page.locator("#overview tbody tr").nth(place)
            await expect(row).to_have_id(f"brand-{brand_id}")
            await expect(row.locator(".needs")).to_contain_text("used up")
            await expect(row).to_be_in_viewport(ratio=1)


async def _until_they_need_somebody(reader: Reader, name: str) -> None:
    page = await overview(reader)
    await search(page, name)
    await reader.live()
    await expect(page.locator("#need-chips")).to_contain_text("5 used up")


async def test_today_is_raised_for_one_brand(reader: Reader, operator: FormClient, surroundings: Surroundings) -> None:
    brand_id = await used_up(operator, surroundings, "Raised today")
    page = await overview(reader)
    await search(page, brand_id)
    row = page.locator(f"[id='brand-{brand_id}']")
    await expect(row.locator(".needs")).to_contain_text("used up")
    async with task(page, "raise today's budget of one brand", 2) as clicks:
        await clicks.on(row.get_by_role("link", name="Raise today"))
        await clicks.on(page.get_by_role("button", name="Set for today"))
        await expect(page.get_by_text("Saved, and the broker has it.")).to_be_visible()
    await search(page, brand_id)
    await expect(row).to_contain_text("12.00 of 15.00")


async def test_forty_campaigns_get_a_tenth_more(reader: Reader, operator: FormClient) -> None:
    brand_id = operator.brand()
    operator.campaigns(brand_id, 40)
    page = await overview(reader)
    async with task(page, "+10 % on 40 campaigns", 6) as clicks:
        await clicks.on(page.get_by_role("navigation", name="Pages").get_by_role("link", name="Campaigns"))
        await search(page, brand_id)
        await clicks.on(page.get_by_role("link", name="Change all that match"))
        await page.get_by_label("Daily budget").fill("+10 %")
        await clicks.on(page.get_by_role("button", name="Show what changes"))
        await clicks.on(page.get_by_role("button", name="Apply all"))
        await expect(page.get_by_text("Saved, and the broker has it.")).to_be_visible()
    with session_scope(operator.settings.database) as session:
        assert {it.daily_budget_micros for it in list_campaigns(session, brand_id=brand_id)} == {110_000_000}


async def test_four_hundred_campaigns_come_from_a_file(reader: Reader, operator: FormClient, tmp_path: Path) -> None:
    brand_id, file = operator.brand(), tmp_path / "campaigns.csv"
    file.write_text(campaign_rows(brand_id, 400), encoding="utf-8")
    page = await overview(reader)
    async with task(page, "400 campaigns from a file", 5) as clicks:
        await clicks.on(page.get_by_role("link", name="From a file"))
        await clicks.choose_file(page.get_by_label("Catalog file"), file)
        await clicks.on(page.get_by_role("button", name="Show what it changes"))
        await expect(page.get_by_text("400 rows change")).to_be_visible()
        await clicks.on(page.get_by_role("button", name="Apply all"))
        await expect(page.get_by_text("Saved, and the broker has it.")).to_be_visible()
    with session_scope(operator.settings.database) as session:
        assert get_campaign(session, f"{brand_id}.399").daily_budget_micros == 100_000_000


async def test_why_a_campaign_was_off_on_tuesday_afternoon(reader: Reader, operator: FormClient) -> None:
    brand_id = operator.brand(name="Asks about Tuesday", daily_budget="10")
    campaign_id = operator.campaign(brand_id)
    noon = _last_tuesday_noon()
    hours = timedelta(hours=1)
    _journal_command(operator, campaign_id, 1, noon - 12 * hours)
    _journal_command(operator, campaign_id, 2, noon + 2 * hours, "daily_budget")
    _journal_command(operator, campaign_id, 3, noon + 4 * hours)
    page = await overview(reader)
    async with task(page, "why was it off on Tuesday 14:00-16:00", 3) as clicks:
        await search(page, campaign_id)
        await clicks.on(page.locator(f"[id='brand-{brand_id}']").get_by_role("link").first)
        await clicks.on(page.locator(f"[id='campaign-{campaign_id}']").get_by_role("link").first)
        await clicks.on(page.get_by_role("link", name="Timeline"))
        band = page.get_by_role("row").filter(has_text=f"{noon:%a %-d %b %Y} 14:00:00")
        await expect(band).to_contain_text("the brand's daily budget is used up")
        await expect(band).to_contain_text("2 h")


def _last_tuesday_noon() -> datetime:
    """Of the last Tuesday that is over."""
    today = datetime.now(ZONE).replace(hour=12, minute=0, second=0, microsecond=0)
    return today - timedelta(days=(today.weekday() - TUESDAY) % 7 or 7)


def _journal_command(operator: FormClient, campaign_id: str, sequence: int, at: datetime, *reasons: str) -> None:
    """Write a command into the journal as the ledger does, before any that the worker publishes of the campaign."""
    decided_at, brand_id = int(at.timestamp() * 1000), campaign_id.partition(".")[0]
    command_id, action = f"{campaign_id}:0:{sequence}", "pause" if reasons else "resume"
    message = COMMAND | {
        "command_id": command_id,
        "campaign_id": campaign_id,
        "brand_id": brand_id,
        "epoch": 0,
        "sequence": sequence,
        "action": action,
        "reasons": reasons,
        "decided_at": format_moment(decided_at),
        "time_zone": ZONE.key,
    }
    row = ControlLog(
        command_id=command_id,
        campaign_id=campaign_id,
        brand_id=brand_id,
        epoch=0,
        sequence=sequence,
        action=action,
        reasons=list(reasons),
        decided_at=decided_at,
        message=None,
        value=json.dumps(message).encode(),
        topic="campaign-control",
        partition=0,
        record_offset=-int(secrets.token_hex(6), 16),
    )
    with session_scope(operator.settings.database) as session:
        session.add(row)


async def test_a_client_gets_the_report_of_last_month_and_a_file_of_this_one(
    reader: Reader, operator: FormClient
) -> None:
    brand_id = operator.brand(name="Wants a report", daily_budget="10")
    operator.campaign(brand_id)
    page = await overview(reader)
    async with task(page, "client report as a file", 3) as clicks:
        await _report(page, brand_id, clicks)
        async with page.expect_download() as downloading:
            await clicks.on(page.get_by_role("link", name="Download as CSV"))
        assert (await downloading.value).suggested_filename.endswith(".csv")
    await reader.open("/")
    async with task(page, "client report of last month, to print", 3) as clicks:
        await _report(page, brand_id, clicks)
        await clicks.on(page.get_by_role("link", name="Month before"))
        last_month = datetime.now(ZONE).replace(day=1) - timedelta(days=1)
        await expect(page.locator("main")).to_contain_text(f"{last_month:%B %Y}")
        await page.emulate_media(media="print")
        await expect(page.get_by_role("navigation", name="Pages")).to_be_hidden()
    await page.emulate_media(media="screen")


async def _report(page: Page, brand_id: str, clicks: Clicks) -> None:
    await search(page, brand_id)
    await clicks.on(page.locator(f"[id='brand-{brand_id}']").get_by_role("link").first)
    await clicks.on(page.get_by_role("link", name="Report", exact=True))


async def test_the_day_goes_by_keyboard_alone(reader: Reader, operator: FormClient, surroundings: Surroundings) -> None:
    brand_id = await used_up(operator, surroundings, f"By keys {secrets.token_hex(4)}")
    ticked = operator.campaign(brand_id, name="Ticked")
    page = await overview(reader)
    await _tab_to(page, page.get_by_role("searchbox"))
    await page.keyboard.type(brand_id)
    await page.keyboard.press("Enter")
    row = page.locator(f"[id='brand-{brand_id}']")
    await expect(row.locator(".needs")).to_contain_text("used up")
    await _press(page, row.get_by_role("link", name="Raise today"))
    await _press(page, page.get_by_role("button", name="Set for today"))
    await expect(page.get_by_text("Saved, and the broker has it.")).to_be_visible()

    await reader.open(f"/campaigns?brand={brand_id}")
    await reader.live()
    of_ticked = page.locator(f"[id='campaign-{ticked}']")
    await _press(page, of_ticked.get_by_role("checkbox"), "Space")
    await _press(page, page.get_by_role("button", name="Pause the ticked"))
    await _press(page, page.get_by_role("dialog").get_by_role("button", name="Pause"))
    await expect(page.locator(f"[id='campaign-{ticked}']")).to_contain_text("by an operator")

    await reader.open(f"/brands/{brand_id}")
    asks = page.get_by_role("button", name="Pause brand")
    await _press(page, asks)
    await page.keyboard.press("Escape")
    await expect(asks).to_be_focused()
    await _press(page, asks)
    await _press(page, page.get_by_role("dialog").get_by_role("button", name="Pause"))
    await expect(page.locator("#brand-head")).to_contain_text("An operator paused this brand")


async def _press(page: Page, it: Locator, key: str = "Enter") -> None:
    await _tab_to(page, it)
    await page.keyboard.press(key)


async def _tab_to(page: Page, it: Locator) -> None:
    for _ in range(200):
        if await it.evaluate("it => it === document.activeElement"):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"No number of tabs leads to {it}.")
