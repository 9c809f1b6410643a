"""Reports that an answer takes long, while it is still awaited."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["SILENT_SECONDS", "when_silent"]

#: A frozen server keeps its connections open and does not answer: nothing else would report it.
SILENT_SECONDS: Final = 10.0


@contextmanager
def when_silent(report: Callable[[], None], seconds: float | None = None) -> Iterator[None]:
    """Call `report` once when the body takes longer than `seconds`, and go on waiting."""
    later = asyncio.get_running_loop().call_later(SILENT_SECONDS if seconds is None else seconds, report)
    try:
        yield
    finally:
        later.cancel()
