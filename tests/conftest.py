"""Real services for tests: one Kafka and one PostgreSQL a session, started when the first test asks for them."""

import secrets
from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest

from console.local.kafka import LocalKafka
from console.local.postgres import LocalPostgres


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
