"""Logs on stdout: lines for people or JSON for machines, those of libraries included."""

import logging
import sys

import structlog
from structlog.typing import Processor

from streams.settings import LogFormat

__all__ = ["configure_logs"]

SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure_logs(log_format: LogFormat, *, process: str) -> None:
    """Called once, first thing in a process; `process` stands in every line."""
    structlog.contextvars.bind_contextvars(process=process)
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*SHARED, structlog.stdlib.add_logger_name], processors=_rendering(log_format)
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def _rendering(log_format: LogFormat) -> list[Processor]:
    last: list[Processor]
    if log_format is LogFormat.JSON:
        last = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        last = [structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())]
    return [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
