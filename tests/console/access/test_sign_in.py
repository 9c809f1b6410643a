"""Signing in and out, with the cookie, its ends, and attempts that are too many."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from console.access.authentication import (
    NAME_ALLOWANCE,
    OF_A_DEVICE,
    OF_A_NAME_AT_AN_ADDRESS,
    Authenticator,
    SignInRefused,
    TooManyAttempts,
    network_of,
)
from console.access.csrf import csrf_token
from core.errors import RefusedValue
from models.errors import Refused
from models.queries.accounts import account_changes, set_enabled, set_role
from models.queries.sign_in import ABSOLUTE_EXPIRY_SECONDS, IDLE_EXPIRY_SECONDS
from models.session import session_scope
from operations.accounts.accounts import new_password
from operations.accounts.passwords import check_password, hash_password, is_right
from operations.accounts.person import Role
from streams.settings import Settings
from tests.cheap_services import COSTLY, use_hashes
from tests.commands import Commands
from tests.console.api.server import PASSWORD, Api, new_user, served, sign_in, signed_in, status_of, until
from tests.installation import Surroundings


@pytest.fixture
def http(api_url: str) -> httpx.Client:
    return httpx.Client(base_url=api_url, timeout=60, limits=httpx.Limits(max_keepalive_connections=0))


def test_a_person_signs_in_and_is_sent_where_they_wanted_to_go(http: httpx.Client, surroundings: Surroundings) -> None:
    name = new_user(surroundings.settings)
    form = {"name": f" {name.upper()} ", "password": PASSWORD, "next": "/x?y=1"}
    answer = http.post("/sign-in", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/x?y=1")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("spendgate_session=")
    for mark in ("HttpOnly", "SameSite=lax", "Path=/", f"Max-Age={ABSOLUTE_EXPIRY_SECONDS}"):
        assert mark in cookie
    assert "Secure" not in cookie
    assert http.get("/").status_code == 200


def test_behind_tls_the_cookie_is_secure_and_bound_to_the_host(surroundings: Surroundings) -> None:
    name = new_user(surroundings.settings)
    with served(surroundings.settings, proxy_headers=True, forwarded_allow_ips="127.0.0.1") as url:
        until(lambda: status_of(url, "/health/ready") == 200)
        with httpx.Client(base_url=url, headers={"x-forwarded-proto": "https"}) as http:
            answer = sign_in(http, name)
    assert answer.headers["set-cookie"].startswith("__Host-spendgate_session=")
    assert "Secure" in answer.headers["set-cookie"]
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_a_wrong_password_a_wrong_name_and_a_disabled_user_are_told_the_same(
    http: httpx.Client, surroundings: Surroundings
) -> None:
    name, disabled = new_user(surroundings.settings), new_user(surroundings.settings)
    with session_scope(surroundings.settings.database) as session:
        set_enabled(session, disabled, False, actor="tests")
    with capture_logs() as logs:
        wrong = [sign_in(http, name, "wrong"), sign_in(http, "no-such-user"), sign_in(http, disabled)]
    told = [(it["event"], it["address"]) for it in logs if "address" in it]
    assert told == [("sign_in_refused", "127.0.0.1")] * 3
    assert not any(it in str(logs) for it in (name, "no-such-user", disabled))
    assert {answer.status_code for answer in wrong} == {401}
    pages = {answer.text.replace(name, "").replace("no-such-user", "").replace(disabled, "") for answer in wrong}
    assert len(pages) == 1
    assert "The name or the password is wrong." in pages.pop()
    assert all("set-cookie" not in answer.headers for answer in wrong)


def test_passwords_are_hashed_as_rfc_9106_wants_it(costly_hashes: None) -> None:
    assert hash_password(PASSWORD).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_a_user_who_is_not_there_takes_as_long_as_a_wrong_password(costly_hashes: None) -> None:
    password_hash = hash_password(PASSWORD)
    assert not is_right("wrong", None)  # makes the hash that nobody has
    known, unknown = (min(_seconds(hashed) for _ in range(5)) for hashed in (password_hash, None))
    assert abs(known - unknown) < 0.5 * max(known, unknown)


def test_however_many_try_at_once_no_more_than_allowed_are_tried(
    http: httpx.Client, surroundings: Surroundings
) -> None:
    name = new_user(surroundings.settings)
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: sign_in(http, name, "wrong").status_code, range(OF_A_NAME_AT_AN_ADDRESS.attempts + 6))
        )
    assert answers.count(401) == OF_A_NAME_AT_AN_ADDRESS.attempts
    assert answers.count(429) == 6
    refused = sign_in(http, name)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")

    other = new_user(surroundings.settings)
    assert sign_in(http, other).status_code == 303
    _age(surroundings, "UPDATE sign_in_allowance SET counted_at = counted_at - interval '61 s'")
    assert sign_in(http, name).status_code == 303


def test_an_address_has_its_own_allowance(surroundings: Surroundings, http: httpx.Client) -> None:
    _age(
        surroundings, "UPDATE sign_in_allowance SET attempts = 1, counted_at = clock_timestamp() WHERE key ~ '^address'"
    )
    assert sign_in(http, "somebody", "wrong").status_code == 401
    assert sign_in(http, "somebody-else", "wrong").status_code == 429
    _age(surroundings, "DELETE FROM sign_in_allowance")


def test_an_address_without_attempts_uses_up_those_of_no_name(surroundings: Surroundings, http: httpx.Client) -> None:
    sign_in(http, "somebody", "wrong")
    _age(surroundings, "DELETE FROM sign_in_allowance WHERE key ~ '^name'")
    _age(
        surroundings, "UPDATE sign_in_allowance SET attempts = 0, counted_at = clock_timestamp() WHERE key ~ '^address'"
    )
    assert sign_in(http, "anybody", "wrong").status_code == 429
    with session_scope(surroundings.settings.database) as session:
        names = session.scalars(text("SELECT key FROM sign_in_allowance WHERE key ~ '^name'")).all()
    _age(surroundings, "DELETE FROM sign_in_allowance")
    assert names == []


async def test_a_stranger_locks_nobody_out_elsewhere(surroundings: Surroundings) -> None:
    name, gate = new_user(surroundings.settings), Authenticator(surroundings.settings.database, lambda: None)
    for _ in range(OF_A_NAME_AT_AN_ADDRESS.attempts):
        with pytest.raises(SignInRefused):
            await gate.sign_in(name, "wrong", "203.0.113.7")
    with pytest.raises(TooManyAttempts):
        await gate.sign_in(name, PASSWORD, "203.0.113.7")
    assert (await gate.sign_in(name, PASSWORD, "203.0.113.8")).secret
    assert NAME_ALLOWANCE.seconds_each < OF_A_NAME_AT_AN_ADDRESS.seconds_each  # one address never uses up the name's
    _age(surroundings, "DELETE FROM sign_in_allowance")


async def test_a_browser_that_is_known_is_let_in_whatever_strangers_do(surroundings: Surroundings) -> None:
    name, gate = new_user(surroundings.settings), Authenticator(surroundings.settings.database, lambda: None)
    other = new_user(surroundings.settings)
    device = (await gate.sign_in(name, PASSWORD, "203.0.113.9")).device
    others = (await gate.sign_in(other, PASSWORD, "203.0.113.9")).device
    for address in ("203.0.113.9", "203.0.113.10"):
        with pytest.raises(SignInRefused):
            await gate.sign_in(name, "wrong", address)
    _age(surroundings, "UPDATE sign_in_allowance SET attempts = 0, counted_at = clock_timestamp()")
    for mark in (None, "", "x", ".", others, f"{device}0", device.upper(), "\ud800.\u00e9"):
        with pytest.raises(TooManyAttempts):
            await gate.sign_in(name, PASSWORD, "203.0.113.9", mark)
    assert (await gate.sign_in(name, PASSWORD, "203.0.113.9", device)).secret
    _age(surroundings, "DELETE FROM sign_in_allowance")


async def test_a_mark_of_a_browser_is_good_for_few_guesses_and_ends_with_the_password(
    surroundings: Surroundings,
) -> None:
    url = surroundings.settings.database
    name, gate = new_user(surroundings.settings), Authenticator(url, lambda: None)
    device = (await gate.sign_in(name, PASSWORD, "203.0.113.9")).device
    for _ in range(OF_A_DEVICE.attempts):
        with pytest.raises(SignInRefused):
            await gate.sign_in(name, "wrong", "203.0.113.9", device)
    with pytest.raises(TooManyAttempts):
        await gate.sign_in(name, PASSWORD, "203.0.113.9", device)
    new_password(url, name, f"{PASSWORD} 2", actor="tests")
    for _ in range(OF_A_NAME_AT_AN_ADDRESS.attempts):
        with pytest.raises(SignInRefused):
            await gate.sign_in(name, "wrong", "203.0.113.9", device)
    with pytest.raises(TooManyAttempts):
        await gate.sign_in(name, f"{PASSWORD} 2", "203.0.113.9", device)
    _age(surroundings, "DELETE FROM sign_in_allowance")


async def test_strangers_take_no_turn_of_known_browsers(
    surroundings: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many guess from however many addresses, their work is bounded and somebody known does not wait for it."""
    name, gate = new_user(surroundings.settings), Authenticator(surroundings.settings.database, lambda: None)
    device = (await gate.sign_in(name, PASSWORD, "203.0.113.9")).device
    working, most, go_on = 0, 0, threading.Event()

    def slow(password: str, password_hash: str | None) -> bool:
        nonlocal working, most
        if password != "wrong":
            return is_right(password, password_hash)
        working += 1
        most = max(most, working)
        go_on.wait(30)
        working -= 1
        return False

    monkeypatch.setattr("console.access.authentication.is_right", slow)
    guesses = [asyncio.create_task(gate.sign_in(f"n{it}", "wrong", f"203.0.113.{it}")) for it in range(60)]
    while sum(task.done() for task in guesses) < 60 - 2 - 16:
        await asyncio.sleep(0.01)
    assert (await gate.sign_in(name, PASSWORD, "203.0.113.9", device)).secret
    go_on.set()
    results = await asyncio.gather(*guesses, return_exceptions=True)
    assert most == 2
    assert [type(it) for it in results].count(TooManyAttempts) == 60 - 2 - 16
    _age(surroundings, "DELETE FROM sign_in_allowance")


