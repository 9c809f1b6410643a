"""Engines and sessions for libpq URLs."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from models.connection import connect
from models.errors import StaleEdit, explained

__all__ = ["engine_of", "session_scope"]


@contextmanager
def session_scope(url: str) -> Iterator[Session]:
    """A session with one transaction, committed at the end and rolled back after an exception. Objects stay
    readable."""
    try:
        with Session(engine_of(url), expire_on_commit=False) as session, session.begin():
            yield session
    except StaleDataError as error:
        raise StaleEdit() from error
    except DBAPIError as error:
        raise explained(error) from error


@lru_cache(maxsize=8)
def engine_of(url: str) -> Engine:
    """The engine of a URL, one for each. libpq reads the URL: several hosts, sockets, sslmode and service files
    work."""
    return create_engine("postgresql+psycopg2://", creator=lambda: connect(url), pool_pre_ping=True)
