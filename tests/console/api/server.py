"""The real server on a port of its own, in a thread of the test's process, and clients that ask it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from itertools import count
from typing import Any

import httpx
import uvicorn

from console.access.csrf import csrf_token
from console.app import create_app
from local.ports import HOST, choose_port
from operations.accounts.accounts import add_user, create_token
from operations.accounts.person import Role
from streams.settings import Settings

PATIENCE_SECONDS = 30
PASSWORD = "correct horse battery"
_numbers = count(1)


@contextmanager
def served(settings: Settings, **options: Any) -> Iterator[str]:
    """The address; what it answers from may not be there yet."""
    port = choose_port(0, "api")
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(settings),
            host=HOST,
            port=port,
            log_config=None,
            access_log=False,
            server_header=False,
            **options,
        )
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        url = f"http://{HOST}:{port}"
        until(lambda: server.started)
        yield url
    finally:
        server.should_exit = True
        thread.join()


def until(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def status_of(url: str, path: str) -> int:
    return httpx.get(url + path, timeout=20).status_code


class Api:
    """Asks with a token, or with the cookie of who has signed in."""

    def __init__(self, settings: Settings, url: str, name: str = "", **options: Any) -> None:
        self.settings = settings
        self.name = name
        self.url = url
        # No connection outlives its answer, so that a session of tests does not collect them.
        limits = httpx.Limits(max_keepalive_connections=0)
        self.http = httpx.Client(base_url=url, timeout=30, limits=limits, **options)

    def ok(self, method: str, path: str, status: int = HTTPStatus.OK, **options: Any) -> Any:
        """The document of an answer that must be good."""
        answer = self.http.request(method, path, **options)
        assert answer.status_code == status, answer.text
        return answer.json()

    def get(self, path: str, **query: Any) -> Any:
        return self.ok("GET", f"/api/v1{path}", params=query)

    def problem(self, method: str, path: str, status: int, **options: Any) -> Any:
        """The problem document of an answer that must be a refusal."""
        answer = self.http.request(method, path, **options)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        document = answer.json()
        assert document["status"] == status
        assert document["title"] and document["detail"]
        return document

    def brand(self, **fields: Any) -> str:
        """The id of a new brand."""
        body = {"brand_id": f"api-brand-{next(_numbers)}", "currency": "USD", "time_zone": "UTC", **fields}
        self.ok("POST", "/api/v1/brands", HTTPStatus.CREATED, json=body)
        return str(body["brand_id"])

    def campaign(self, brand_id: str, **fields: Any) -> str:
        campaign_id = f"{brand_id}.{next(_numbers)}"
        body = {"campaign_id": campaign_id, "brand_id": brand_id, **fields}
        self.ok("POST", "/api/v1/campaigns", HTTPStatus.CREATED, json=body)
        return campaign_id

    def csrf_header(self) -> dict[str, str]:
        """The header by which a script of our own page shows that it is one."""
        return {"x-csrf-token": csrf_token(self.http.cookies["spendgate_session"])}

    def until_status(self, path: str, status: int) -> None:
        until(lambda: self.http.get(path).status_code == status)

    def held(self, path: str, condition: Callable[[Any], bool], **query: Any) -> Any:
        """What the controller holds once it fits."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition(found := self.get(path, **query)):
            assert time.monotonic() < deadline, found
            time.sleep(0.02)
        return found


def program(settings: Settings, url: str, role: Role, days: int = 1) -> Api:
    name = f"{role}-{next(_numbers)}"
    _, secret = create_token(settings.database, name, role, days, actor="tests")
    return Api(settings, url, name, headers={"authorization": f"Bearer {secret}"})


def new_user(settings: Settings, role: Role = Role.VIEWER, password: str = PASSWORD) -> str:
    name = f"user-{next(_numbers)}"
    add_user(settings.database, name, role, password, actor="tests")
    return name


def signed_in(settings: Settings, url: str, role: Role = Role.VIEWER) -> Api:
    """A browser of a new user."""
    browser = Api(settings, url, new_user(settings, role))
    answer = sign_in(browser.http, browser.name)
    assert answer.status_code == HTTPStatus.SEE_OTHER, answer.text
    return browser


def sign_in(http: httpx.Client, name: str, password: str = PASSWORD, **options: Any) -> httpx.Response:
    return http.post("/sign-in", data={"name": name, "password": password}, **options)
