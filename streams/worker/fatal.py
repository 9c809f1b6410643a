"""Ends a worker that must not go on, with an exit code that says why."""

import os
from collections.abc import Coroutine
from typing import Any, Final, NoReturn

import structlog

from core.errors import ExitCode, SpendgateError
from streams.kafka.failures import is_not_allowed, reason
from streams.settings import Settings

__all__ = ["EXIT_CODE", "end_process", "end_process_over", "or_end_process"]

log = structlog.get_logger()

#: Of a worker whose state a restart restores.
EXIT_CODE: Final = int(ExitCode.RESTART)


def end_process(why: str, exit_code: int = EXIT_CODE) -> NoReturn:
    """End the process at once, without flushing or committing; a restart continues from the last transaction."""
    log.critical("worker_ends_itself", why=why, exit_code=exit_code)
    os._exit(exit_code)


def end_process_over(error: BaseException, settings: Settings, what: str = "") -> NoReturn:
    """End the process over an error in `what`, with the code that every process has for a right that is missing, and
    else with that for a restart."""
    why = reason(error, settings)
    exit_code = int(ExitCode.UNREACHABLE) if is_not_allowed(error, settings) else EXIT_CODE
    end_process(f"{what}: {why}" if what else why, exit_code)


async def or_end_process(work: Coroutine[Any, Any, None], settings: Settings) -> None:
    """Await `work`; an exception ends the process, because Faust would continue as if nothing had happened."""
    try:
        await work
    except Exception as error:
        if not isinstance(error, SpendgateError):  # whose sentence says all
            log.exception("unexpected_error")
        end_process_over(error, settings)
