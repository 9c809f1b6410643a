"""The time zones in use: those whose midnights are told."""

import asyncio
from collections.abc import Collection
from typing import Protocol

from models.catalog_reads import zones_in_use
from models.session import session_scope
from streams.settings import Settings

__all__ = ["TimeZonesInUse", "of_database"]


class TimeZonesInUse(Protocol):
    """Asked again and again; raises SpendgateError or ModelError where it cannot tell now."""

    async def __call__(self) -> Collection[str]: ...


def of_database(settings: Settings) -> TimeZonesInUse:
    """The zones of all brands."""

    def read() -> Collection[str]:
        with session_scope(settings.database) as session:
            return zones_in_use(session)

    async def ask() -> Collection[str]:
        return await asyncio.to_thread(read)

    return ask
