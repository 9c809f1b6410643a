"""What the ledger has in PostgreSQL, asked without the product's code."""

import asyncio
from typing import Final

import psycopg2

from streams.settings import Settings

__all__ = ["until_rows"]

PATIENCE_SECONDS: Final = 240


async def until_rows(settings: Settings, query: str, wanted: dict[str, int]) -> None:
    """Wait until the rows of the query, a key and a number each, are these. Raises AssertionError where they are not in
    time."""
    found: dict[str, int] = {}
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (found := await asyncio.to_thread(_rows, settings, query)) != wanted:
                await asyncio.sleep(0.2)
    except TimeoutError:
        assert found == wanted


def _rows(settings: Settings, query: str) -> dict[str, int]:
    connection = psycopg2.connect(settings.database)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(query)
            return dict(cursor.fetchall())
    finally:
        connection.close()
