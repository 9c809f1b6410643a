"""Drawing a week: by mouse, by keyboard and in rows, with words and the days ahead before anything is saved."""

import pytest
from playwright.async_api import Page, expect

from core.windows import Window
from models.queries.catalog import get_campaign
from models.queries.catalog_edits import set_windows
from models.session import session_scope
from operations.accounts.person import Role
from tests.console.pages.browser.reader import PATIENCE_MS, Reader
from tests.console.pages.conftest import FormClient

expect.set_options(timeout=PATIENCE_MS)

MON, TUE, _WED, _THU, FRI, SAT, SUN = range(7)


async def _drag(page: Page, start: tuple[int, int], end: tuple[int, int]) -> None:
    """From the middle of a quarter of an hour to that of another; each is a day and a minute."""
    box = await page.locator("#grid").bounding_box()
    assert box

    def at(day: int, minute: int) -> tuple[float, float]:
        return box["x"] + (minute + 7) / 1440 * box["width"], box["y"] + (day + 0.5) / 7 * box["height"]

    await page.mouse.move(*at(*start))
    await page.mouse.down()
    await page.mouse.move(*at(*end), steps=4)
    await page.mouse.up()


async def _opened(reader: Reader, campaign_id: str, role: Role = Role.OPERATOR) -> Page:
    await reader.sign_in(role)
    await reader.open(f"/campaigns/{campaign_id}/schedule")
    return reader.page


def _saved(visitor: FormClient, campaign_id: str) -> list[Window]:
    with session_scope(visitor.settings.database) as session:
        return [row.window for row in get_campaign(session, campaign_id).windows]


def _words(page: Page) -> "expect":  # type: ignore[valid-type]
    return expect(page.locator("#words"))


@pytest.fixture
def campaign_id(operator: FormClient) -> str:
    return operator.campaign(operator.brand())


async def test_hours_are_drawn_by_mouse_moved_made_longer_copied_and_saved(
    reader: Reader, operator: FormClient, campaign_id: str
) -> None:
    page = await _opened(reader, campaign_id)
    await expect(page.locator("#next-changes")).to_contain_text("Nothing changes in the next 7 days.")
    await _drag(page, (MON, 540), (FRI, 1005))
    await _words(page).to_have_text("Mon-Fri 09:00-17:00")
    await expect(page.locator("#next-changes .changes li")).to_have_count(10)

    await page.get_by_label("One window past midnight").check()
    await _drag(page, (FRI, 1320), (SAT, 345))
    await _words(page).to_have_text("Mon-Fri 09:00-17:00, Fri 22:00 until Sat 06:00")

    await _drag(page, (MON, 720), (MON, 780))  # an hour later
    await _words(page).to_have_text("Mon 10:00-18:00, Tue-Fri 09:00-17:00, Fri 22:00 until Sat 06:00")
    await _drag(page, (MON, 1078 - 7), (MON, 1185))  # by its end
    await _words(page).to_have_text("Mon 10:00-20:00, Tue-Fri 09:00-17:00, Fri 22:00 until Sat 06:00")

    await page.get_by_role("button", name="Delete").click()
    await _words(page).to_have_text("Tue-Fri 09:00-17:00, Fri 22:00 until Sat 06:00")
    assert _saved(operator, campaign_id) == []
    await page.get_by_role("button", name="Save the schedule").click()
    await expect(page.get_by_text("Saved, and the broker has it.")).to_be_visible()
    assert _saved(operator, campaign_id) == [Window((4,), 1320, 360), Window((1, 2, 3, 4), 540, 1020)]
    await page.reload()
    await _words(page).to_have_text("Tue-Fri 09:00-17:00, Fri 22:00 until Sat 06:00")


async def test_a_window_is_copied_to_other_days_and_drawn_over_the_end_of_the_week(
    reader: Reader, campaign_id: str
) -> None:
    page = await _opened(reader, campaign_id)
    await _drag(page, (TUE, 600), (TUE, 645))
    await _words(page).to_have_text("Tue 10:00-11:00")
    await page.get_by_role("button", name="Copy to Mon-Fri").click()
    await _words(page).to_have_text("Mon-Fri 10:00-11:00")
    await page.get_by_role("button", name="Copy to every day").click()
    await _words(page).to_have_text("Every day 10:00-11:00")
    await expect(page.locator("#rows .row").first.get_by_role("checkbox", checked=True)).to_have_count(7)
    await page.get_by_label("One window past midnight").check()
    await _drag(page, (SUN, 1380), (MON, 45))
    await _words(page).to_have_text("Every day 10:00-11:00, Sun 23:00 until Mon 01:00")


