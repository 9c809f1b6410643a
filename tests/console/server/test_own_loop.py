"""Work in an event loop of its own holds up nothing of the caller's."""

import asyncio
import threading

import pytest

from console.server.own_loop import in_own_loop
from core.errors import NotFound


async def test_the_caller_goes_on_while_a_step_of_the_work_lasts() -> None:
    go = threading.Event()

    async def work() -> bool:
        return go.wait(30)  # blocks its loop, as decoding records does

    async def caller() -> None:
        await asyncio.sleep(0)
        go.set()

    worked, _ = await asyncio.gather(in_own_loop(work()), caller())
    assert worked


async def test_an_error_of_the_work_is_the_callers() -> None:
    async def work() -> None:
        await asyncio.sleep(0)
        raise NotFound("There is none.")

    with pytest.raises(NotFound, match="There is none"):
        await in_own_loop(work())


async def test_a_caller_who_is_cancelled_ends_the_work_and_waits_for_its_end() -> None:
    begun, ended = threading.Event(), threading.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)  # as a client does that closes its connections
            ended.set()

    asked = asyncio.create_task(in_own_loop(work()))
    assert await asyncio.to_thread(begun.wait, 30)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert ended.is_set()
