"""A migrated database, topics and a worker for all tests of commands; each test uses brands of its own."""

import asyncio
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Final

import pytest

from local.kafka import LocalKafka
from local.postgres import LocalPostgres
from models.session import engine_of
from streams.kafka.provision import create_topics
from streams.settings import Settings
from tests.cheap_services import create_database
from tests.commands import Commands
from tests.streams.worker_process import WorkerProcess

#: Fixtures of a session that cost CPU while they wait: an installation (worker, ledger, console), and a broker.
_IDLE: Final = frozenset({"surroundings", "secured_kafka"})
#: How to end those of this process.
_ENDS: Final = pytest.StashKey[dict[str, Callable[[], None]]]()


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest) -> None:
    if fixturedef.argname in _IDLE:
        ends = request.config.stash.setdefault(_ENDS, {})
        ends[fixturedef.argname] = partial(fixturedef.finish, request)  # type: ignore[arg-type]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """End each, with all that depends on it, before the first file that does without. With pytest-xdist a process that
    has one goes on to such files when no other is left (tests/distribution.py)."""
    ends = item.config.stash.get(_ENDS, {})
    if hasattr(item.config, "workerinput"):
        for name in [it for it in ends if item.path not in _users(item.session, it)]:
            ends.pop(name)()


@cache
def _users(session: pytest.Session, fixture: str) -> frozenset[Path]:
    return frozenset(it.path for it in session.items if fixture in getattr(it, "fixturenames", ()))


@dataclass(frozen=True)
class Surroundings:
    settings: Settings
    environment: dict[str, str]


@pytest.fixture(scope="session")
def surroundings(
    kafka: LocalKafka, postgres: LocalPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Surroundings]:
    name = f"console_{secrets.token_hex(6)}"
    create_database(postgres, name, migrated=True)
    environment = {
        "SPENDGATE_BROKERS": kafka.brokers,
        "SPENDGATE_DATABASE_URL": postgres.url_of(name),
        "SPENDGATE_TOPIC_PREFIX": f"{name}-",
        "SPENDGATE_PARTITIONS": "2",
        "SPENDGATE_DATA_DIR": str(tmp_path_factory.mktemp("data")),
    }
    settings = Settings(
        brokers=kafka.brokers,
        database_url=postgres.url_of(name),
        topic_prefix=f"{name}-",
        partitions=2,
    )
    asyncio.run(create_topics(settings))
    yield Surroundings(settings, environment)
    engine_of(settings.database).dispose()


@pytest.fixture
def commands(
    surroundings: Surroundings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Commands:
    """Commands of a Spendgate whose worker may or may not run."""
    for name, value in surroundings.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SPENDGATE_ACTOR", "tester")
    return Commands(capsys)


@pytest.fixture(scope="session")
def worker(surroundings: Surroundings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    process = WorkerProcess(surroundings.settings, Path(tmp_path_factory.mktemp("worker")) / "worker.log")
    asyncio.run(process.started())
    yield process
    process.kill()
