"""A connection is opened again whatever ends it, and not once nobody wants it any more."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest

from core.errors import Unreachable
from streams import reconnecting
from streams.reconnecting import Reconnecting

PATIENCE_SECONDS: Final = 10


class Connected:
    def is_fresh(self) -> bool:
        return True

    async def failed(self) -> None:
        await asyncio.Event().wait()


def _given_up() -> asyncio.Future[None]:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.cancel()
    return future


async def test_a_client_that_passes_on_a_wait_of_its_own_that_was_cancelled_is_opened_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconnecting, "FIRST_PAUSE_SECONDS", 0.01)
    opened = 0

    @asynccontextmanager
    async def make() -> AsyncIterator[Connected]:
        nonlocal opened
        opened += 1
        if opened == 1:
            await _given_up()
        yield Connected()

    async with Reconnecting("client", Unreachable, make) as connection, asyncio.timeout(PATIENCE_SECONDS):
        while not connection.is_ready():
            await asyncio.sleep(0.01)
    assert opened == 2
    assert not connection.is_ready()