async def test_hours_are_drawn_moved_and_removed_by_keyboard_alone(reader: Reader, campaign_id: str) -> None:
    page = await _opened(reader, campaign_id)
    await page.locator("#grid").focus()
    for key in ("ArrowDown", "ArrowRight", "Enter", "ArrowRight", "ArrowRight", "ArrowRight", "Enter"):
        await page.keyboard.press(key)
    await _words(page).to_have_text("Tue 09:15-10:15")
    await expect(page.locator("#grid-status")).to_have_text("Drawn: Tue 09:15-10:15")
    await expect(page.locator("#grid .block")).to_have_count(1)

    for key in ("Enter", "ArrowDown", "Shift+ArrowRight", "Shift+ArrowRight", "Escape"):
        await page.keyboard.press(key)
    await _words(page).to_have_text("Wed 09:15-10:45")
    await expect(page.locator("#grid .block")).to_have_attribute("data-day", "2")
    await page.keyboard.press("Delete")
    await _words(page).to_have_text("Always")


async def test_rows_take_minutes_and_say_what_is_wrong_while_it_is_typed(reader: Reader, campaign_id: str) -> None:
    page = await _opened(reader, campaign_id)
    row = page.locator("#rows .row").first
    await row.get_by_text("Mon", exact=True).click()
    await row.get_by_label("From").fill("09:07")
    await row.get_by_label("to", exact=True).fill("09:07")
    await expect(row).to_contain_text("for a whole day write 00:00-24:00")
    await row.get_by_label("to", exact=True).fill("24:00")
    await _words(page).to_have_text("Mon 09:07-24:00")
    await expect(row.locator(".error")).to_be_empty()
    await page.get_by_role("button", name="Add a window").click()
    second = page.locator("#rows .row").nth(1)
    await second.get_by_text("Sun", exact=True).click()
    await second.get_by_label("From").fill("22:00")
    await second.get_by_label("to", exact=True).fill("06:00")
    await _words(page).to_have_text("Mon 09:07-24:00, Sun 22:00 until Mon 06:00")
    await second.get_by_role("button", name="Remove this window").click()
    await _words(page).to_have_text("Mon 09:07-24:00")


async def test_who_was_overtaken_sees_both_schedules(reader: Reader, operator: FormClient, campaign_id: str) -> None:
    reader.expected = ("412",)
    page = await _opened(reader, campaign_id)
    await _drag(page, (MON, 540), (MON, 1005))
    await _words(page).to_have_text("Mon 09:00-17:00")
    with session_scope(operator.settings.database) as session:
        set_windows(session, campaign_id, [Window((6,), 600, 720)], actor="alice")
    await page.get_by_role("button", name="Save the schedule").click()
    await expect(page.get_by_role("alert")).to_contain_text("Saved now: Sun 10:00-12:00.")
    await expect(page.get_by_role("alert")).to_contain_text("Yours: Mon 09:00-17:00.")
    await page.get_by_role("button", name="Save mine instead").click()
    await expect(page.get_by_text("Saved, and the broker has it.")).to_be_visible()
    assert _saved(operator, campaign_id) == [Window((0,), 540, 1020)]


async def test_a_viewer_sees_the_week_and_nothing_to_press(reader: Reader, campaign_id: str) -> None:
    page = await _opened(reader, campaign_id, Role.VIEWER)
    await expect(page.get_by_role("heading", name="The next 7 days")).to_be_visible()
    await expect(page.locator("main").get_by_role("button")).to_have_count(0)
    await _drag(page, (MON, 540), (MON, 1005))
    await _words(page).to_have_text("Always")


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_the_week_can_be_read_and_used_by_everybody(
    reader: Reader, operator: FormClient, campaign_id: str, theme: str
) -> None:
    with session_scope(operator.settings.database) as session:
        set_windows(session, campaign_id, [Window((0, 1, 2, 3, 4), 540, 1020), Window((4,), 1320, 360)], actor="alice")
    await reader.theme(theme)
    page = await _opened(reader, campaign_id)
    await page.locator("#grid .block").first.click()
    assert await reader.barriers() == []
    await page.set_viewport_size({"width": 375, "height": 800})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 375
    assert await reader.barriers() == []
