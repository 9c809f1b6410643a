"""All campaigns that match a search, changed at once."""

import pytest

from models.queries.catalog import get_campaign
from models.session import session_scope
from tests.console.pages.conftest import FormClient
from tests.console.pages.test_catalog_file_page import _hidden, _text

pytestmark = pytest.mark.usefixtures("worker")


def _daily(operator: FormClient, campaign_ids: list[str]) -> list[int | None]:
    with session_scope(operator.settings.database) as session:
        return [get_campaign(session, it).daily_budget_micros for it in campaign_ids]


def test_ten_percent_more_on_all_that_match_is_shown_and_applied_and_no_other_is_touched(operator: FormClient) -> None:
    brand_id = operator.brand()
    named = [operator.campaign(brand_id, name="autumn", daily_budget=f"{n}0") for n in (1, 2)]
    other = operator.campaign(brand_id, name="winter", daily_budget="50")
    listed = operator.page("/campaigns", brand=brand_id, search="autumn")
    assert f'href="/many-campaigns?brand={brand_id}&amp;search=autumn"' in listed
    form = operator.inputs(f"/many-campaigns?brand={brand_id}&search=autumn")
    asked = operator.post("/many-campaigns", {**form, "daily_budget": "+10 %"})
    said = _text(asked.text)
    assert "Change 2 campaigns?" in said
    assert "Daily budget from 10.00 EUR to 11.00 EUR" in said and "Daily budget from 20.00 EUR to 22.00 EUR" in said
    assert _daily(operator, named) == [10_000_000, 20_000_000]
    applied = operator.post("/catalog-file/apply", _hidden(asked.text))
    assert applied.status_code == 303
    assert applied.headers["location"] == f"/campaigns?brand={brand_id}&search=autumn"
    assert _daily(operator, [*named, other]) == [11_000_000, 22_000_000, 50_000_000]


def test_an_edit_after_the_question_refuses_all(operator: FormClient) -> None:
    brand_id = operator.brand()
    ids = [operator.campaign(brand_id, daily_budget="10") for _ in range(2)]
    asked = operator.post("/many-campaigns", {"brand": brand_id, "daily_budget": "+10%"})
    assert operator.post(f"/campaigns/{ids[0]}/pause", {}).status_code == 303
    assert operator.post("/catalog-file/apply", _hidden(asked.text)).status_code == 412
    assert _daily(operator, ids) == [10_000_000] * 2


def test_what_cannot_be_done_is_said_and_what_was_typed_stays(operator: FormClient) -> None:
    brand_id = operator.brand()
    operator.campaign(brand_id, starts_on="2030-01-02")
    answer = operator.post("/many-campaigns", {"brand": brand_id, "ends_on": "2030-01-01", "note": "why"})
    assert answer.status_code == 422 and 'value="2030-01-01"' in answer.text and 'value="why"' in answer.text
    assert "cannot be changed so" in _text(answer.text)
    assert "Nothing would change" in _text(operator.post("/many-campaigns", {"brand": brand_id}).text)
    assert "No campaign fits" in _text(operator.post("/many-campaigns", {"brand": "nobody", "state": "pause"}).text)


def test_a_viewer_changes_none(viewer: FormClient) -> None:
    assert viewer.get("/many-campaigns").status_code == 403
    assert viewer.post("/many-campaigns", {"state": "pause"}).status_code == 403
    assert "/many-campaigns" not in viewer.page("/campaigns")
