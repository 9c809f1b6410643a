"""A log for what commands import: structlog, which takes a tenth of the CPU of a short command to import, is imported
when there is something to say."""

import sys
from collections.abc import Callable
from typing import Any, Final

__all__ = ["before_logging", "log"]

_waiting: Final[list[Callable[[], None]]] = []


def before_logging(configure: Callable[[], None]) -> None:
    """Call `configure`, which configures structlog, before anything is logged: now where structlog is imported."""
    if "structlog" in sys.modules:
        configure()
    else:
        _waiting.append(configure)


class _LazyLog:
    """Logs as the result of `structlog.get_logger()` does."""

    def __getattr__(self, name: str) -> Any:
        import structlog

        while _waiting:
            _waiting.pop()()
        return getattr(structlog.get_logger(), name)


log: Final[Any] = _LazyLog()
