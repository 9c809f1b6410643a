"""What an agency does all day, each step in the browser: brand, campaign, schedule, spend, watching; two at once."""

import asyncio
import secrets
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from models.queries.catalog import get_brand, get_campaign
from models.queries.catalog_edits import edit_brand
from models.session import session_scope
from operations.accounts.person import Role
from tests.console.pages.browser.reader import PATIENCE_MS, Reader
from tests.console.pages.conftest import FormClient

expect.set_options(timeout=PATIENCE_MS)


async def _signed_in(reader: Reader, role: Role = Role.OPERATOR) -> Page:
    await reader.sign_in(role)
    return reader.page


async def test_from_a_new_brand_to_the_pause_that_its_budget_makes(reader: Reader) -> None:
    reader.expected = ("422",)
    page = reader.page
    await reader.sign_in_by_form()
    brand_id = f"flow-{secrets.token_hex(4)}"

    await page.get_by_role("link", name="New brand").click()
    await page.get_by_label("Brand id").fill(brand_id)
    await page.get_by_label("Name").fill("Flow")
    await page.get_by_label("Currency").fill("eur")
    await page.get_by_label("Daily budget").fill("ten")
    await page.get_by_role("button", name="Add the brand").click()
    await expect(page.get_by_text("not a decimal amount")).to_be_visible()
    await page.get_by_label("Daily budget").fill("10")
    await page.get_by_role("button", name="Add the brand").click()
    await expect(page.get_by_text("Added, and the broker has it.")).to_be_visible()

    await page.get_by_role("link", name="New campaign").click()
    await expect(page.get_by_label("Brand id")).to_have_value(brand_id)
    await page.get_by_label("Campaign id").fill(f"{brand_id}.c")
    await page.get_by_role("button", name="Add the campaign").click()
    await expect(page.get_by_text("Added, and the broker has it.")).to_be_visible()

    await page.get_by_role("link", name="Schedule").click()
    row = page.locator("#rows .row").first
    for day in ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"):
        await row.get_by_text(day, exact=True).click()
    await row.get_by_label("From").fill("00:00")
    await row.get_by_label("to", exact=True).fill("24:00")
    await expect(page.locator("#words")).to_have_text("Always")
    await expect(page.locator("#grid .block")).to_have_count(7)
    await page.get_by_role("button", name="Save the schedule").click()
    await expect(page.get_by_text("Saved, and the broker has it.")).to_be_visible()

    await page.get_by_role("link", name="Publish spend").click()
    await page.get_by_label("Amount").fill("12.50")
    await page.get_by_role("button", name="Publish one event").click()
    await expect(page.get_by_role("alert")).to_contain_text("12.50 EUR will be counted as spent")
    await page.get_by_role("button", name="Yes, publish it").click()
    await expect(page.get_by_role("status").filter(has_text="of 12.50 EUR is on")).to_be_visible()

    await page.get_by_role("link", name="See what the controller makes of it").click()
    await expect(page.locator(f"[id='campaign-{brand_id}.c']")).to_contain_text("brand's daily budget")
    observed = page.get_by_role("row").filter(has_text="the brand's daily budget is used up")
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while await observed.count() == 0:  # the ledger follows the broker
            await reader.open(f"/commands?brand={brand_id}")
    await expect(observed).to_have_count(1)


async def test_two_editors_choose_field_by_field(reader: Reader, operator: FormClient) -> None:
    reader.expected = ("412",)
    brand_id = operator.brand(name="Start")
    page = await _signed_in(reader)
    await reader.open(f"/brands/{brand_id}/edit")
    await page.get_by_label("Name").fill("Mine")
    with session_scope(operator.settings.database) as session:
        edit_brand(session, brand_id, {"name": "Hers", "daily_budget_micros": 5_000_000}, actor="alice")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("Nothing of yours was saved yet")
    assert await reader.barriers() == []
    await page.get_by_role("group", name="Name").get_by_label("Yours").check()
    await page.get_by_role("button", name="Save what is chosen").click()
    await expect(page.get_by_text("Saved, and the broker has it.")).to_be_visible()
    with session_scope(operator.settings.database) as session:
        row = get_brand(session, brand_id)
    assert (row.name, row.daily_budget_micros) == ("Mine", 5_000_000)


