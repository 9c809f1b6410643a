"""The chips above the campaigns of a brand."""

import html
import re

import pytest

from tests.console.api.server import until
from tests.console.pages.conftest import FormClient

pytestmark = pytest.mark.usefixtures("worker")


def _chips(page: str) -> dict[str, tuple[int, str]]:
    """Number and address by label."""
    found = re.findall(r'<a class="button small chip" href="([^"]*)"[^>]*><strong>(\d+)</strong> ([^<]+)</a>', page)
    return {html.unescape(label): (int(count), html.unescape(url)) for url, count, label in found}


def test_a_chip_counts_campaigns_and_lists_them(operator: FormClient, viewer: FormClient) -> None:
    brand_id = operator.brand()
    running, held = operator.campaign(brand_id), operator.campaign(brand_id, paused="true")
    address = f"/brands/{brand_id}"
    until(lambda: {"running", "paused by hand"} <= _chips(viewer.page(address)).keys())
    chips = _chips(viewer.page(address))
    assert {label: count for label, (count, _) in chips.items()}["paused"] == 1
    count, url = chips["paused by hand"]
    assert (count, url) == (1, f"{address}?only=manual")
    listed = viewer.page(url)
    assert f'id="campaign-{held}"' in listed
    assert f'id="campaign-{running}"' not in listed
    assert _chips(listed)["paused by hand"][1] == address
    assert f'data-live="/live{url}"' in listed


def test_a_mark_that_does_not_exist_is_refused(operator: FormClient, viewer: FormClient) -> None:
    assert viewer.get(f"/brands/{operator.brand()}", only="everything").status_code == 422


def test_the_columns_of_campaigns_sort_and_keep_the_search(operator: FormClient, viewer: FormClient) -> None:
    brand_id = operator.brand()
    operator.campaign(brand_id)
    page = viewer.page(f"/brands/{brand_id}", search=brand_id, sort="-today")
    assert re.findall(r'aria-sort="(\w+)"><a href="([^"]+)"', page) == [
        ("descending", f"/brands/{brand_id}?search={brand_id}&amp;sort=today")
    ]
    assert f'href="/brands/{brand_id}?search={brand_id}&amp;sort=-total"' in page
    assert f"/live/brands/{brand_id}?search={brand_id}&amp;sort=-today" in page
