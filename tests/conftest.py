"""Real services for tests: one Kafka and one PostgreSQL a run, started when a test asks for them."""

import gc
import logging
import os
import secrets
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import hypothesis
import pytest
import structlog

from local.kafka import LocalKafka
from local.postgres import LocalPostgres
from tests.cheap_services import (
    create_database,
    drop_database,
    temporary_root,
    use_cheap_services,
    use_hashes,
)
from tests.distribution import Distribution, turn_of
from tests.entries import ManyEntries, TokenServer
from tests.lengths import WHOLE, length
from tests.shared_services import SharedServices, note_users, service, use_shared_services

#: The migrated installation with a worker that tests of operations, cli and console share.
pytest_plugins = ["tests.installation"]

# How long an example takes, or takes to draw, on a machine that others use too says nothing of the code.
_USUAL = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("spendgate", **_USUAL, max_examples=length(25, 100))
#: For `make mutants`: a mutant that lives is to be one that no example shows.
hypothesis.settings.register_profile("mutants", **_USUAL, max_examples=100)
hypothesis.settings.load_profile("spendgate")

#: Fixtures that are services, and the classes of which a test makes its own.
_SERVICES = {"kafka", "secured_kafka", "postgres", "LocalKafka", "LocalPostgres"}
#: Tests that start services of their own, without a fixture of this file.
_STARTERS = ("tests/local/", "tests/cli/test_up.py", "tests/faults/")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--leaks", action="store_true", help="look for what is left open after each test, not each file")


def pytest_configure(config: pytest.Config) -> None:
    """The controlling process of a run with pytest-xdist starts what the others share."""
    use_cheap_services()
    if root := temporary_root():
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(root))  # read when the first folder is made
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        services = SharedServices()
        config.pluginmanager.register(services)
        config.pluginmanager.register(Distribution(services))
    use_shared_services(config)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """What is imported is there until the end, so the garbage collector need not look at it after each file."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        # At Python's usual pace garbage is looked for every 700 objects, and 8 % of the CPU of tests goes there.
        gc.set_threshold(50_000, 20, 20)
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Drawn examples first, then what else needs no service: it fails soonest. Examples have to come from nothing but
    their seed, and servers in a thread of the process, which live as long as the session, draw from the same `random`.
    Of the rest the longest files come first, of those without services too: they are what `make test-fast` runs.
    """
    for item in items:
        if _needs_services(item):
            item.add_marker("services")
        if _is_drawn(item) or item.get_closest_marker("long_only"):
            item.add_marker("long")
    if not WHOLE:
        left_out = [item for item in items if item.get_closest_marker("long_only")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("long_only")]
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> tuple[int, ...]:
    services = item.get_closest_marker("services") is not None
    if _is_drawn(item) and not services:
        return (0,)
    return (1, services, turn_of(item.nodeid))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Without what `-m` or `-k` has left out, and before the controlling process hears of the end."""
    note_users(session.config, [(item.nodeid, _fixtures(item)) for item in session.items])


def _is_drawn(item: pytest.Item) -> bool:
    return bool(getattr(getattr(item, "obj", None), "is_hypothesis_test", False))


def _needs_services(item: pytest.Item) -> bool:
    names = _fixtures(item) | set(vars(getattr(item, "module", item)))
    return bool(names & _SERVICES) or item.nodeid.startswith(_STARTERS)


def _fixtures(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ()))


@pytest.fixture(autouse=True, scope="module")
def _nothing_left_open() -> Iterator[None]:
    """What a file's tests have left open fails the last of them, and not some test of another file later. Which test
    it is, and where it opened it, tells `PYTHONTRACEMALLOC=20 pytest --leaks FILE`.
    """
    yield
    gc.collect()
    # What is left lives as long as the process: looked at again after each file it would hold up the servers in threads
    # of the process, for a second or two where eight of them share two cores.
    gc.freeze()


@pytest.fixture(autouse=True)
def _nothing_left_open_by_a_test(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if request.config.getoption("leaks"):
        gc.collect()


@pytest.fixture(autouse=True, scope="session")
def _cheap_hashes() -> Iterator[None]:
    with use_hashes():
        yield


@pytest.fixture(autouse=True)
def _usual_logs() -> Iterator[None]:
    """A command that ran in the process before has set up logs in its own way, and for libraries with a stream that is
    closed after its test. A traceback with the values of all variables takes seconds, in which a server of this process
    would answer nobody."""
    before = logging.getLogger().handlers[:]
    structlog.reset_defaults()
    renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], renderer])
    yield
    for handler in set(logging.getLogger().handlers).difference(before):
        logging.getLogger().removeHandler(handler)


@pytest.fixture(scope="session")
def kafka(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    with service(LocalKafka, pytestconfig, tmp_path_factory.mktemp("kafka")) as running:
        yield running


@pytest.fixture(scope="session")
def secured_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManyEntries]:
    """TLS, every way in, and rights: its own user may do everything, whoever is made beside it nothing."""
    tokens = TokenServer()
    service = ManyEntries(tmp_path_factory.mktemp("secured-kafka"), tokens)
    with tokens.running():
        service.start()
        yield service
        service.stop()


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPostgres]:
    with service(LocalPostgres, pytestconfig, tmp_path_factory.mktemp("postgres")) as running:
        yield running


@pytest.fixture
def topic_prefix() -> str:
    """Goes before every topic name, so that tests share a broker without seeing each other."""
    return f"t{secrets.token_hex(4)}-"


@pytest.fixture
def database_url(postgres: LocalPostgres) -> Iterator[str]:
    """A fresh, empty database, dropped afterwards."""
    with _database(postgres) as url:
        yield url


@pytest.fixture
def migrated_url(postgres: LocalPostgres) -> Iterator[str]:
    """A fresh database with today's tables, dropped afterwards."""
    with _database(postgres, migrated=True) as url:
        yield url


@contextmanager
def _database(postgres: LocalPostgres, *, migrated: bool = False) -> Iterator[str]:
    name = f"test_{secrets.token_hex(6)}"
    create_database(postgres, name, migrated=migrated)
    yield postgres.url_of(name)
    drop_database(postgres, name)
