"""Lets aiokafka close a consumer whose fetch has just failed.

After a failed fetch the client waits before the next one. Closing cancels that wait, and the CancelledError that comes
of it is raised in the task that closes: it ended that task as if somebody had cancelled it, without a line in the log.
"""

import asyncio
from typing import Final

from aiokafka.consumer.fetcher import Fetcher

__all__ = ["install"]

_close: Final = Fetcher.close


def install() -> None:
    """Replace the method for every consumer of this process, existing ones too; a second call changes nothing."""
    Fetcher.close = _close_quietly


async def _close_quietly(fetcher: Fetcher) -> None:
    fetcher._closed = True
    fetcher._fetch_task.cancel()  # it would add fetches
    await asyncio.gather(fetcher._fetch_task, return_exceptions=True)
    fetches = list(fetcher._pending_tasks)
    fetcher._pending_tasks.clear()
    for fetch in fetches:
        fetch.cancel()
    await asyncio.gather(*fetches, return_exceptions=True)
    await _close(fetcher)
