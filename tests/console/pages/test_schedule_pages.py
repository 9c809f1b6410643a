"""The schedule page's forms: what is saved, refused, stale, forbidden, and what is told before saving."""

import html
import re

import pytest

from core.windows import Window
from models.queries.catalog import get_campaign
from models.queries.catalog_edits import edit_campaign, set_windows
from models.session import session_scope
from tests.console.pages.conftest import FormClient

Rows = dict[str, str | list[str]]

OFFICE: Rows = {"days-0": ["mon", "tue", "wed", "thu", "fri"], "from-0": "09:00", "to-0": "17:00"}
NIGHT: Rows = {"days-1": ["fri"], "from-1": "22:00", "to-1": "06:00"}
BLANK: Rows = {"from-9": "", "to-9": ""}


def _text(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def _windows(visitor: FormClient, campaign_id: str) -> list[Window]:
    with session_scope(visitor.settings.database) as session:
        return [row.window for row in get_campaign(session, campaign_id).windows]


def _opened(visitor: FormClient, path: str) -> Rows:
    """What the page carries of the schedule as it was opened."""
    hidden = re.findall(r'type="hidden" name="(revision|seen)" value="([^"]*)"', visitor.page(path))
    return {name: html.unescape(value) for name, value in hidden}


@pytest.fixture
def path(operator: FormClient) -> str:
    return f"/campaigns/{operator.campaign(operator.brand())}/schedule"


def _id(path: str) -> str:
    return path.split("/")[2]


def test_windows_are_saved_and_shown_in_words_and_on_the_grid(operator: FormClient, path: str) -> None:
    assert "Always" in operator.page(path)
    assert operator.post(path, _opened(operator, path) | OFFICE | NIGHT | BLANK).status_code == 303
    assert _windows(operator, _id(path)) == [Window((4,), 1320, 360), Window((0, 1, 2, 3, 4), 540, 1020)]
    page = operator.page(path)
    assert "Mon-Fri 09:00-17:00, Fri 22:00 until Sat 06:00" in page
    assert page.count('class="block"') == 7


def test_no_rows_mean_always(operator: FormClient, path: str) -> None:
    operator.post(path, _opened(operator, path) | OFFICE)
    operator.post(path, _opened(operator, path) | BLANK)
    assert _windows(operator, _id(path)) == []


def test_a_wrong_row_is_marked_with_the_words_of_the_contract_and_nothing_is_saved(
    operator: FormClient, path: str
) -> None:
    wrong: Rows = {"days-1": ["fri"], "from-1": "22:00", "to-1": "22:00"}
    answer = operator.post(path, _opened(operator, path) | OFFICE | wrong)
    assert answer.status_code == 422
    assert "A window from 22:00 to 22:00 is empty: for a whole day write 00:00-24:00." in _text(answer.text)
    assert _windows(operator, _id(path)) == []
    assert 'value="22:00"' in answer.text


def test_what_was_typed_into_the_blank_row_is_still_there_when_something_else_is_wrong(
    operator: FormClient, path: str
) -> None:
    blank: Rows = {"days-9999": ["sat"], "from-9999": "10:01", "to-9999": "10:01"}
    answer = operator.post(path, _opened(operator, path) | blank)
    assert answer.status_code == 422
    assert 'value="10:01"' in answer.text
    assert answer.text.count('data-row="9999"') == 1


def test_who_was_overtaken_sees_both_schedules_and_saves_only_on_purpose(operator: FormClient, path: str) -> None:
    opened = _opened(operator, path)
    with session_scope(operator.settings.database) as session:
        set_windows(session, _id(path), [Window((6,), 600, 720)], actor="alice")
    answer = operator.post(path, opened | OFFICE)
    assert answer.status_code == 412
    assert "changed since you opened them by alice (" in _text(answer.text)
    assert "Saved now: Sun 10:00-12:00." in _text(answer.text)
    assert "Yours: Mon-Fri 09:00-17:00." in _text(answer.text)
    assert _windows(operator, _id(path)) == [Window((6,), 600, 720)]
    again = {
        name: html.unescape(value) for name, value in re.findall(r'name="(revision|seen)" value="([^"]*)"', answer.text)
    }
    assert operator.post(path, again | OFFICE).status_code == 303
    assert _windows(operator, _id(path)) == [Window((0, 1, 2, 3, 4), 540, 1020)]


def test_another_budget_in_between_does_not_disturb_the_windows(operator: FormClient, path: str) -> None:
    opened = _opened(operator, path)
    with session_scope(operator.settings.database) as session:
        edit_campaign(session, _id(path), {"daily_budget_micros": 1_000_000}, actor="alice")
    assert operator.post(path, opened | OFFICE).status_code == 303
    assert _windows(operator, _id(path)) == [Window((0, 1, 2, 3, 4), 540, 1020)]


def test_the_preview_tells_what_is_not_saved(operator: FormClient, path: str) -> None:
    answer = operator.post(f"{path}/preview", OFFICE | NIGHT | {"days-2": ["mon"], "from-2": "x", "to-2": "10:00"})
    observed = answer.json()
    assert observed["words"] == "Mon-Fri 09:00-17:00, Fri 22:00 until Sat 06:00"
    assert list(observed["errors"]) == ["2"]
    assert observed["grid"].count("data-row") == 7
    assert len(observed["preview"]["changes"]) in (12, 13)
    assert {it["action"] for it in observed["preview"]["changes"]} == {"pause", "resume"}
    assert "clocks go" in observed["next_changes"]
    assert _windows(operator, _id(path)) == []


def test_as_many_windows_can_be_typed_as_a_program_can_send(operator: FormClient, path: str) -> None:
    rows: Rows = {}
    for number in range(500):
        start = f"{number // 60:02d}:{number % 60:02d}"
        rows |= {f"days-{number}": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], f"from-{number}": start}
        rows[f"to-{number}"] = "12:00"
    answer = operator.post(path, {**_opened(operator, path), **rows})
    assert answer.status_code == 303, _text(answer.text)[:500]
    assert len(_windows(operator, _id(path))) == 500


def test_a_viewer_looks_but_does_not_draw(operator: FormClient, viewer: FormClient, path: str) -> None:
    page = viewer.page(path)
    assert "The next 7 days" in page
    for control in ("schedule.js", "Save the schedule", 'tabindex="0" role="application"', "checkbox"):
        assert control not in page
    assert viewer.post(path, OFFICE).status_code == 403


def test_a_schedule_that_is_not_from_here_is_refused(operator: FormClient, path: str) -> None:
    assert operator.post(path, OFFICE, csrf_token="0" * 64).status_code == 403
    assert operator.post(f"{path}/preview", OFFICE, csrf_token="0" * 64).status_code == 403
    assert _windows(operator, _id(path)) == []
