"""What surrounds every answer: headers, problems instead of pages of a framework, one sentence for a defect."""

import httpx
import pytest

from console.api.status import StatusCache
from tests.console.api.server import Api


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/health/live", 200),
        ("GET", "/api/openapi.json", 200),
        ("GET", "/api/v1/brands", 401),
        ("GET", "/api/v2/brands", 404),
        ("DELETE", "/api/v1/brands", 405),
        ("TRACE", "/api/v1/brands", 405),
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
    if expected == 405:
        assert answer.headers["allow"]


def test_a_defect_is_told_without_its_details(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(look: StatusCache) -> None:
        raise ZeroDivisionError("a secret of the programmer")

    monkeypatch.setattr(StatusCache, "status", broken)
    problem = api.problem("GET", "/api/v1/status", 500)
    assert problem["detail"] == "This is a defect of Spendgate: its log has the details."
