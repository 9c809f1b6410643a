"""A database with today's tables."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from models.migrations import migrate
from models.session import engine_of


@pytest.fixture
def url(database_url: str) -> Iterator[str]:
    migrate.upgrade(database_url)
    yield database_url
    engine_of(database_url).dispose()


@pytest.fixture
def engine(url: str) -> Engine:
    return engine_of(url)
