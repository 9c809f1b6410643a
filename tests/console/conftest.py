"""One server for all tests of the API, beside a real worker; each test uses brands and users of its own."""

from collections.abc import Iterator
from http import HTTPStatus

import pytest

from models import privileges
from operations.accounts.person import Role
from tests.console.api.server import Api, program, served, status_of, until
from tests.database_roles import as_role
from tests.installation import Surroundings
from tests.streams.worker_process import WorkerProcess


@pytest.fixture(scope="session")
def api_url(surroundings: Surroundings, worker: WorkerProcess) -> Iterator[str]:
    with served(as_role(surroundings.settings, privileges.DatabaseRole.API)) as url:
        until(lambda: status_of(url, "/health/ready") == HTTPStatus.OK)
        yield url


@pytest.fixture(scope="session")
def api(surroundings: Surroundings, api_url: str) -> Api:
    """A program that may do everything."""
    return program(surroundings.settings, api_url, Role.ADMIN)


@pytest.fixture(scope="session")
def viewer_api(surroundings: Surroundings, api_url: str) -> Api:
    """A program that may look."""
    return program(surroundings.settings, api_url, Role.VIEWER)
