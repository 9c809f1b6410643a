"""Runs the work of a process until a signal ends it."""

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

__all__ = ["run_until_signal"]

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


async def run_until_signal(work: Coroutine[Any, Any, None]) -> None:
    """Run the work to its end, or until SIGTERM or SIGINT cancels it. Raises what the work raises."""
    task, loop = asyncio.create_task(work), asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, task.cancel)
    try:
        with suppress(asyncio.CancelledError):
            await task
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
