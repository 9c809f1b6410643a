"""Logs on stdout: lines for people or JSON for machines, those of libraries included."""

import logging
import sys
from typing import Final

import structlog
from structlog.typing import Processor

from streams.settings import LogFormat

__all__ = ["configure_logs"]

SHARED: Final[list[Processor]] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure_logs(log_format: LogFormat, *, process: str) -> None:
    """Called once, first thing in a process; `process` stands in every line."""
    rendering = _rendering(log_format)
    structlog.contextvars.bind_contextvars(process=process)
    # Ours go past the logging module, which Faust sets up in its own way.
    structlog.configure(
        processors=[*SHARED, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*SHARED, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def _rendering(log_format: LogFormat) -> list[Processor]:
    if log_format is LogFormat.JSON:
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    # Tracebacks without the values of locals: those are hundreds of lines, and may hold secrets.
    return [
        structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback)
    ]
