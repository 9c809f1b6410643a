"""A page refuses a parameter that it does not read, as the API does, instead of showing what was not asked for."""

import html
import re
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit

import pytest
from fastapi.routing import APIRoute

from console.pages import account, live_pages, routes, sign_in
from console.server.problems import _FOR_PROGRAMS
from tests.console.pages.conftest import FormClient
from tests.lengths import WHOLE

pytestmark = pytest.mark.usefixtures("worker")


def _routes(method: str) -> list[str]:
    """Of pages and their streams; FastAPI keeps an included router as one route."""
    waiting: list[object] = [it for pages in (sign_in, account, live_pages, routes) for it in pages.router.routes]
    found: list[str] = []
    while waiting:
        route = waiting.pop(0)
        if isinstance(route, APIRoute):
            found += [route.path] if method in route.methods and not route.path.startswith(_FOR_PROGRAMS) else []
        else:
            waiting += route.original_router.routes  # type: ignore[attr-defined]
    assert len(found) > 10
    return found


def _address(path: str, brand_id: str, campaign_id: str) -> str:
    filled = path.format(
        brand_id=brand_id,
        campaign_id=campaign_id,
        act="pause",
        partition=0,
        offset=0,
        name="nobody",
        command_id="nobody:1:1",
    )
    assert "{" not in filled
    return filled


@pytest.fixture(scope="module")
def ids(admin: FormClient) -> tuple[str, str]:
    brand_id = admin.brand()
    return brand_id, admin.campaign(brand_id)


@pytest.mark.parametrize("path", _routes("GET"))
def test_a_page_names_a_parameter_that_it_does_not_read(admin: FormClient, ids: tuple[str, str], path: str) -> None:
    answer = admin.get(_address(path, *ids), serach="x")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "text/html; charset=utf-8")
    assert "There is no parameter &#39;serach&#39;" in answer.text
    assert "Sign out" in answer.text


def test_no_two_pages_have_one_title(admin: FormClient, ids: tuple[str, str]) -> None:
    """Browsers show it on their tabs, of which some people have twenty."""
    titles: dict[str, list[str]] = {}
    for path in _routes("GET"):
        answer = admin.get(_address(path, *ids))
        if answer.status_code == 200 and (found := re.search(r"<title>(.*?)</title>", answer.text)):
            titles.setdefault(found[1], []).append(path)
    assert len(titles) > 15
    assert {title: paths for title, paths in titles.items() if len(paths) > 1} == {}
    overview, brands = (re.search("<h1>(.*?)</h1>", admin.page(path)) for path in ("/", "/brands"))
    assert overview and brands and overview[1] != brands[1]


@pytest.mark.parametrize("kind", ["brand", "campaign"])
def test_every_page_of_a_thing_leads_back_to_it(admin: FormClient, ids: tuple[str, str], kind: str) -> None:
    address = f"/{kind}s/{ids[kind == 'campaign']}"
    below = [it for it in _routes("GET") if it.startswith(f"/{kind}s/{{{kind}_id}}/") and not it.endswith(".csv")]
    assert len(below) >= 3
    for path in below:
        assert f'href="{address}"' in admin.page(_address(path, *ids)), path


@pytest.mark.parametrize("path", _routes("POST"))
def test_a_form_is_not_taken_with_a_parameter_that_nobody_reads(
    admin: FormClient, ids: tuple[str, str], path: str
) -> None:
    answer = admin.post(f"{_address(path, *ids)}?dry_run=true", {})
    assert answer.status_code == 422
    assert "There is no parameter &#39;dry_run&#39;" in answer.text


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/brands?archived=yes", "archived"),
        ("/campaigns?archived=1", "archived"),
        ("/spend?show=refusd", "show"),
        ("/spend.csv?show=refusd", "show"),
        ("/dead-letters?handled=all", "handled"),
    ],
)
def test_a_choice_that_does_not_exist_is_named(admin: FormClient, path: str, named: str) -> None:
    answer = admin.get(path)
    assert answer.status_code == 422
    assert f"The parameter &#39;{named}&#39; is refused" in answer.text


@pytest.mark.long
def test_every_link_of_a_page_is_taken_by_the_page_that_it_leads_to(admin: FormClient, ids: tuple[str, str]) -> None:
    """Forms as well: what a browser sends for a form that filters, with all of its inputs as they stand. At the
    short length a link is passed over all of whose parameters other links gave to the page, each with that value.
    """
    seen: set[str] = set()
    taken: set[tuple[str, ...]] = set()
    waiting = [_address(path, *ids) for path in _routes("GET")]
    while waiting:
        path = waiting.pop()
        if path in seen or path.startswith(("/commands/", "/dead-letters/")):
            continue
        if not WHOLE and _parts(path) <= taken:
            continue
        seen.add(path)
        taken |= _parts(path)
        answer = admin.get(path)
        assert answer.status_code in (200, 303), (path, answer.text[:300])
        if "html" not in answer.headers.get("content-type", ""):
            continue
        links = [it.replace("&amp;", "&") for it in re.findall(r'<a [^>]*href="(/[^"#]*\?[^"#]*)', answer.text)]
        for action, form in re.findall(r'<form [^>]*method="get" action="([^"]*)"(.*?)</form>', answer.text, re.S):
            names = re.findall(r'<(?:input|select)[^>]*? name="([^"]+)"', form)
            links.append(f"{action}?" + "&".join(f"{name}=" for name in names))
        waiting += [it for it in links if len(seen) + len(waiting) < 300]
    assert any("?" in path for path in seen)


def _parts(path: str) -> set[tuple[str, ...]]:
    """The page, and each of its parameters with the value. Ids, numbers and dates are all alike."""
    split = urlsplit(path)
    page = re.sub("/(brands|campaigns)/[^/]+", r"/\1/*", split.path)
    given = parse_qsl(split.query, keep_blank_values=True)
    return {(page,), *((page, name, "*" if re.search("[0-9]", value) else value) for name, value in given)}


_ARABIC = "\u0645\u062a\u062c\u0631 (2)"


class _Directions(HTMLParser):
    """Where a name stands in a page in the direction of the text around it."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[bool] = []
        self.wrong: list[str] = []
        self.seen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        is_isolated = tag in ("bdi", "title", "option") or given.get("dir") == "auto"
        if tag == "input" and given.get("type") in ("text", "search") and _ARABIC in (given.get("value") or ""):
            self._note(is_isolated)
        if tag not in _VOID:
            self.open.append(is_isolated)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if _ARABIC in data:
            self._note(bool(self.open and self.open[-1]))

    def _note(self, is_isolated: bool) -> None:
        self.seen += 1
        if not is_isolated:
            self.wrong.append(str(self.getpos()))


_VOID = ("meta", "link", "input", "br", "img", "hr")


def test_a_name_from_right_to_left_turns_no_words_around_it(admin: FormClient) -> None:
    brand_id = admin.brand(name=_ARABIC)
    campaign_id = admin.campaign(brand_id, name=_ARABIC, external_id=_ARABIC)
    for thing in (f"/brands/{brand_id}", f"/campaigns/{campaign_id}"):
        admin.post(f"{thing}/edit", admin.inputs(f"{thing}/edit") | {"name": f"{_ARABIC} {_ARABIC}"})
    seen = 0
    for path in (it for it in _routes("GET") if not it.endswith(".csv")):
        directions = _Directions()
        directions.feed(html.unescape(admin.get(_address(path, brand_id, campaign_id)).text.replace("&lt;", "")))
        assert directions.wrong == [], path
        seen += directions.seen
    assert seen > 20
