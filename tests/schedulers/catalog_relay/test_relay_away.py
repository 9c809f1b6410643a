"""An edit while the broker or the database is away: kept, told within ten seconds, published later."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

import pytest

from core.errors import ConfigurationError, Unreachable
from local.kafka import LocalKafka
from models.queries.catalog_edits import add_brand
from models.session import engine_of, session_scope
from schedulers.catalog_relay.relay import publish_edit, run_relay
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.topics import make_topics


@pytest.fixture
def silent_address() -> Iterator[str]:
    """Takes connections and never says a word, as a frozen machine does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def refusing_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def edited(migrated_url: str) -> Iterator[Settings]:
    """Settings of a database in which an edit waits."""
    with session_scope(migrated_url) as session:
        add_brand(session, "nike", time_zone="UTC", currency="USD", actor="ann")
    yield Settings(database_url=migrated_url)
    engine_of(migrated_url).dispose()


@pytest.fixture
def with_broker(kafka: LocalKafka, topic_prefix: str, database_url: str) -> Settings:
    """Settings of a broker that is ready and a database without tables."""
    settings = Settings(brokers=kafka.brokers, topic_prefix=topic_prefix, database_url=database_url)
    asyncio.run(make_topics(settings, Topic.CATALOG))
    return settings


def test_a_broker_that_refuses_connections_is_told_and_the_edit_is_kept(
    edited: Settings, refusing_address: str
) -> None:
    observed = refused_within_ten_seconds(partial(publish_edit, edited.replace(brokers=refusing_address)))

    assert refusing_address in observed
    assert "The edit is kept and will be published as soon as broker and database are back." in observed


def test_a_broker_that_stays_silent_is_told_in_time(edited: Settings, silent_address: str) -> None:
    observed = refused_within_ten_seconds(partial(publish_edit, edited.replace(brokers=silent_address)))

    assert "The edit is kept" in observed


def test_a_database_that_is_away_is_told_in_time(
    with_broker: Settings, refusing_address: str, silent_address: str
) -> None:
    for address in (refusing_address, silent_address):
        url = f"postgresql://nobody@{address}/none"
        observed = refused_within_ten_seconds(partial(publish_edit, with_broker.replace(database_url=url)))

        assert "The database cannot be used" in observed
        assert "The edit is kept" in observed


def test_a_database_without_tables_is_told(with_broker: Settings) -> None:
    with pytest.raises(ConfigurationError, match="spendgate migrate"):
        publish_edit(with_broker)


async def test_a_running_relay_goes_on_waiting_and_ends_at_once_when_cancelled(
    edited: Settings, refusing_address: str
) -> None:
    running = asyncio.create_task(run_relay(edited.replace(brokers=refusing_address)))
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(running), 1.5)
    assert not running.done()
    cancelled_at = time.monotonic()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert time.monotonic() - cancelled_at < 2


def refused_within_ten_seconds(publish: Callable[[], None]) -> str:
    began_at = time.monotonic()
    with pytest.raises(Unreachable) as raised:
        publish()
    assert time.monotonic() - began_at < 10
    return str(raised.value)
