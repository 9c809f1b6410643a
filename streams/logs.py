"""Configures logs on stdout, as lines or as JSON, including those of libraries.

Keys, headers and messages of brokers are untrusted: control characters are written escaped.
"""

import json
import logging
import os
import sys
from io import StringIO
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from streams.settings import LogFormat
from streams.unknown_variables import unknown_variables

__all__ = ["configure_logs"]

SHARED: Final[list[Processor]] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]

#: C0, DEL and C1, as Python writes them in its strings.
_IN_LINES: Final = {code: ascii(chr(code))[1:-1] for code in (*range(32), *range(127, 160))}
_IN_TEXTS: Final = {code: escaped for code, escaped in _IN_LINES.items() if chr(code) not in "\n\t"}
#: DEL and C1 as JSON writes them; without `ensure_ascii` it escapes C0 alone.
_IN_JSON: Final = {code: f"\\u{code:04x}" for code in range(127, 160)}


def configure_logs(log_format: LogFormat, *, process: str) -> None:
    """Configure logging; called once, first of all in a process. Every line has the field `process`. The first line
    warns of mistyped settings."""
    rendering = [_escape_values, *_rendering(log_format)]
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
    if unknown := unknown_variables(os.environ):
        advice = "; ".join(f"{name} is no setting, the nearest is {nearest}" for name, nearest in unknown.items())
        structlog.get_logger().warning("unknown_variables", advice=advice)


def _rendering(log_format: LogFormat) -> list[Processor]:
    if log_format is LogFormat.JSON:
        return [
            structlog.processors.format_exc_info,
            _escape_traceback,
            structlog.processors.JSONRenderer(serializer=_json),
        ]
    return [structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), exception_formatter=_escaped_traceback)]


def _escape_values(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    return {key: value.translate(_IN_LINES) if isinstance(value, str) else value for key, value in event.items()}


def _escape_traceback(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Escape the traceback, so that a program which prints the JSON's text prints no control characters."""
    if isinstance(event.get("exception"), str):
        event["exception"] = event["exception"].translate(_IN_TEXTS)
    return event


def _json(event: EventDict, **options: Any) -> str:
    """The event as JSON; texts inside lists and mappings are escaped too."""
    return json.dumps(event, ensure_ascii=False, **options).translate(_IN_JSON)


def _escaped_traceback(sio: TextIO, exc_info: ExcInfo) -> None:
    """The traceback without values of local variables, which are hundreds of lines and may contain secrets."""
    text = StringIO()
    structlog.dev.plain_traceback(text, exc_info)
    sio.write(text.getvalue().translate(_IN_TEXTS))
