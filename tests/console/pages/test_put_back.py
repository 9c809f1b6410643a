"""The last edit of a brand or campaign taken back from its history."""

import html
import re

import pytest

from core.overrides import NO_OVERRIDES
from models.queries.catalog import get_brand, get_campaign
from models.queries.catalog_edits import set_windows
from models.session import session_scope
from operations import validation
from tests.console.pages.conftest import FormClient
from tests.console.pages.test_catalog_file_page import _hidden, _text

pytestmark = pytest.mark.usefixtures("worker")


def _put_back_address(operator: FormClient, history: str) -> str:
    """Of the newest edit: the only one that has it."""
    (address,) = re.findall(r'href="(/put-back\?change=\d+)"', operator.page(history))
    return html.unescape(address)


def _put_back(operator: FormClient, history: str) -> None:
    asked = operator.page(_put_back_address(operator, history))
    applied = operator.post("/catalog-file/apply", _hidden(asked))
    assert (applied.status_code, applied.headers["location"]) == (303, history), _text(applied.text)


def test_every_field_of_a_brand_is_as_before(operator: FormClient) -> None:
    brand_id = operator.brand(daily_budget="10", name="Before", alert_percents="50,90")
    path, history = f"/brands/{brand_id}/edit", f"/brands/{brand_id}/history"
    assert "/put-back" not in operator.page(history), "what was added is not taken back"
    opened = operator.inputs(path)
    changed = {
        "name": "After",
        "daily_budget": "20",
        "monthly_budget": "300",
        "pacing": "even",
        "alert_percents": "",
        "silent_after_minutes": "3h",
        "budget_overrides": "2031-01-02 daily=7",
    }
    assert operator.post(path, opened | changed).status_code == 303
    _put_back(operator, history)
    operator.page(path)
    with session_scope(operator.settings.database) as session:
        row = get_brand(session, brand_id)
        assert (row.name, row.daily_budget_micros, row.monthly_budget_micros) == ("Before", 10_000_000, None)
        assert (row.alert_percents, row.pacing, row.silent_after_minutes) == ([50, 90], "none", None)
        assert row.budget_overrides == NO_OVERRIDES
    _put_back(operator, history)  # and that too
    with session_scope(operator.settings.database) as session:
        row = get_brand(session, brand_id)
        assert (row.name, row.pacing, row.silent_after_minutes) == ("After", "even", 180)
        assert row.budget_overrides != NO_OVERRIDES


def test_windows_of_a_campaign_are_as_before(operator: FormClient) -> None:
    campaign_id = operator.campaign(operator.brand())
    for text in ("mon-fri 09:00-17:00", "sat 10:00-12:00"):
        with session_scope(operator.settings.database) as session:
            set_windows(session, campaign_id, validation.windows([text]), actor="tests")
    _put_back(operator, f"/campaigns/{campaign_id}/history")
    with session_scope(operator.settings.database) as session:
        windows = {it.window for it in get_campaign(session, campaign_id).windows}
    assert windows == set(validation.windows(["mon-fri 09:00-17:00"]))


def test_it_is_refused_where_something_newer_was_edited(operator: FormClient) -> None:
    campaign_id = operator.campaign(operator.brand())
    history = f"/campaigns/{campaign_id}/history"
    assert operator.post(f"/campaigns/{campaign_id}/pause", {}).status_code == 303
    address = _put_back_address(operator, history)
    asked = operator.page(address)
    assert operator.post(f"/campaigns/{campaign_id}/archive", {}).status_code == 303
    refused = operator.get(address)
    assert refused.status_code == 422 and "Something newer was edited" in _text(refused.text)
    assert operator.post("/catalog-file/apply", _hidden(asked)).status_code == 412
    assert operator.get("/put-back", change="999999999").status_code == 404


def test_a_viewer_puts_nothing_back(viewer: FormClient, operator: FormClient) -> None:
    campaign_id = operator.campaign(operator.brand())
    assert operator.post(f"/campaigns/{campaign_id}/pause", {}).status_code == 303
    assert "/put-back" not in viewer.page(f"/campaigns/{campaign_id}/history")
    assert viewer.get(_put_back_address(operator, f"/campaigns/{campaign_id}/history")).status_code == 403
