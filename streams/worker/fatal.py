"""The end of a worker that can no longer be trusted: never ack, never hang, be started again."""

import os
from collections.abc import Coroutine
from typing import Any, Final, NoReturn

import structlog

from core.errors import ExitCode, SpendgateError
from streams.kafka.failures import reason
from streams.settings import Settings

__all__ = ["EXIT_CODE", "end_process", "or_end_process"]

log = structlog.get_logger()

#: What a supervisor sees of a worker that gave up its memory on purpose.
EXIT_CODE: Final = int(ExitCode.RESTART)


def end_process(why: str) -> NoReturn:
    """Leave at once, without flushing or committing anything; a restart goes on from the last transaction."""
    log.critical("worker_ends_itself", why=why, exit_code=EXIT_CODE)
    os._exit(EXIT_CODE)


async def or_end_process(work: Coroutine[Any, Any, None], settings: Settings) -> None:
    """Run to the end; any exception ends the process, because Faust would go on as if nothing had happened."""
    try:
        await work
    except Exception as error:
        if not isinstance(error, SpendgateError):  # whose sentence says all
            log.exception("unexpected_error")
        end_process(reason(error, settings))