async def test_a_campaign_is_paused_from_the_list_after_a_question_and_many_together(
    reader: Reader, operator: FormClient
) -> None:
    brand_id = operator.brand()
    campaign_ids = sorted(operator.campaign(brand_id) for _ in range(2))
    page = await _signed_in(reader)
    await reader.open(f"/campaigns?brand={brand_id}")
    await page.get_by_role("link", name=f"Pause {campaign_ids[0]}").click()
    dialog = page.get_by_role("dialog", name=f"Pause campaign {campaign_ids[0]}?")
    await dialog.get_by_text("Cancel").click()
    await expect(dialog).to_have_count(0)
    await page.get_by_label("All on this page").check()
    await page.get_by_role("button", name="Pause the ticked").click()
    await page.get_by_role("dialog", name="Pause 2 campaigns?").get_by_role("button", name="Pause").click()
    await expect(page.get_by_text("Saved, and the broker has it.")).to_be_visible()
    await expect(page.get_by_role("link", name=f"Resume {campaign_ids[1]}")).to_be_visible()
    with session_scope(operator.settings.database) as session:
        assert not any(get_campaign(session, it).enabled for it in campaign_ids)


async def test_who_ticks_nothing_is_told_so(reader: Reader, operator: FormClient) -> None:
    brand_id = operator.brand()
    operator.campaign(brand_id)
    page = await _signed_in(reader)
    reader.expected = ("422",)
    await reader.open(f"/campaigns?brand={brand_id}")
    await page.get_by_role("button", name="Pause the ticked").click()
    await expect(page.locator("main")).to_contain_text("No campaign is ticked")


async def test_the_journal_is_downloaded_as_a_file(reader: Reader, operator: FormClient, tmp_path: Path) -> None:
    campaign_id = operator.campaign(operator.brand())
    page = await _signed_in(reader, Role.VIEWER)
    await reader.open(f"/commands?campaign={campaign_id}")
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Download as CSV").click()
    download = await downloading.value
    await download.save_as(tmp_path / "commands.csv")
    assert download.suggested_filename == "spendgate-commands.csv"
    assert (tmp_path / "commands.csv").read_text(encoding="utf-8").startswith("decided_at,action,campaign_id")


async def test_a_viewer_has_nothing_to_press_in_the_lists(reader: Reader, operator: FormClient) -> None:
    brand_id = operator.brand()
    operator.campaign(brand_id)
    page = await _signed_in(reader, Role.VIEWER)
    for path in (f"/brands?search={brand_id}", f"/campaigns?brand={brand_id}", f"/brands/{brand_id}/history"):
        await reader.open(path)
        await expect(page.locator("main").get_by_role("link", name="Edit")).to_have_count(0)
        await expect(page.locator("main").get_by_role("checkbox", name="Tick")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.long_only)])
async def test_no_page_of_the_catalog_has_barriers_or_is_wider_than_a_phone(
    reader: Reader, operator: FormClient, theme: str
) -> None:
    brand_id = operator.brand(name="Barriers", daily_budget="10")
    campaign_id = operator.campaign(brand_id)
    await reader.theme(theme)
    page = await _signed_in(reader, Role.ADMIN)
    reader.expected = ("404",)
    paths = [
        f"/brands?search={brand_id}",
        f"/campaigns?brand={brand_id}",
        "/new/campaign",
        "/catalog-file",
        f"/many-campaigns?brand={brand_id}",
        f"/brands/{brand_id}/edit",
        f"/campaigns/{campaign_id}/publish-spend",
        f"/campaigns/{campaign_id}/archive",
        f"/brands/{brand_id}/history",
        "/spend",
        "/commands",
        "/dead-letters",
        "/users",
        "/users/history",
        "/tokens",
        "/account",
        "/nothing-here",
    ]
    for path in paths:
        await reader.open(path)
        assert (path, await reader.barriers()) == (path, [])
        await page.set_viewport_size({"width": 375, "height": 800})
        assert (path, await page.evaluate("document.documentElement.scrollWidth <= 375")) == (path, True)
        await page.set_viewport_size({"width": 1280, "height": 800})
