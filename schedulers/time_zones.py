"""Reads the time zones in use, for which resets are sent."""

import asyncio
from collections.abc import Collection
from typing import Protocol

from models.queries.catalog import zones_in_use
from models.session import session_scope
from streams.settings import Settings

__all__ = ["TimeZonesInUse", "of_database"]


class TimeZonesInUse(Protocol):
    """Returns the time zones of all brands; called repeatedly. Raises SpendgateError or ModelError when they cannot be
    read now."""

    async def __call__(self) -> Collection[str]: ...


def of_database(settings: Settings) -> TimeZonesInUse:
    """The zones of all brands."""

    def read() -> Collection[str]:
        with session_scope(settings.database) as session:
            return zones_in_use(session)

    async def ask() -> Collection[str]:
        return await asyncio.to_thread(read)

    return ask
