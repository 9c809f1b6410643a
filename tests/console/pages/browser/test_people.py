"""What happens to somebody at a page while others, or the end of a session, come between; and the first day."""

import asyncio
from http import HTTPStatus
from pathlib import Path

import httpx
from playwright.async_api import Browser, expect

from local.kafka import LocalKafka
from operations.accounts.accounts import add_user
from operations.accounts.person import Role
from streams.kafka.provision import create_topics
from streams.settings import Settings
from tests.console.api.server import served, until
from tests.console.pages.browser.reader import PATIENCE_MS, Reader
from tests.console.pages.conftest import PASSWORD, FormClient
from tests.streams.worker_process import WorkerProcess

expect.set_options(timeout=PATIENCE_MS)


async def test_what_somebody_else_does_changes_header_banner_and_table_of_an_open_page(
    reader: Reader, operator: FormClient
) -> None:
    brand_id = operator.brand(name="Of two people")
    page = reader.page
    await reader.sign_in()
    await reader.open(f"/brands/{brand_id}")
    await reader.live()
    await expect(page.get_by_text("There is no campaign yet.")).to_be_visible()
    campaign_id = operator.campaign(brand_id, name="Added by somebody else")
    await expect(page.locator(f"[id='campaign-{campaign_id}']")).to_contain_text("Running")
    await expect(page.get_by_text("There is no campaign yet.")).to_have_count(0)

    operator.post(f"/brands/{brand_id}/pause", {})
    await expect(page.get_by_role("alert")).to_contain_text("An operator paused this brand")
    await expect(page.get_by_role("button", name="Resume brand")).to_be_visible()
    await expect(page.get_by_role("button", name="Pause brand")).to_have_count(0)
    assert await reader.barriers() == []
    await page.get_by_role("button", name="Resume brand").click()
    await page.get_by_role("dialog").get_by_role("button", name="Resume").click()
    await expect(page.get_by_role("button", name="Pause brand")).to_be_visible()


async def test_a_list_that_was_filtered_to_nothing_shows_what_comes_to_match(
    reader: Reader, operator: FormClient
) -> None:
    brand_id = operator.brand()
    page = reader.page
    await reader.sign_in()
    await reader.open(f"/?search={brand_id}&need=by_hand")
    await reader.live()
    nothing = page.get_by_text("No brand is like that now.")
    await expect(nothing).to_be_visible()
    await expect(page.locator("#totals")).to_be_hidden()
    operator.post(f"/brands/{brand_id}/pause", {})
    await expect(page.locator(f"[id='brand-{brand_id}']")).to_contain_text("paused by hand")
    await expect(nothing).to_have_count(0)
    await expect(page.locator("#totals")).to_contain_text("EUR")


async def test_what_was_typed_when_the_session_ended_is_shown_and_sent_after_signing_in(
    reader: Reader, operator: FormClient
) -> None:
    brand_id = operator.brand(name="Before")
    page = reader.page
    await reader.sign_in()
    await reader.open(f"/brands/{brand_id}/edit")
    await page.get_by_label("Name").fill("Typed for an hour")
    await page.get_by_label("Daily budget").fill("12.50")
    await page.context.clear_cookies()
    reader.expected = ("401",)
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("main")).to_contain_text("what you have typed is kept")
    assert await reader.barriers() == []
    await page.get_by_label("Name").fill(reader.people[Role.OPERATOR])
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator("main")).to_contain_text("Typed for an hour")
    await expect(page.locator("main")).to_contain_text("12.50")
    assert await reader.barriers() == []
    await page.get_by_role("button", name="Send it now").click()
    await expect(page.get_by_text("Saved, and the broker has it.")).to_be_visible()
    await reader.open(f"/brands/{brand_id}")
    await expect(page.locator("h1")).to_contain_text("Typed for an hour")


async def test_sample_data_fills_an_empty_console_by_a_button(
    browser: Browser, kafka: LocalKafka, migrated_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    settings = Settings(brokers=kafka.brokers, database_url=migrated_url, topic_prefix=topic_prefix, partitions=1)
    await create_topics(settings)
    await asyncio.to_thread(add_user, migrated_url, "first", Role.OPERATOR, PASSWORD, actor="tests")
    worker = WorkerProcess(settings, tmp_path / "worker.log")
    await worker.started()
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    try:
        with served(settings) as address:
            # Until then the page says that the state is not reached, and nobody loads it again.
            await asyncio.to_thread(until, lambda: httpx.get(f"{address}/health/ready").status_code == HTTPStatus.OK)
            reader = Reader(await context.new_page(), address, {Role.OPERATOR: "first"})
            await reader.sign_in_by_form()
            await expect(reader.page.get_by_role("heading", name="Nothing is here yet")).to_be_visible()
            assert await reader.barriers() == []
            await reader.page.get_by_role("button", name="Load sample data").click()
            await expect(reader.page.locator("#overview tbody tr")).to_have_count(3)
            await reader.live()
            await expect(reader.page.locator("#need-chips")).to_contain_text("1 used up")
            assert await reader.barriers() == []
            await context.close()
            assert reader.complaints == []
    finally:
        worker.kill()
