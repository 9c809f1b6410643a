"""Runs work that reads much of a topic in a thread with an event loop of its own, so that no other request waits for a
step of it: the console's loop waits for the interpreter's lock at most, some milliseconds."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final, TypeVar

from console.server.sharing import HEAVY_AT_ONCE

__all__ = ["in_own_loop"]

_Result = TypeVar("_Result")

#: Of its own: a search of some seconds is to take no thread from SQL statements.
_executor: Final = ThreadPoolExecutor(HEAVY_AT_ONCE, "own_loop")


async def in_own_loop(work: Coroutine[Any, Any, _Result]) -> _Result:
    """The result of `work`, which must use nothing of the caller's event loop. When the caller is cancelled, so is the
    work, and the caller waits for its end."""
    loop = asyncio.get_running_loop()
    begun: asyncio.Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[_Result]]] = loop.create_future()

    async def run() -> _Result:
        task = asyncio.create_task(work)
        loop.call_soon_threadsafe(begun.set_result, (asyncio.get_running_loop(), task))
        return await task

    running = loop.run_in_executor(_executor, asyncio.run, run())
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        own_loop, task = await asyncio.shield(begun)
        with suppress(RuntimeError):  # its loop may have ended meanwhile
            own_loop.call_soon_threadsafe(task.cancel)
        await asyncio.gather(running, return_exceptions=True)
        raise
