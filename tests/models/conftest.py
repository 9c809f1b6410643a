"""A database with today's tables."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from models.session import engine_of


@pytest.fixture
def url(migrated_url: str) -> Iterator[str]:
    yield migrated_url
    engine_of(migrated_url).dispose()


@pytest.fixture
def engine(url: str) -> Engine:
    return engine_of(url)
