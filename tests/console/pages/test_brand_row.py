"""A row of the overview: what of the brand needs somebody, and what they can do about it there."""

import re
from dataclasses import replace

import pytest

from console.live.brand_summary import Meter, budget_forecasts
from console.live.needs import Need
from console.pages.brand_now import BrandNow
from console.rendering.render import part
from core.moment import HOUR
from core.money import MICROS
from tests.console.pages.test_month_bar import BRAND, words

NOW = 12 * HOUR


def row(spent: int, budget: int | None, *needs: Need) -> BrandNow:
    summary = replace(BRAND, day=Meter(spent * MICROS, None if budget is None else budget * MICROS))
    return BrandNow("b", "B", "USD", summary, budget_forecasts(summary, (), NOW), None, frozenset(needs))


def test_a_row_names_what_needs_somebody_the_most_urgent_first() -> None:
    found = part("brand_row", row(10, 10, Need.BY_HAND, Need.OVER), NOW)
    assert words(re.findall(r'<span class="needs">.*?</span>', found)[0]) == "used up, paused by hand"
    assert "needs" not in part("brand_row", row(1, 10), NOW)


@pytest.mark.parametrize(
    ("shown", "is_offered"),
    [
        (row(10, 10, Need.OVER), True),
        (row(9, 10, Need.SOON), True),
        (row(1, 10, Need.AHEAD), False),
        (row(1, None, Need.BY_HAND), False),
    ],
)
def test_today_is_raised_from_the_row_where_its_budget_is_gone_or_nearly(shown: BrandNow, is_offered: bool) -> None:
    address = '"/brands/b/raise-today?next=/"'
    assert (address in part("brand_row", shown, NOW, True)) == is_offered
    assert address not in part("brand_row", shown, NOW)


def test_no_label_that_is_read_aloud_has_markup_in_it() -> None:
    found = part("brand_row", row(10, 10, Need.OVER), NOW, True)
    assert [it for it in re.findall(r'aria-label="([^"]*)"', found) if "<" in it or "&lt;" in it] == []
    assert "Raise today&#39;s budget of B" in found or "Raise today's budget of B" in found
