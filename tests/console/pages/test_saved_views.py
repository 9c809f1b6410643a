"""Views of the overview that somebody has saved: their own, opened and deleted again."""

import html
import re
import secrets

import pytest

from tests.console.pages.conftest import FormClient

pytestmark = pytest.mark.usefixtures("worker")


def test_a_view_is_saved_opened_and_deleted_and_is_nobody_elses(viewer: FormClient, operator: FormClient) -> None:
    title, search = f"Mine {secrets.token_hex(3)} \u05d0 & <b>", f"x {secrets.token_hex(3)}&y"
    sent = {"title": title, "search": search, "need": "over", "sort": "-day", "archived": ""}
    saved = viewer.post("/views", sent)
    assert saved.status_code == 303
    page = viewer.page("/")
    found = re.search(rf'href="(/\?[^"]*)"><bdi>{re.escape(html.escape(title))}</bdi>', page)
    assert found
    opened = viewer.client.get(html.unescape(found[1]))
    assert (opened.status_code, html.escape(search) in opened.text) == (200, True)
    assert 'name="need" value="over"' in opened.text
    assert "<b>" not in page
    assert html.escape(title) not in operator.page("/")
    operator.post("/views/delete", {"title": title})
    assert html.escape(title) in viewer.page("/")
    assert viewer.post("/views/delete", {"title": title}).status_code == 303
    assert html.escape(title) not in viewer.page("/")


def test_the_same_name_again_replaces_and_there_are_only_so_many(operator: FormClient) -> None:
    for number in range(20):
        assert operator.post("/views", {"title": f"v{number}", "search": "a"}).status_code == 303
    assert operator.post("/views", {"title": "v0", "search": "replaced"}).status_code == 303
    assert "search=replaced" in operator.page("/")
    answer = operator.post("/views", {"title": "one more", "search": "a"})
    assert (answer.status_code, "You have 20 views" in answer.text) == (422, True)
    for number in range(20):
        operator.post("/views/delete", {"title": f"v{number}"})


@pytest.mark.parametrize(
    "sent", [{"title": ""}, {"title": "x" * 61}, {"title": "a\0b"}, {"title": "a", "search": "y" * 1001}]
)
def test_what_cannot_be_kept_is_refused(viewer: FormClient, sent: dict[str, str]) -> None:
    assert viewer.post("/views", sent).status_code == 422


def test_nothing_can_be_saved_where_nothing_is_chosen(viewer: FormClient) -> None:
    assert "Save this view" not in viewer.page("/")
    assert "Save this view" in viewer.page("/", sort="-day")
