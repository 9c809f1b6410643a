"""What somebody sees who watches: spend moves the bar, the pause arrives by itself, and the page says why."""

import json
import re
import secrets
import time
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Route, expect

from core.partitioner import partition_of
from operations.accounts.person import Role
from streams.kafka.producer import spend_producer
from tests.console.api.server import until
from tests.console.pages.browser.reader import PATIENCE_MS, Reader
from tests.console.pages.conftest import FormClient
from tests.console.pages.test_brand_chips import _chips
from tests.installation import Surroundings
from tests.lengths import WHOLE
from tests.streams.broker import spend_event

expect.set_options(timeout=PATIENCE_MS)

#: All operations of the reference are drawn alike, and to look for barriers in 7,800 elements takes two seconds.
_ONE_OPERATION_OF_A_GROUP = '() => document.querySelectorAll(".operation + .operation").forEach((it) => it.remove())'

_LOOKED_AT = """(seen) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => !seen });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


async def spend(surroundings: Surroundings, brand_id: str, campaign_id: str, amount: str, event_id: str) -> str:
    """Returns where the event stands, as pages tell it."""
    async with spend_producer(surroundings.settings) as producer:
        event = spend_event(brand_id, campaign_id, amount, f"{campaign_id}.{event_id}")
        acked = await producer.send(brand_id, json.dumps(event).encode())
    assert acked.partition == partition_of(brand_id, surroundings.settings.partitions)
    return f"{acked.topic}/{acked.partition}/{acked.offset}"


async def until_shown(look: Callable[[], Awaitable[None]]) -> None:
    """Looks again until it is as expected."""
    until = time.monotonic() + PATIENCE_MS / 1000
    while True:
        try:
            return await look()
        except AssertionError:
            if time.monotonic() > until:
                raise


async def test_spend_moves_the_bar_and_the_pause_arrives_without_a_reload(
    reader: Reader, operator: FormClient, surroundings: Surroundings
) -> None:
    brand_id = operator.brand(name="Watched", daily_budget="10.00")
    campaign_id = operator.campaign(brand_id)
    page = reader.page
    await reader.sign_in()
    await reader.open(f"/?search={brand_id}")
    await reader.live()
    row = page.locator(f"[id='brand-{brand_id}']")
    await expect(row).to_contain_text("1 running")

    await spend(surroundings, brand_id, campaign_id, "4.50", "1")
    await expect(row).to_contain_text("4.50 of 10.00")
    await expect(row).to_contain_text("45 %")
    await expect(page.locator("#totals")).to_contain_text("4.50")
    await expect(row.locator(".bar-fill").first).to_have_attribute("width", "45%")

    await spend(surroundings, brand_id, campaign_id, "6.00", "2")
    await expect(row).to_contain_text("1 paused")
    await expect(row).to_contain_text("brand's daily budget")
    await expect(row).to_contain_text("105 %")


async def test_the_list_of_all_campaigns_follows_without_a_reload_and_keeps_what_is_ticked(
    reader: Reader, operator: FormClient, surroundings: Surroundings
) -> None:
    name = f"Watched {secrets.token_hex(4)}"
    brand_id = operator.brand(daily_budget="10.00")
    campaign_id = operator.campaign(brand_id, name=name)
    page = reader.page
    await reader.sign_in()
    await reader.open(f"/campaigns?search={name}")
    await reader.live()
    row = page.locator(f"[id='campaign-{campaign_id}']")
    await expect(row).to_contain_text("Running")
    await row.get_by_role("checkbox").check()
    await spend(surroundings, brand_id, campaign_id, "12.50", "1")
    await expect(row).to_contain_text("12.50 EUR of unlimited")
    await expect(row).to_contain_text("brand's daily budget")
    await expect(page.get_by_role("link", name="1 paused")).to_be_visible()
    await expect(row.get_by_role("checkbox")).to_be_checked()
    added = operator.campaign(brand_id, name=f"{name} too")
    await expect(page.locator(f"[id='campaign-{added}']")).to_contain_text("Paused")
    assert await reader.barriers() == []


async def test_a_campaign_that_a_list_took_up_is_followed_after_a_reconnect_too(
    reader: Reader, operator: FormClient, surroundings: Surroundings
) -> None:
    name = f"Watched {secrets.token_hex(4)}"
    page = reader.page
    await reader.sign_in()
    await reader.open(f"/campaigns?search={name}&only=running")
    await reader.live()
    brand_id = operator.brand(daily_budget="10.00")
    campaign_id = operator.campaign(brand_id, name=name)
    row = page.locator(f"[id='campaign-{campaign_id}']")
    await expect(row).to_contain_text("Running")
    await page.evaluate(_LOOKED_AT, False)
    await spend(surroundings, brand_id, campaign_id, "12.50", "1")
    until(lambda: "paused" in _chips(operator.page("/campaigns", search=name)))
    async with page.expect_request("**/live/campaigns?*"):
        await page.evaluate(_LOOKED_AT, True)
    await expect(row).to_contain_text("brand's daily budget")


async def test_a_browser_whose_stream_breaks_connects_again_for_the_rows_that_came_too(
    reader: Reader, operator: FormClient
) -> None:
    campaign_id = operator.campaign(operator.brand(), paused="true")
    row_id, page, streams = f"campaign-{campaign_id}", reader.page, 0

    async def breaks_once(route: Route) -> None:
        nonlocal streams
        streams += 1
        html = f"<tr id='{row_id}'><td>Running</td></tr>"
        part = json.dumps({"id": row_id, "html": html, "list": "campaigns", "after": ""})
        body = f"event: part\ndata: {part}\n\n"
        await (route.fulfill(content_type="text/event-stream", body=body) if streams == 1 else route.continue_())

    await reader.sign_in()
    await page.route("**/live/campaigns?*", breaks_once)
    await reader.open(f"/campaigns?search={campaign_id}&only=running")
    await expect(page.locator(f"[id='{row_id}']")).to_contain_text("by an operator")


async def test_the_first_steps_say_without_a_reload_that_spend_has_arrived(
    reader: Reader, operator: FormClient, surroundings: Surroundings
) -> None:
    brand_id = operator.brand(name="New here")
    campaign_id = operator.campaign(brand_id)
    await reader.sign_in(Role.ADMIN)
    await reader.open(f"/first-steps?brand={brand_id}")
    await reader.page.get_by_role("button", name="Make a token").click()
    await expect(reader.page.locator("pre")).to_contain_text("Bearer sg_")
    await reader.live()
    await spend(surroundings, brand_id, campaign_id, "1.00", "1")
    await expect(reader.page.locator("#first-spend")).to_contain_text("First spend has arrived: 1.00 EUR")
    assert await reader.barriers() == []


async def test_a_page_of_a_campaign_says_why_it_is_paused_as_soon_as_it_is(
    reader: Reader, operator: FormClient, surroundings: Surroundings
) -> None:
    brand_id = operator.brand(daily_budget="10.00")
    campaign_id = operator.campaign(brand_id)
    page = reader.page
    await reader.sign_in()
    await reader.open(f"/campaigns/{campaign_id}")
    await reader.live()
    await expect(page.locator("#campaign-now")).to_contain_text("Running")

    position = await spend(surroundings, brand_id, campaign_id, "12.00", "1")
    why = page.locator("#why")
    await expect(why).to_contain_text("The brand's daily budget is used up.")
    await expect(why).to_contain_text("12.00 of 10.00 EUR spent")
    await expect(why).to_contain_text(position)
    await expect(why).to_contain_text("raise the daily budget")
    await expect(why).to_contain_text("Time alone, at")
    await expect(page.locator("[data-feed] li").first).to_contain_text("Paused")


async def test_a_brand_is_paused_and_resumed_by_hand_after_a_question(reader: Reader, operator: FormClient) -> None:
    brand_id = operator.brand(name="By hand")
    campaign_id = operator.campaign(brand_id)
    page = reader.page
    await reader.sign_in()
    await reader.open(f"/brands/{brand_id}")
    await reader.live()
    row = page.locator(f"[id='campaign-{campaign_id}']")
    await expect(row).to_contain_text("Running")

    await page.get_by_role("button", name="Pause brand").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Nothing but Resume ends that.")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(dialog).to_be_hidden()
    await page.get_by_role("button", name="Pause brand").click()
    await page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    await expect(row).to_contain_text("by an operator")

    await page.get_by_role("button", name="Resume brand").click()
    await page.get_by_role("dialog").get_by_role("button", name="Resume").click()
    await expect(row).to_contain_text("Running")


async def test_the_feed_tells_each_command_once_and_on_top(
    reader: Reader, operator: FormClient, surroundings: Surroundings
) -> None:
    brand_id = operator.brand(daily_budget="5.00")
    campaign_id = operator.campaign(brand_id)
    await reader.sign_in()
    await reader.open("/feed")
    await reader.live()
    await spend(surroundings, brand_id, campaign_id, "5.00", "1")
    mine = reader.page.locator("[data-feed] li", has_text=campaign_id)
    await expect(mine).to_have_count(2)
    await expect(mine.first).to_contain_text("The brand's daily budget is used up; may resume")


async def test_a_viewer_sees_no_button_that_changes_anything(reader: Reader, operator: FormClient) -> None:
    brand_id = operator.brand()
    campaign_id = operator.campaign(brand_id)
    await reader.sign_in(Role.VIEWER)
    for path in ("/", f"/brands/{brand_id}", f"/campaigns/{campaign_id}"):
        await reader.open(path)
        await reader.live()
        for words in ("Pause", "Edit", "New", "Schedule"):
            await expect(
                reader.page.locator("main")
                .get_by_text(words, exact=False)
                .and_(reader.page.locator("a.button:not(.chip), button"))
            ).to_have_count(0)
    reader.expected = ("403",)
    await reader.open(f"/brands/{brand_id}/edit")
    await expect(reader.page.locator("main")).to_contain_text("This needs the role operator")


async def test_a_wrong_password_is_told_and_a_page_asked_for_comes_after_the_right_one(reader: Reader) -> None:
    page = reader.page
    reader.expected = ("401",)
    await reader.open("/feed")
    await reader.page.get_by_label("Name").fill(reader.people[Role.VIEWER])
    await page.get_by_label("Password").fill("not the password")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_contain_text("The name or the password is wrong.")
    await page.get_by_label("Password").fill("a long enough secret 7")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Feed")).to_be_visible()


async def test_a_session_that_ends_elsewhere_ends_the_stream_and_leads_to_signing_in(reader: Reader) -> None:
    page = reader.page
    await reader.sign_in(Role.VIEWER)
    await reader.open("/feed")
    await reader.live()
    other = await page.context.new_page()
    await other.goto(f"{reader.address}/feed")
    await other.locator(".menu summary").click()
    await other.get_by_role("button", name="Sign out", exact=True).click()
    await expect(page.locator("#live-state")).to_contain_text("Signed out")
    await page.reload()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_a_page_whose_server_cannot_answer_for_a_while_becomes_live_by_itself(reader: Reader) -> None:
    page = reader.page
    reader.expected = ("503",)
    refused = 0

    async def away(route: Route) -> None:
        nonlocal refused
        refused += 1
        await (route.fulfill(status=503, body="away") if refused <= 3 else route.continue_())

    await reader.sign_in(Role.VIEWER)
    await page.route("**/live/feed", away)
    await reader.open("/feed")
    await reader.live()
    assert refused > 3


async def test_a_tab_that_nobody_looks_at_holds_no_stream_and_is_told_all_of_it_later(
    reader: Reader, operator: FormClient, surroundings: Surroundings
) -> None:
    brand_id = operator.brand(daily_budget="10.00")
    campaign_id = operator.campaign(brand_id)
    page = reader.page
    await reader.sign_in()
    await reader.open(f"/?search={brand_id}")
    await reader.live()
    row = page.locator(f"[id='brand-{brand_id}']")
    await expect(row).to_contain_text("1 running")
    await page.evaluate(_LOOKED_AT, False)
    await spend(surroundings, brand_id, campaign_id, "4.50", "1")
    async with page.expect_request("**/live/brands?*"):
        await page.evaluate(_LOOKED_AT, True)
    await expect(row).to_contain_text("4.50 of 10.00")


async def test_a_chip_counts_the_brands_that_need_somebody_and_shows_them(
    reader: Reader, operator: FormClient, surroundings: Surroundings
) -> None:
    # One page of the list has only so many brands, and other tests have brands too: a name finds these two.
    name = f"Chips {secrets.token_hex(4)}"
    used_up, fine = (operator.brand(name=name, daily_budget="10.00") for _ in range(2))
    for brand_id, amount in ((used_up, "12.50"), (fine, "1.00")):
        await spend(surroundings, brand_id, operator.campaign(brand_id), amount, f"{brand_id}.1")
    page = reader.page
    await reader.sign_in()
    chip = page.get_by_role("link", name="1 used up")

    async def counted() -> None:
        """Chips are counted when the page is asked for, of states that under load are seconds old."""
        await reader.open(f"/?search={name}")
        await expect(chip).to_be_visible(timeout=1_000)

    await until_shown(counted)
    await chip.click()
    await expect(page).to_have_url(re.compile("need=over"))
    await expect(page.locator(f"#brand-{used_up}")).to_be_visible()
    await expect(page.locator(f"#brand-{fine}")).to_have_count(0)
    await chip.click()
    await expect(page.locator(f"#brand-{fine}")).to_be_visible()


async def test_chips_and_the_sentence_below_the_title_follow_the_rows(
    reader: Reader, operator: FormClient, surroundings: Surroundings
) -> None:
    name = f"Counted {secrets.token_hex(4)}"
    brand_id = operator.brand(name=name, daily_budget="10.00")
    campaign_id = operator.campaign(brand_id)
    page = reader.page
    await reader.sign_in()
    await reader.open(f"/?search={name}")
    await reader.live()
    await expect(page.locator(f"[id='brand-{brand_id}']")).to_contain_text("1 running")
    before = await page.locator("#overview-words").text_content()
    await expect(page.get_by_role("link", name="used up")).to_have_count(0)
    await spend(surroundings, brand_id, campaign_id, "12.50", "1")
    await expect(page.get_by_role("link", name="1 used up")).to_be_visible()
    await expect(page.locator("#overview-words")).not_to_have_text(before or "")
    assert await reader.barriers() == []


@pytest.mark.parametrize("width", [1024, 1241, 1280, 1401])
async def test_no_entry_of_an_admins_menu_is_cut_off_on_a_live_page(reader: Reader, width: int) -> None:
    page = reader.page
    await page.set_viewport_size({"width": width, "height": 800})
    await reader.sign_in(Role.ADMIN)
    await reader.open("/feed")
    await reader.live()
    cut = await page.evaluate("(it => it.scrollWidth - it.clientWidth)(document.querySelector('.pages'))")
    assert cut == 0
    assert await reader.too_wide() == []


@pytest.mark.parametrize("width", [390, 1024, 1280])
async def test_no_table_is_cut_off_where_a_day_costs_millions(reader: Reader, operator: FormClient, width: int) -> None:
    budgets = {"daily_budget": "12500000.50", "monthly_budget": "375000000"}
    brand_id = operator.brand(name="Karachi Kites", currency="PKR", time_zone="Asia/Karachi", **budgets)
    campaign_id = operator.campaign(brand_id, name="Basant", daily_budget="2500000.75", total_budget="99000000")
    page = reader.page
    await page.set_viewport_size({"width": width, "height": 800})
    await reader.sign_in(Role.ADMIN)
    for path in (
        f"/?search={brand_id}",
        f"/brands/{brand_id}",
        f"/brands?search={brand_id}",
        f"/campaigns?brand={brand_id}",
        f"/campaigns/{campaign_id}/timeline",
        f"/brands/{brand_id}/report",
    ):
        await reader.open(path)
        assert (path, await reader.cut_off()) == (path, [])


async def test_the_theme_that_is_chosen_stays(reader: Reader) -> None:
    page = reader.page
    await reader.sign_in(Role.VIEWER)
    await reader.open("/")
    await page.emulate_media(color_scheme="light")
    await page.get_by_role("button", name="Light or dark").click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await page.reload()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await page.get_by_role("button", name="Light or dark").click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "light")


@pytest.mark.long
@pytest.mark.parametrize(
    ("theme", "width"),
    [
        ("light", 360),
        ("dark", 1280),
        pytest.param("light", 1280, marks=pytest.mark.long_only),
        pytest.param("dark", 360, marks=pytest.mark.long_only),
    ],
)
async def test_every_page_is_free_of_barriers_and_fits(
    reader: Reader, operator: FormClient, surroundings: Surroundings, theme: str, width: int
) -> None:
    brand_id = operator.brand(name="Barrier free", daily_budget="10.00", monthly_budget="100.00")
    campaign_id = operator.campaign(brand_id)
    await spend(surroundings, brand_id, campaign_id, "12.50", "1")
    page = reader.page
    await page.set_viewport_size({"width": width, "height": 800})
    await reader.theme(theme)
    await reader.open("/sign-in")
    assert await reader.barriers() == []
    await reader.sign_in()
    for path in ("/", "/feed", "/first-steps", f"/brands/{brand_id}", f"/campaigns/{campaign_id}"):
        await reader.open(path)
        await reader.live()
        assert await reader.barriers() == [], path
        assert await reader.too_wide() == [], path
    lists = ("/brands", "/campaigns", "/spend", "/commands", "/changes", "/dead-letters", "/what-if", "/reference")
    new = ("/new/brand", "/new/campaign")
    of_a_brand = tuple(f"/brands/{brand_id}/{it}" for it in ("edit", "history", "report"))
    of_a_campaign = (f"/campaigns/{campaign_id}/edit", f"/campaigns/{campaign_id}/schedule")
    for path in (*lists, *new, *of_a_brand, *of_a_campaign):
        await reader.open(path)
        if path == "/reference" and not WHOLE:
            await page.evaluate(_ONE_OPERATION_OF_A_GROUP)
        assert await reader.barriers() == [], path
        assert await reader.too_wide() == [], path


async def test_commands_of_one_brand_and_cause_are_one_entry_that_opens_also_when_they_come_live(
    reader: Reader, operator: FormClient, surroundings: Surroundings
) -> None:
    name = f"Rowan {secrets.token_hex(3)}"
    brand_id = operator.brand(name=name, daily_budget="5.00")
    campaign_ids = [operator.campaign(brand_id) for _ in range(4)]
    page = reader.page
    await reader.sign_in()
    await reader.open("/feed")
    await reader.live()
    await expect(page.locator("[data-feed] li.group", has_text=f"4 campaigns of {name} may run")).to_be_visible()
    await spend(surroundings, brand_id, campaign_ids[0], "5.00", "1")
    paused = page.locator("[data-feed] li.group", has_text=f"4 campaigns of {name} paused")
    await expect(paused.locator("summary")).to_contain_text("A spend of 5.00 EUR")
    one = paused.locator(f"[id='command-{campaign_ids[3]}:1:2']")
    await expect(one).to_be_hidden()
    await paused.locator("summary").click()
    await expect(one).to_contain_text("The brand's daily budget is used up; may resume")
    assert await reader.barriers() == []
    await page.reload()
    await expect(paused).to_have_count(1)
    await expect(one).to_be_hidden()
