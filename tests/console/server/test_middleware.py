"""What surrounds every answer: headers, problems instead of pages of a framework, one sentence for a defect."""

import httpx
import pytest

from console.api.status import StatusCache
from console.server.sharing import STREAMS_OF_A_SESSION
from tests.console.api.server import Api, signed_in, until
from tests.installation import Surroundings


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/health/live", 200),
        ("GET", "/api/openapi.json", 200),
        ("GET", "/api/v1/brands", 401),
        ("GET", "/api/v2/brands", 404),
        ("DELETE", "/api/v1/brands", 405),
        ("TRACE", "/api/v1/brands", 405),
        ("HEAD", "/health/live", 200),
        ("HEAD", "/api/v1/brands", 401),
        ("HEAD", "/api/v1/catalog/plan", 405),
        ("HEAD", "/nothing-here", 404),
        ("GET", "/sign-in", 200),
        ("GET", "/nothing-here", 404),
        ("GET", "/static/../app.py", 404),
        ("GET", "/static/nothing-here.js", 404),
        ("GET", "/brands/%00", 404),
        ("GET", "/api/v1/control/a%00b", 404),
    ],
)
def test_every_answer_carries_the_headers(api_url: str, method: str, path: str, expected: int) -> None:
    answer = httpx.request(method, api_url + path)
    assert answer.status_code == expected
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"
    assert "server" not in answer.headers
    assert not [name for name in answer.headers if name.startswith("access-control")]
    if expected >= 400 and path.startswith("/api/"):
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/v1/brands", "GET, POST"),
        ("TRACE", "/api/v1/brands", "GET, POST"),
        ("DELETE", "/api/v1/brands/nike", "GET, PATCH"),
        ("POST", "/api/v1/campaigns/summer/windows", "GET, PUT"),
        ("GET", "/api/v1/campaigns/summer/pause", "POST"),
        ("PUT", "/sign-in", "GET, POST"),
        ("POST", "/health/live", "GET"),
        ("POST", "/static/console.css", "GET, HEAD"),
    ],
)
def test_a_method_that_is_not_taken_is_answered_with_all_that_are(
    api_url: str, method: str, path: str, allowed: str
) -> None:
    answer = httpx.request(method, api_url + path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize(
    "path", ["/account", "/api/v1/brands", "/api/openapi.json", "/static/mark.svg", "/live/brands"]
)
def test_head_is_answered_as_get_is_without_a_body(surroundings: Surroundings, api_url: str, path: str) -> None:
    browser = signed_in(surroundings.settings, api_url).http
    with browser.stream("GET", path) as answer:
        wanted = _without_moments(answer.headers)
    head = browser.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert _without_moments(head.headers) == wanted


def test_a_stream_that_was_asked_for_by_head_is_not_left_open(surroundings: Surroundings, api_url: str) -> None:
    cookies = signed_in(surroundings.settings, api_url).http.cookies
    with httpx.Client(base_url=api_url, cookies=cookies) as browser:  # which keeps its connection
        for _ in range(STREAMS_OF_A_SESSION + 1):
            until(lambda: browser.head("/live/brands").status_code == 200)


def _without_moments(headers: httpx.Headers) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in ("date", "transfer-encoding")}


def test_a_defect_is_told_without_its_details(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(look: StatusCache) -> None:
        raise ZeroDivisionError("a secret of the programmer")

    monkeypatch.setattr(StatusCache, "status", broken)
    problem = api.problem("GET", "/api/v1/status", 500)
    assert problem["detail"] == "This is a defect of Spendgate: its log has the details."
