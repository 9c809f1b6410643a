"""Who may do what: every route of the API asks for a person, and every one that changes something for more."""

import json
from typing import Any

import httpx
import pytest

from console.access.rights import safe_next
from docs.make_openapi import OPENAPI_FILE
from models.queries.accounts import revoke_token, set_role
from models.session import session_scope
from operations.accounts.person import Role
from tests.console.api.server import Api, program, signed_in
from tests.installation import Surroundings

#: All that the code has, by tests/console/api/test_openapi.py.
DOCUMENT = json.loads(OPENAPI_FILE.read_text(encoding="utf-8"))
OPERATIONS = [(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods]
#: Have a body and change nothing: what a viewer may ask (tests/console/api/test_catalog_file.py).
QUESTIONS = [("POST", "/api/v1/catalog/plan"), ("POST", "/api/v1/catalog/what-if")]
#: Where alerts go holds secrets, and makes the server send requests.
OF_ADMINS = [("POST", "/api/v1/channels"), ("DELETE", "/api/v1/channels/{name}")]
CHANGES = [it for it in OPERATIONS if it[0] != "GET" and it not in QUESTIONS]


def filled(path: str) -> str:
    return path.replace("{partition}", "0").replace("{offset}", "0").replace("{", "").replace("}", "")


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_nobody_does_anything_without_a_token_that_is_known(api_url: str, method: str, path: str) -> None:
    for headers in (
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": "Basic YTpi"},
        {"cookie": "spendgate_session=x"},
    ):
        answer = httpx.request(method, api_url + filled(path), headers=headers, json={})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="spendgate"')
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_a_viewer_changes_nothing(viewer_api: Api, method: str, path: str) -> None:
    problem = viewer_api.problem(method, filled(path), 403, json={})
    role = "admin" if (method, path) in OF_ADMINS else "operator"
    assert f"needs the role {role}" in problem["detail"]


def test_a_proxy_may_have_credentials_of_its_own_before_a_session(surroundings: Surroundings, api_url: str) -> None:
    person = signed_in(surroundings.settings, api_url, Role.VIEWER)
    answer = person.http.get("/api/v1/brands", headers={"authorization": "Basic YTpi"})
    assert answer.status_code == 200


def test_a_role_that_is_taken_away_and_a_token_that_is_revoked_are_gone_at_once(
    surroundings: Surroundings, api_url: str
) -> None:
    url = surroundings.settings.database
    person, robot = (
        signed_in(surroundings.settings, api_url, Role.OPERATOR),
        program(surroundings.settings, api_url, Role.VIEWER),
    )
    robot.get("/brands")
    assert person.http.get("/api/v1/brands").status_code == 200
    with session_scope(url) as session:
        revoke_token(session, robot.name, actor="tests")
        set_role(session, person.name, Role.VIEWER, actor="tests")
    robot.until_status("/api/v1/brands", 401)
    answer = person.http.post("/api/v1/brands", json={}, headers=person.csrf_header())
    assert answer.status_code == 403


def test_a_token_that_has_expired_opens_nothing(surroundings: Surroundings, api_url: str) -> None:
    robot = program(surroundings.settings, api_url, Role.VIEWER, days=0)
    robot.problem("GET", "/api/v1/brands", 401)


def test_a_cookie_changes_nothing_without_the_mark_of_the_page(surroundings: Surroundings, api_url: str) -> None:
    person = signed_in(surroundings.settings, api_url, Role.OPERATOR)
    body = {"brand_id": "forged", "currency": "USD"}
    wrong: list[dict[str, Any]] = [
        {},
        {"x-csrf-token": "0" * 64},
        {**person.csrf_header(), "origin": "https://evil.example"},
        {**person.csrf_header(), "sec-fetch-site": "cross-site"},
        {**person.csrf_header(), "sec-fetch-site": "same-site"},
    ]
    for headers in wrong:
        person.problem("POST", "/api/v1/brands", 403, json=body, headers=headers)
    person.problem("GET", "/api/v1/brands/forged", 404)
    good = {**person.csrf_header(), "sec-fetch-site": "same-origin", "origin": api_url}
    person.ok("POST", "/api/v1/brands", 201, json={**body, "brand_id": "by-cookie"}, headers=good)


def test_a_page_sends_who_is_not_signed_in_to_the_form_and_back(api_url: str) -> None:
    answer = httpx.get(f"{api_url}/?search=a%20b")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=/%3Fsearch%3Da%2520b"


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "", "/a\nb", "x"]
)
def test_after_signing_in_nobody_is_sent_elsewhere(target: str) -> None:
    assert safe_next(target) == "/"
    assert safe_next("/brands/nike?tab=1") == "/brands/nike?tab=1"
