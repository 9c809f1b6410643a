"""Runs the work of a process until a signal ends it."""

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

__all__ = ["run_until_signal"]


async def run_until_signal(work: Coroutine[Any, Any, None]) -> None:
    """Run it to its end, or until SIGTERM or SIGINT cancels it; what it raises is raised."""
    task = asyncio.create_task(work)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        await task
