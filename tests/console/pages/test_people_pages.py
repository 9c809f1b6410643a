"""Users and tokens: only admins, secrets shown once, nobody locked out."""

import html
import re
import secrets
from contextlib import closing

import httpx
import pytest

from tests.console.pages.conftest import FormClient


def _text(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def _secret(answer: httpx.Response) -> str:
    assert answer.status_code == 200, _text(answer.text)
    (secret,) = re.findall(r'class="mono secret">([^<]+)<', answer.text)
    return secret


def _signs_in(visitor: FormClient, name: str, password: str) -> bool:
    with httpx.Client(base_url=visitor.client.base_url) as client:
        return client.post("/sign-in", data={"name": name, "password": password}).status_code == 303


@pytest.fixture
def name() -> str:
    return f"u-{secrets.token_hex(4)}"


def test_a_new_user_gets_a_password_that_is_shown_once_and_works(admin: FormClient, name: str) -> None:
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
    ("sent", "message"),
    [({"name": "a b", "role": "viewer"}, "is no user name"), ({"name": "abc", "role": "king"}, "is no role")],
)
def test_a_wrong_user_is_refused_in_one_sentence(
    admin: FormClient, sent: dict[str, str | list[str]], message: str
) -> None:
    answer = admin.post("/users", sent)
    assert answer.status_code == 422
    assert message in _text(answer.text)


def test_the_only_admin_cannot_be_put_out(admin: FormClient) -> None:
    for path, sent in (("enabled", {"enabled": "false"}), ("role", {"role": "viewer"})):
        answer = admin.post(f"/users/{admin.name}/{path}", dict(sent))
        assert answer.status_code == 422
        assert "is the only admin" in _text(answer.text)


def test_a_token_is_shown_once_opens_the_api_and_is_revoked(admin: FormClient, name: str) -> None:
    token = _secret(admin.post("/tokens", {"name": name, "role": "viewer", "days": "1"}))
    assert token not in admin.page("/tokens")
    address, bearer = f"{admin.client.base_url}/api/v1/brands", {"authorization": f"Bearer {token}"}
    assert httpx.get(address, headers=bearer).status_code == 200
    assert admin.post(f"/tokens/{name}/revoke", {}).status_code == 303
    assert httpx.get(address, headers=bearer).status_code == 401
    assert f"{name} viewer Revoked" in _text(admin.page("/tokens"))


def test_a_token_needs_a_number_of_days(admin: FormClient, name: str) -> None:
    answer = admin.post("/tokens", {"name": name, "role": "viewer", "days": "for ever"})
    assert answer.status_code == 422
    assert "is no number of days" in _text(answer.text)


@pytest.mark.parametrize("path", ["/users", "/tokens"])
def test_only_an_admin_sees_people_and_tokens(
    admin: FormClient, operator: FormClient, viewer: FormClient, path: str
) -> None:
    for other in (operator, viewer):
        assert other.get(path).status_code == 403
        assert other.post(path, {"name": "x", "role": "admin", "days": "1"}).status_code == 403
    assert admin.post(path, {"name": "x", "role": "admin", "days": "1"}, csrf_token="0" * 64).status_code == 403


def test_what_was_changed_of_users_and_tokens_is_told_to_admins(
    admin: FormClient, operator: FormClient, name: str
) -> None:
    admin.post("/users", {"name": name, "role": "viewer"})
    admin.post(f"/users/{name}/role", {"role": "operator"})
    admin.post(f"/users/{name}/password", {})
    admin.post(f"/users/{name}/enabled", {"enabled": "false"})
    admin.post("/tokens", {"name": f"t-{name}", "role": "viewer", "days": "1"})
    admin.post(f"/tokens/t-{name}/revoke", {})
    observed = _text(admin.page("/users/history"))
    for words in ("Added as viewer", "Role from viewer to operator", "A new password", "Disabled"):
        assert f"{admin.name} user {name} {words}" in observed
    for words in ("Added as viewer", "Revoked"):
        assert f"{admin.name} token t-{name} {words}" in observed
    assert operator.get("/users/history").status_code == 403


def test_a_person_changes_their_own_password_and_all_other_browsers_are_signed_out(
    admin: FormClient, name: str
) -> None:
    present, new = _secret(admin.post("/users", {"name": name, "role": "viewer"})), "several words to keep"

    def browser() -> httpx.Client:
        client = httpx.Client(base_url=admin.client.base_url, limits=httpx.Limits(max_keepalive_connections=0))
        assert client.post("/sign-in", data={"name": name, "password": present}).status_code == 303
        return client

    with closing(browser()) as here, closing(browser()) as there:
        before = here.cookies["spendgate_session"]
        mark = re.findall(r'name="csrf" value="([0-9a-f]+)"', here.get("/account").text)[0]

        def change(present: str, new: str, again: str, mark: str = mark) -> httpx.Response:
            form = {"csrf": mark, "present": present, "new": new, "again": again}
            return here.post("/account/password", data=form)

        assert change(present, new, new, "0" * 64).status_code == 403
        for sent, message in (
            ((present, new, "something else"), "not the same as the new password"),
            (("not the present one", new, new), "This is not the present password."),
            ((present, "short", "short"), "The password is refused"),
        ):
            answer = change(*sent)
            assert (answer.status_code, message in _text(answer.text)) == (422, True)
            assert not any(password in answer.text for password in sent)
        assert there.get("/").status_code == 200

        answer = change(present, new, new)
        assert (answer.status_code, answer.headers["location"]) == (303, "/account")
        assert here.cookies["spendgate_session"] != before
        assert "every other browser is signed out" in _text(here.get("/account").text)
        assert there.get("/").status_code == 303
    assert not _signs_in(admin, name, present)
    assert _signs_in(admin, name, new)


def test_a_channel_is_added_by_an_admin_and_its_secret_is_shown_once(admin: FormClient, viewer: FormClient) -> None:
    channel = f"c-{secrets.token_hex(4)}"
    sent: dict[str, str | list[str]] = {"name": channel, "address": "https://hooks.example.org/hidden"}
    brands = f"{admin.brand()}, {admin.brand()}"
    secret = _secret(admin.post("/channels", {**sent, "kinds": ["silent"], "brands": brands}))
    shown = admin.page("/channels")
    assert secret not in shown
    assert "example.org/hidden" not in shown
    assert f"{channel} https://hooks.example.org/… silent of {brands} On" in _text(shown)
    assert admin.post(f"/channels/{channel}/paused", {"paused": "true"}).status_code == 303
    assert "Paused" in _text(admin.page("/channels"))
    refused = admin.post("/channels", {"name": "x", "address": "http://169.254.169.254/"})
    assert refused.status_code == 422
    assert "link-local" in _text(refused.text)
    unknown = admin.post("/channels", {**sent, "name": f"{channel}-2", "brands": "no-such-brand"})
    assert (unknown.status_code, "There is no brand no-such-brand." in _text(unknown.text)) == (422, True)
    assert admin.post(f"/channels/{channel}/remove", {}).status_code == 303
    observed = _text(admin.page("/users/history"))
    for words in ("Added for https://hooks.example.org/…", "Paused", "Removed"):
        assert f"{admin.name} channel {channel} {words}" in observed
    assert viewer.get("/channels").status_code == 403
