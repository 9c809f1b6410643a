"""Saying that something has not answered for long, while it is still waited for."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["SILENT_SECONDS", "when_silent"]

#: A server that is frozen, or whose disk is, keeps its connections and says nothing; nothing else would tell.
SILENT_SECONDS: Final = 10.0


@contextmanager
def when_silent(tell: Callable[[], None], seconds: float | None = None) -> Iterator[None]:
    """`tell` is called once when what is awaited inside takes longer; it goes on all the same."""
    later = asyncio.get_running_loop().call_later(SILENT_SECONDS if seconds is None else seconds, tell)
    try:
        yield
    finally:
        later.cancel()
