"""Logs on stdout: lines for people or JSON for machines, those of libraries included.

Keys, headers and a broker's messages come from strangers: what steers a terminal or begins a line is written escaped.
"""

import json
import logging
import sys
from io import StringIO
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from streams.settings import LogFormat

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
    """Called once, first thing in a process; `process` stands in every line."""
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
    """A reader of the JSON that prints it gets the same text as from the console format."""
    if isinstance(event.get("exception"), str):
        event["exception"] = event["exception"].translate(_IN_TEXTS)
    return event


def _json(event: EventDict, **options: Any) -> str:
    """Also what lies inside of lists and mappings is escaped."""
    return json.dumps(event, ensure_ascii=False, **options).translate(_IN_JSON)


def _escaped_traceback(sio: TextIO, exc_info: ExcInfo) -> None:
    """Without the values of locals: those are hundreds of lines, and may hold secrets."""
    text = StringIO()
    structlog.dev.plain_traceback(text, exc_info)
    sio.write(text.getvalue().translate(_IN_TEXTS))
