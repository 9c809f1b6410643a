"""The bar of the month: a line where its time is, and what that means for the budget."""

import html
import re
from dataclasses import replace
from datetime import date

import pytest

from console.live.brand_summary import BrandStatus, BrandSummary, Meter, budget_forecasts, progress_of_month
from console.pages.brand_now import BrandNow
from console.rendering.render import part
from core.moment import HOUR, Moment
from core.money import MICROS

DAY = 24 * HOUR
MONTH = 30 * DAY
BRAND = BrandSummary(
    brand_id="b",
    status=BrandStatus.ENABLED,
    currency="USD",
    time_zone="UTC",
    day_on=date(1970, 1, 1),
    day_starts_at=0,
    day_ends_at=DAY,
    month_starts_at=0,
    month_ends_at=MONTH,
    day=Meter(0, None),
    month=Meter(0, None),
    running=1,
    paused=0,
    reasons={},
)


def brand(spent: float, budget: int | None, now: Moment) -> BrandNow:
    month = Meter(int(spent * MICROS), None if budget is None else budget * MICROS)
    summary = replace(BRAND, month=month)
    forecasts = budget_forecasts(summary, (), now)
    return BrandNow("b", "B", "USD", summary, forecasts, progress_of_month(summary, now))


def words(markup: str) -> str:
    return " ".join(html.unescape(re.sub("<[^>]+>", "", markup)).split())


@pytest.mark.parametrize(
    ("spent", "now", "expected"),
    [
        (216, 24 * DAY, "72 % spent, 80 % of the month gone: 8 points behind; needs 14.00 a day"),
        (237, 24 * DAY, "79 % spent, 80 % of the month gone: 1 point behind; needs 10.50 a day"),
        (240, 24 * DAY, "80 % spent, 80 % of the month gone: on time; needs 10.00 a day"),
        (270, 24 * DAY, "90 % spent, 80 % of the month gone: 10 points ahead; needs 5.00 a day"),
        (285, 29 * DAY + 1, "95 % spent, 96 % of the month gone: 1 point behind; needs 15.00 until its end"),
        (300, 24 * DAY, "100 % spent, 80 % of the month gone: 20 points ahead; nothing is left"),
        (285, 31 * DAY, "95 % spent, 100 % of the month gone: 5 points behind; the month is over"),
    ],
)
@pytest.mark.parametrize("name", ["brand_row", "brand_now"])
def test_overview_and_brand_page_say_how_the_month_stands(name: str, spent: int, now: Moment, expected: str) -> None:
    found = words(part(name, brand(spent, 300, now), now))
    assert expected in found.replace(" USD", "")  # the overview has a column for it


@pytest.mark.parametrize("name", ["brand_row", "brand_now"])
def test_the_bar_of_the_month_alone_has_a_line_where_its_time_is(name: str) -> None:
    markup = part(name, brand(216, 300, 24 * DAY), 24 * DAY)
    assert re.findall(r'class="bar-passed" x1="([^"]+)" x2="([^"]+)"', markup) == [("80%", "80%")]
    assert "This month: 72 percent of the budget, 80 percent of the time has passed" in markup


@pytest.mark.parametrize("budget", [None, 0])
@pytest.mark.parametrize("name", ["brand_row", "brand_now"])
def test_without_a_budget_there_is_no_line(name: str, budget: int | None) -> None:
    markup = part(name, brand(5, budget, DAY), DAY)
    assert "bar-passed" not in markup
    assert "of the month gone" not in markup


def test_the_exact_need_is_in_the_title_of_the_amount() -> None:
    assert 'title="14.571429 USD"' in part("brand_now", brand(198, 300, 23 * DAY), 23 * DAY)
