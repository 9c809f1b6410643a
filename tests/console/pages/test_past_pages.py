"""The pages that ask about the past: what-if, report, timeline."""

import pytest

from tests.console.pages.conftest import FormClient

pytestmark = pytest.mark.usefixtures("worker")

DAYS = {"from": "2025-09-08", "to": "2025-09-09", "brand": ""}


@pytest.fixture(scope="module")
def ids(operator: FormClient) -> tuple[str, str]:
    brand_id = operator.brand(daily_budget="10")
    return brand_id, operator.campaign(brand_id)


def test_what_if_shows_where_a_file_differs_and_changes_nothing(viewer: FormClient, ids: tuple[str, str]) -> None:
    brand_id, campaign_id = ids
    assert "Decide again" in viewer.page("/what-if")
    rows = f"brand_id,revision,daily_budget\n{brand_id},1,0"
    answer = viewer.post("/what-if", {**DAYS, "rows": rows})
    assert answer.status_code == 200, answer.text
    assert f"Differences of {campaign_id}" in answer.text and rows in answer.text
    same = viewer.post("/what-if", {**DAYS, "rows": rows.replace(",0", ",10.00")})
    assert "Nothing would have been decided otherwise" in same.text
    assert viewer.get(f"/brands/{brand_id}/history").text.count('<td data-label="When"') == 2  # as they were added


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"rows": ""}, "Choose a file, or paste its rows."),
        ({"from": "yesterday"}, "such as 2025-09-08"),
        ({"to": "2025-09-01"}, "before the first"),
        ({"brand": "nobody"}, "There is no brand nobody."),
        ({"rows": "brand_id,revision\nnobody,7"}, "line 2: brand nobody"),
        ({"rows": "colour"}, "names the column"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(viewer: FormClient, sent: dict[str, str], said: str) -> None:
    answer = viewer.post("/what-if", {**DAYS, "rows": "brand_id,revision\n", **sent})
    assert answer.status_code == 422
    assert said in answer.text.replace("&#39;", "'")
    assert f'value="{sent.get("from", DAYS["from"])}"' in answer.text


def test_a_report_is_a_page_and_a_file_of_the_month_that_is_asked_for(viewer: FormClient, ids: tuple[str, str]) -> None:
    address = f"/brands/{ids[0]}/report"
    assert "By day" in viewer.page(address)
    page = viewer.page(address, month="2025-09")
    assert "September 2025" in page and "No campaign ran or spent anything" in page
    assert "such as 2025-09" in viewer.page(address, month="September")
    answer = viewer.get(f"{address}.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text.startswith("brand_id,campaign_id,")
    assert viewer.get(f"{address}.csv", month="September").status_code == 422


def test_a_timeline_is_shown_and_a_wrong_day_is_marked(viewer: FormClient, ids: tuple[str, str]) -> None:
    address = f"/campaigns/{ids[1]}/timeline"
    assert "2025" in viewer.page(address, **{"from": "2025-09-08", "to": "2025-09-09"})
    assert "such as 2025-09-08" in viewer.get(address, **{"from": "x", "to": "2025-09-09"}).text
