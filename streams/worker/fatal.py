"""Ends a worker whose state is unknown, with the exit code on which a supervisor starts it again."""

import os
from collections.abc import Coroutine
from typing import Any, Final, NoReturn

import structlog

from core.errors import ExitCode, SpendgateError
from streams.kafka.failures import reason
from streams.settings import Settings

__all__ = ["EXIT_CODE", "end_process", "or_end_process"]

log = structlog.get_logger()

#: A worker that ends itself, whose state a restart restores.
EXIT_CODE: Final = int(ExitCode.RESTART)


def end_process(why: str) -> NoReturn:
    """End the process at once, without flushing or committing; a restart continues from the last transaction."""
    log.critical("worker_ends_itself", why=why, exit_code=EXIT_CODE)
    os._exit(EXIT_CODE)


async def or_end_process(work: Coroutine[Any, Any, None], settings: Settings) -> None:
    """Await `work`; an exception ends the process, because Faust would continue as if nothing had happened."""
    try:
        await work
    except Exception as error:
        if not isinstance(error, SpendgateError):  # whose sentence says all
            log.exception("unexpected_error")
        end_process(reason(error, settings))
