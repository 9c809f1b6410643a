"""A console that serves, for forms that are sent to it and for browsers; each test uses brands of its own."""

import asyncio
import re
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest
import uvicorn

from console.app import create_app
from models import privileges
from operations.accounts.accounts import add_user
from operations.accounts.person import Role
from streams.settings import Settings
from tests.database_roles import as_role
from tests.installation import Surroundings
from tests.ledger.ingest.test_ledger_process import LedgerProcess

PASSWORD = "a long enough secret 7"


@dataclass
class FormClient:
    """Somebody with a browser, as far as forms go: follows no redirects, so that each answer is seen."""

    client: httpx.Client
    settings: Settings
    name: str
    _csrf_token: str = field(default="", repr=False)

    def get(self, path: str, **query: str) -> httpx.Response:
        return self.client.get(path, params=query or None)

    def page(self, path: str, **query: str) -> str:
        response = self.get(path, **query)
        assert response.status_code == 200, (path, response.status_code, response.text[:500])
        return response.text

    def post(self, path: str, data: dict[str, str | list[str]], *, csrf_token: str | None = None) -> httpx.Response:
        return self.client.post(path, data={"csrf": self.csrf_token if csrf_token is None else csrf_token, **data})

    @property
    def csrf_token(self) -> str:
        if not self._csrf_token:
            found = re.search(r'name="csrf" value="([0-9a-f]+)"', self.page("/brands"))
            assert found
            self._csrf_token = found[1]
        return self._csrf_token

    def inputs(self, path: str) -> dict[str, str]:
        """What a form of the page would send if nothing were typed into it: inputs with a name and a value."""
        text = self.page(path)
        pairs = re.findall(r'<input[^>]*?name="([^"]+)"[^>]*?value="([^"]*)"', text)
        return {name: value for name, value in pairs if name not in ("csrf", "confirmed_time_zone", "paused")}

    def brand(self, **values: str) -> str:
        brand_id = f"w-{secrets.token_hex(4)}"
        blank = {"name": "", "time_zone": "Europe/Berlin", "currency": "EUR", "daily_budget": "", "monthly_budget": ""}
        blank |= dict.fromkeys(("alert_percents", "silent_after_minutes", "pacing", "budget_overrides"), "")
        added = self.post("/new/brand", {"brand_id": brand_id, **blank, **values})
        assert added.status_code == 303, added.text
        return brand_id

    def campaign(self, brand_id: str, **values: str) -> str:
        campaign_id = f"{brand_id}.{secrets.token_hex(2)}"
        names = ("name", "external_id", "daily_budget", "total_budget", "budget_overrides", "starts_on", "ends_on")
        sent = {"campaign_id": campaign_id, "brand_id": brand_id, **dict.fromkeys(names, ""), **values}
        added = self.post("/new/campaign", sent)
        assert added.status_code == 303, added.text
        return campaign_id

    def campaigns(self, brand_id: str, count: int) -> None:
        """At once, as a file; their ids end in numbers from 0 on."""
        form = {"format": "csv", "note": "", "next": "/campaigns", "rows": campaign_rows(brand_id, count)}
        applied = self.post("/catalog-file/apply", form)
        assert applied.status_code == 303, applied.text


def campaign_rows(brand_id: str, count: int) -> str:
    """A catalog file of new campaigns."""
    rows = [f"{brand_id},{brand_id}.{number},Campaign {number},100.00" for number in range(count)]
    return "\n".join(["brand_id,campaign_id,name,daily_budget", *rows])


@pytest.fixture(scope="session")
def console_address(surroundings: Surroundings) -> Iterator[str]:
    """Of a server in a thread of its own."""
    settings = as_role(surroundings.settings, privileges.DatabaseRole.API).replace(spend_form=True)
    config = uvicorn.Config(create_app(settings), port=0, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.02)
    address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    while httpx.get(f"{address}/health/ready").status_code != 200:
        time.sleep(0.05)
    yield address
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="session")
def people(surroundings: Surroundings) -> dict[Role, str]:
    """A user of each role, all with the same password."""
    names = {role: f"{role}-{secrets.token_hex(3)}" for role in Role}
    for role, name in names.items():
        add_user(surroundings.settings.database, name, role, PASSWORD, actor="tests")
    return names


def _signed_in(address: str, settings: Settings, name: str) -> Iterator[FormClient]:
    # Connections are given up before the server does it, which would meet a request on its way.
    with httpx.Client(base_url=address, timeout=20, limits=httpx.Limits(keepalive_expiry=1)) as client:
        response = client.post("/sign-in", data={"name": name, "password": PASSWORD})
        assert response.status_code == 303, response.text
        yield FormClient(client, settings, name)


@pytest.fixture(scope="session")
def operator(console_address: str, surroundings: Surroundings, people: dict[Role, str]) -> Iterator[FormClient]:
    yield from _signed_in(console_address, surroundings.settings, people[Role.OPERATOR])


@pytest.fixture(scope="session")
def viewer(console_address: str, surroundings: Surroundings, people: dict[Role, str]) -> Iterator[FormClient]:
    yield from _signed_in(console_address, surroundings.settings, people[Role.VIEWER])


@pytest.fixture(scope="session")
def admin(console_address: str, surroundings: Surroundings, people: dict[Role, str]) -> Iterator[FormClient]:
    yield from _signed_in(console_address, surroundings.settings, people[Role.ADMIN])


@pytest.fixture(scope="session")
def ledger(surroundings: Surroundings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LedgerProcess]:
    process = LedgerProcess(surroundings.settings, tmp_path_factory.mktemp("ledger") / "ledger.log")
    try:
        asyncio.run(process.until_ready())
        yield process
    finally:
        process.kill()
