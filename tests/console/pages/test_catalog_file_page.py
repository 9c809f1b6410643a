"""The catalog as a file, on its page: planned, applied, refused."""

import html
import re
import time

import pytest

from models.queries.catalog import changes_of, get_campaign
from models.session import session_scope
from tests.console.pages.conftest import FormClient

pytestmark = pytest.mark.usefixtures("worker")

SECONDS = 60


@pytest.fixture
def brand_id(operator: FormClient) -> str:
    return operator.brand(daily_budget="100")


def _text(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def _hidden(page: str) -> dict[str, str]:
    """What the button *Apply all* sends."""
    inputs = dict(re.findall(r'<input type="hidden" name="(format|note|next)" value="([^"]*)"', page))
    rows = re.search(r'<textarea name="rows" hidden>(.*?)</textarea>', page, re.DOTALL)
    assert rows
    return {name: html.unescape(value) for name, value in [*inputs.items(), ("rows", rows[1])]}


def _daily(operator: FormClient, campaign_id: str) -> int | None:
    with session_scope(operator.settings.database) as session:
        return get_campaign(session, campaign_id).daily_budget_micros


def test_a_file_is_shown_by_field_and_applied_once(operator: FormClient, brand_id: str) -> None:
    campaign_id = operator.campaign(brand_id, daily_budget="10")
    operator.page(f"/campaigns/{campaign_id}/edit")  # takes the message that it was added
    until = time.monotonic() + SECONDS
    while "Running" not in _text(operator.page("/campaigns", search=campaign_id)):
        assert time.monotonic() < until
        time.sleep(0.1)
    rows = f"brand_id,campaign_id,revision,daily_budget,enabled\n{brand_id},{campaign_id},1,12.50,no\n"
    files = {"file": ("catalog.csv", rows.encode("utf-16"), "text/csv")}
    data = {"csrf": operator.csrf_token, "rows": "", "note": "the autumn plan"}
    asked = operator.client.post("/catalog-file", data=data, files=files)
    assert asked.status_code == 200, asked.text
    said = _text(asked.text)
    assert "Daily budget from 10.00 EUR to 12.50 EUR" in said
    assert "1 row changes" in said and "1 campaign would pause and 0 resume" in said
    assert _daily(operator, campaign_id) == 10_000_000, "a plan changes nothing"
    applied = operator.post("/catalog-file/apply", _hidden(asked.text))
    assert (applied.status_code, applied.headers["location"]) == (303, "/catalog-file")
    assert _daily(operator, campaign_id) == 12_500_000
    assert "Saved, and the broker has it." in operator.page("/catalog-file")
    with session_scope(operator.settings.database) as session:
        newest = changes_of(session, campaign_id=campaign_id)[0]
    assert (newest.note, newest.actor) == ("the autumn plan", operator.name)


def test_rows_that_were_edited_after_the_plan_are_refused_and_none_is_applied(
    operator: FormClient, brand_id: str
) -> None:
    ids = [operator.campaign(brand_id, daily_budget="10") for _ in range(2)]
    rows = "brand_id,campaign_id,revision,daily_budget\n" + "".join(f"{brand_id},{it},1,20\n" for it in ids)
    asked = operator.post("/catalog-file", {"rows": rows})
    assert "2 rows change" in _text(asked.text)
    assert operator.post(f"/campaigns/{ids[1]}/pause", {}).status_code == 303
    refused = operator.post("/catalog-file/apply", _hidden(asked.text))
    assert refused.status_code == 412
    assert f"line 3: campaign {ids[1]}: it was edited since the export" in _text(refused.text)
    assert [_daily(operator, it) for it in ids] == [10_000_000] * 2


def test_wrong_rows_are_listed_and_what_was_typed_stays(operator: FormClient, brand_id: str) -> None:
    rows = f"brand_id,campaign_id,daily_budget\n{brand_id},{brand_id}.x,lots\n{brand_id},a b,1"
    answer = operator.post("/catalog-file", {"rows": rows, "note": "why"})
    assert answer.status_code == 422
    assert "line 2: " in answer.text and "line 3: " in answer.text
    assert rows in html.unescape(answer.text) and 'value="why"' in answer.text


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"rows": ""}, "Choose a file, or paste its rows."),
        ({"rows": "colour\nred"}, "names the column"),
        ({"rows": "x", "format": "xls"}, "format"),
    ],
)
def test_what_is_no_catalog_file_is_said(operator: FormClient, sent: dict[str, str], said: str) -> None:
    answer = operator.post("/catalog-file", sent)
    assert answer.status_code == 422
    assert said in _text(answer.text)


def test_a_viewer_applies_no_file(viewer: FormClient) -> None:
    assert viewer.get("/catalog-file").status_code == 403
    assert viewer.post("/catalog-file", {"rows": "x"}).status_code == 403
    assert viewer.post("/catalog-file/apply", {"rows": "x"}).status_code == 403


def test_two_thousand_rows_are_added_by_one_file(operator: FormClient, brand_id: str) -> None:
    rows = "brand_id,campaign_id,daily_budget\n" + "".join(f"{brand_id},{brand_id}.{n},5\n" for n in range(2000))
    began = time.monotonic()
    asked = operator.post("/catalog-file", {"rows": rows})
    assert "2000 rows change" in _text(asked.text)
    planned = time.monotonic()
    assert operator.post("/catalog-file/apply", _hidden(asked.text)).status_code == 303
    print(f"2,000 rows: planned in {planned - began:.1f} s, applied in {time.monotonic() - planned:.1f} s")
    assert _daily(operator, f"{brand_id}.1999") == 5_000_000