def test_the_mark_of_a_browser_stays_when_its_user_signs_out(http: httpx.Client, surroundings: Surroundings) -> None:
    name = new_user(surroundings.settings)
    sign_in(http, name)
    mark = http.cookies["spendgate_device"]
    http.post("/sign-out", data={"csrf": csrf_token(http.cookies["spendgate_session"])})
    assert "spendgate_session" not in http.cookies
    assert http.cookies["spendgate_device"] == mark
    _age(surroundings, "UPDATE sign_in_allowance SET attempts = 0, counted_at = clock_timestamp()")
    assert sign_in(http, name).status_code == 303
    _age(surroundings, "DELETE FROM sign_in_allowance")


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_attempts_are_counted_by_what_one_subscriber_has(address: str, network: str) -> None:
    assert network_of(address) == network


def test_a_proxy_that_is_trusted_has_an_address() -> None:
    assert Settings(trusted_proxies="10.0.0.0/8, ::1").trusted_proxies
    for wrong in ("*", "10.0.0.1/8", "proxy.example"):
        with pytest.raises(RefusedValue, match="SPENDGATE_TRUSTED_PROXIES: Input should be addresses"):
            Settings(trusted_proxies=wrong)


def test_whatever_strangers_send_to_the_form_is_refused_and_no_defect(http: httpx.Client) -> None:
    assert sign_in(http, "a\0b").status_code == 401
    assert sign_in(http, "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "x\0y").status_code == 401
    assert sign_in(http, "a", headers={"origin": "http://[x"}).status_code == 403


def test_signing_out_ends_the_session_everywhere_or_here(surroundings: Surroundings, api_url: str) -> None:
    here = signed_in(surroundings.settings, api_url)
    there = Api(surroundings.settings, api_url, here.name)
    sign_in(there.http, here.name)
    stolen = dict(here.http.cookies)
    form = {"csrf": here.csrf_header()["x-csrf-token"]}
    assert here.http.post("/sign-out", data=form).headers["location"] == "/sign-in"
    assert httpx.get(f"{api_url}/", cookies=stolen).status_code == 303
    assert there.http.get("/").status_code == 200

    sign_in(here.http, here.name)
    form = {"csrf": here.csrf_header()["x-csrf-token"]}
    here.http.post("/sign-out-everywhere", data=form)
    assert there.http.get("/").status_code == 303


def test_nobody_is_signed_out_or_in_by_a_form_of_another_site(surroundings: Surroundings, api_url: str) -> None:
    person = signed_in(surroundings.settings, api_url)
    assert person.http.post("/sign-out", data={}).status_code == 403
    assert person.http.get("/").status_code == 200
    answer = sign_in(person.http, person.name, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403


def test_signing_in_gives_a_new_session_and_ends_the_old_one(surroundings: Surroundings, api_url: str) -> None:
    person = signed_in(surroundings.settings, api_url)
    before = dict(person.http.cookies)
    sign_in(person.http, person.name)
    assert dict(person.http.cookies) != before
    assert httpx.get(f"{api_url}/", cookies=before).status_code == 303


@pytest.mark.parametrize(
    "ageing",
    [
        f"seen_at = seen_at - interval '{IDLE_EXPIRY_SECONDS} s'",
        f"created_at = created_at - interval '{ABSOLUTE_EXPIRY_SECONDS} s'",
    ],
)
def test_a_session_ends_when_it_is_not_used_and_in_any_case(
    surroundings: Surroundings, api_url: str, ageing: str
) -> None:
    person = signed_in(surroundings.settings, api_url)
    assert person.http.get("/").status_code == 200
    _age(surroundings, f"UPDATE web_session SET {ageing} WHERE name = '{person.name}'")  # noqa: S608
    until(lambda: person.http.get("/").status_code == 303)


def test_a_new_password_and_a_disabled_user_end_all_sessions(
    surroundings: Surroundings, api_url: str, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = signed_in(surroundings.settings, api_url)
    _typed(monkeypatch, "another long password")
    assert "has a new password" in commands.done("user", "set-password", person.name)
    until(lambda: person.http.get("/").status_code == 303)
    assert sign_in(person.http, person.name).status_code == 401
    assert sign_in(person.http, person.name, "another long password").status_code == 303
    commands.done("user", "disable", person.name)
    until(lambda: person.http.get("/").status_code == 303)


def test_users_and_tokens_are_managed_on_the_command_line_and_every_change_is_kept(
    surroundings: Surroundings, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    _typed(monkeypatch, PASSWORD)
    assert commands.json("user", "add", "Anna@Example.com", "--role", "operator")["name"] == "anna@example.com"
    _typed(monkeypatch, PASSWORD)
    assert "already there" in commands.refused("user", "add", "anna@example.com")
    commands.done("user", "set-role", "anna@example.com", "viewer")
    listed = {it["name"]: it for it in commands.json("user", "list")}
    assert (listed["anna@example.com"]["role"], listed["anna@example.com"]["enabled"]) == ("viewer", True)
    commands.done("user", "disable", "anna@example.com")
    commands.done("user", "enable", "anna@example.com")
    made = commands.json("token", "create", "robot-cli", "--days", "1")
    assert made["token"].startswith("sg_")
    assert made["token"] not in str(commands.json("token", "list"))
    commands.done("token", "revoke", "robot-cli")
    assert commands.run("token", "revoke", "nobody").exit_code == 3
    assert "names are never used again" in commands.refused("token", "create", "robot-cli")
    with session_scope(surroundings.settings.database) as session:
        changes = [*account_changes(session, name="anna@example.com"), *account_changes(session, name="robot-cli")]
    observed = [(it.actor, it.kind, it.fields) for it in changes]
    assert observed == [
        ("cli:tester", "user", {"enabled": {"from": False, "to": True}}),
        ("cli:tester", "user", {"enabled": {"from": True, "to": False}}),
        ("cli:tester", "user", {"role": {"from": "operator", "to": "viewer"}}),
        ("cli:tester", "user", {"role": {"from": None, "to": "operator"}}),
        ("cli:tester", "token", {"revoked": {"from": False, "to": True}}),
        ("cli:tester", "token", {"role": {"from": None, "to": "viewer"}}),
    ]


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaaa", "anna-the-great1", "x" * 129])
def test_a_password_that_is_guessed_first_is_refused(password: str) -> None:
    with pytest.raises(RefusedValue, match="The password is refused"):
        check_password("anna-the-great", password)


def test_any_long_password_is_good(commands: Commands) -> None:
    for password in ("correct horse battery", "пароль из многих слов", "🦄" * 6 + "abcdefg"):
        assert check_password("anna", password) == password
        assert is_right(password, hash_password(password))


def test_the_last_admin_stays(migrated_url: str) -> None:
    from operations.accounts.accounts import add_first_admin

    admin = add_first_admin(migrated_url, actor="tests")
    assert admin and len(admin.password) == 20
    assert add_first_admin(migrated_url, actor="tests") is None
    for change in (
        lambda session: set_enabled(session, "admin", False, actor="tests"),
        lambda session: set_role(session, "admin", Role.VIEWER, actor="tests"),
    ):
        with pytest.raises(Refused, match="the only admin"), session_scope(migrated_url) as session:
            change(session)


def test_nothing_secret_is_in_the_tables(surroundings: Surroundings, api_url: str) -> None:
    person = signed_in(surroundings.settings, api_url)
    secret = person.http.cookies["spendgate_session"]
    with session_scope(surroundings.settings.database) as session:
        for table in ("account", "web_session", "access_token", "account_change", "sign_in_allowance"):
            rows = str(session.execute(text(f"SELECT * FROM {table}")).all())  # noqa: S608
            assert PASSWORD not in rows and secret not in rows


@pytest.fixture
def costly_hashes() -> Iterator[None]:
    """Those that people get."""
    with use_hashes(COSTLY):
        yield


def _seconds(password_hash: str | None) -> float:
    """Of processor time, so that other programs do not count; of all threads, because argon2 makes four of its own."""
    started_at = time.process_time()
    assert not is_right("wrong", password_hash)
    return time.process_time() - started_at


def _age(surroundings: Surroundings, statement: str) -> None:
    with session_scope(surroundings.settings.database) as session:
        session.execute(text(statement))


def _typed(monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
