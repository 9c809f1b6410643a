"""Real services for tests: one Kafka and one PostgreSQL a session, started when the first test asks for them."""

import secrets
from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest

from console.local.kafka import LocalKafka
from console.local.postgres import LocalPostgres

#: Drawn examples have to come from nothing but their seed. Clients that live as long as the session, such as those of
#: the console's server, draw from the same `random` in their threads.
_BEFORE_ANY_SERVICE = ("tests/core/", "tests/simulation/", "tests/schedulers/test_ticks_due.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Drawn examples first; they also fail soonest."""
    items.sort(key=lambda item: not item.nodeid.startswith(_BEFORE_ANY_SERVICE))


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    service = LocalKafka(tmp_path_factory.mktemp("kafka"))
    service.start()
    yield service
    service.stop()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPostgres]:
    service = LocalPostgres(tmp_path_factory.mktemp("postgres"))
    service.start()
    yield service
    service.stop()


@pytest.fixture
def topic_prefix() -> str:
    """Goes before every topic name, so that tests share a broker without seeing each other."""
    return f"t{secrets.token_hex(4)}-"


@pytest.fixture
def database_url(postgres: LocalPostgres) -> Iterator[str]:
    """A fresh, empty database, dropped afterwards."""
    name = f"test_{secrets.token_hex(6)}"
    _execute(postgres, f"CREATE DATABASE {name}")
    yield postgres.url_of(name)
    _execute(postgres, f"DROP DATABASE {name} WITH (FORCE)")


def _execute(postgres: LocalPostgres, statement: str) -> None:
    with closing(psycopg2.connect(postgres.url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
