"""Users and tokens: only admins, secrets shown once, nobody locked out."""

import html
import re
import secrets

import httpx
import pytest

from tests.console.web.conftest import Visitor


def _text(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def _secret(answer: httpx.Response) -> str:
    assert answer.status_code == 200, _text(answer.text)
    (secret,) = re.findall(r'class="mono secret">([^<]+)<', answer.text)
    return secret


def _signs_in(visitor: Visitor, name: str, password: str) -> bool:
    with httpx.Client(base_url=visitor.client.base_url) as client:
        return client.post("/sign-in", data={"name": name, "password": password}).status_code == 303


@pytest.fixture
def name() -> str:
    return f"u-{secrets.token_hex(4)}"


def test_a_new_user_gets_a_password_that_is_shown_once_and_works(admin: Visitor, name: str) -> None:
    password = _secret(admin.post("/users", {"name": name, "role": "viewer"}))
    assert password not in admin.page("/users")
    assert _signs_in(admin, name, password)
    new = _secret(admin.post(f"/users/{name}/password", {}))
    assert not _signs_in(admin, name, password)
    assert _signs_in(admin, name, new)
    assert admin.post(f"/users/{name}/enabled", {"enabled": "false"}).status_code == 303
    assert not _signs_in(admin, name, new)
    assert admin.post(f"/users/{name}/role", {"role": "operator"}).status_code == 303
    assert f"{name} operator Disabled" in _text(admin.page("/users"))


@pytest.mark.parametrize(
    ("sent", "said"),
    [({"name": "a b", "role": "viewer"}, "is no user name"), ({"name": "abc", "role": "king"}, "is no role")],
)
def test_a_wrong_user_is_refused_in_one_sentence(admin: Visitor, sent: dict[str, str | list[str]], said: str) -> None:
    answer = admin.post("/users", sent)
    assert answer.status_code == 422
    assert said in _text(answer.text)


def test_the_only_admin_cannot_be_put_out(admin: Visitor) -> None:
    for path, sent in (("enabled", {"enabled": "false"}), ("role", {"role": "viewer"})):
        answer = admin.post(f"/users/{admin.name}/{path}", dict(sent))
        assert answer.status_code == 422
        assert "is the only admin" in _text(answer.text)


def test_a_token_is_shown_once_opens_the_api_and_is_revoked(admin: Visitor, name: str) -> None:
    token = _secret(admin.post("/tokens", {"name": name, "role": "viewer", "days": "1"}))
    assert token not in admin.page("/tokens")
    address, bearer = f"{admin.client.base_url}/api/v1/brands", {"authorization": f"Bearer {token}"}
    assert httpx.get(address, headers=bearer).status_code == 200
    assert admin.post(f"/tokens/{name}/revoke", {}).status_code == 303
    assert httpx.get(address, headers=bearer).status_code == 401
    assert f"{name} viewer Revoked" in _text(admin.page("/tokens"))


def test_a_token_needs_a_number_of_days(admin: Visitor, name: str) -> None:
    answer = admin.post("/tokens", {"name": name, "role": "viewer", "days": "for ever"})
    assert answer.status_code == 422
    assert "is no number of days" in _text(answer.text)


@pytest.mark.parametrize("path", ["/users", "/tokens"])
def test_only_an_admin_sees_people_and_tokens(admin: Visitor, operator: Visitor, viewer: Visitor, path: str) -> None:
    for other in (operator, viewer):
        assert other.get(path).status_code == 403
        assert other.post(path, {"name": "x", "role": "admin", "days": "1"}).status_code == 403
    assert admin.post(path, {"name": "x", "role": "admin", "days": "1"}, mark="0" * 64).status_code == 403
