"""Roles in PostgreSQL with what `spendgate database roles` grants, for processes that tests run."""

from contextlib import closing
from urllib.parse import urlsplit

import psycopg2
from psycopg2.extensions import parse_dsn

from models.privileges import DatabaseRole, public_statements, statements
from streams.settings import Settings

__all__ = ["as_role", "made_role", "set_passwords", "url_of_role"]

_PASSWORD = "of a role"


def made_role(url: str, role: DatabaseRole, name: str) -> str:
    """Make it, or give an existing one what this release grants; `url` is the owner's. Returns the URL of the role."""
    database = parse_dsn(url)["dbname"]
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        for statement in (*public_statements(database), *statements(role, name, database)):
            cursor.execute(statement)
    set_passwords(url, name)
    return url_of_role(url, name)


def set_passwords(url: str, *names: str) -> None:
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        for name in names:
            cursor.execute(f"ALTER ROLE \"{name}\" PASSWORD '{_PASSWORD}'")


def url_of_role(url: str, name: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{name}:{_PASSWORD.replace(' ', '%20')}@{host}").geturl()


def as_role(settings: Settings, role: DatabaseRole) -> Settings:
    """The same for a process that connects by a role of its own. The server is that of the tests alone, so nobody
    needs to drop it."""
    url = settings.database
    made = made_role(url, role, f"{parse_dsn(url)['dbname']}_{role}")
    return settings.replace(database_url=made)
