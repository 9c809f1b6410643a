"""The exit code and the one sentence of an exception.

SpendgateError has both. Exceptions of Python and of libraries are listed by class. No library is imported for that: one
that was not imported has raised nothing."""

import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from core.errors import ExitCode, SpendgateError

__all__ = ["CommandFailure", "failure_of", "foreign_failures"]


class CommandFailure(NamedTuple):
    exit_code: int
    sentence: str


#: By class: the exit code, and the sentence around `{message}`.
ForeignFailures = dict[type[BaseException], tuple[ExitCode, str]]


def failure_of(error: BaseException) -> CommandFailure:
    """The exit code (docs/contract.md, "Exit codes") and the sentence of an exception; of a group, those of its first
    one. An exception that is neither a SpendgateError nor a foreign failure is reported as a defect of Spendgate."""
    if isinstance(error, BaseExceptionGroup):
        return failure_of(error.exceptions[0])
    if isinstance(error, SpendgateError):
        return CommandFailure(error.exit_code, _sentence(str(error)))
    foreign = foreign_failures()
    for kind in type(error).__mro__:
        if kind in foreign:
            exit_code, sentence = foreign[kind]
            return CommandFailure(exit_code, sentence.format(message=_first_line(error)))
    return CommandFailure(ExitCode.FAILED, _defect(error))


def foreign_failures() -> ForeignFailures:
    """The failures of Python and of the libraries that are imported. Where several bases of a class are listed, the
    first in its method resolution order decides."""
    found = dict(_OF_PYTHON)
    for library, failures in _OF_LIBRARIES.items():
        if library in sys.modules:
            found |= failures()
    return found


_OF_PYTHON: Final[ForeignFailures] = {
    ConnectionError: (ExitCode.UNREACHABLE, "The connection failed ({message}): is `spendgate up` running?"),
    TimeoutError: (ExitCode.UNREACHABLE, "There was no answer in time ({message}): is `spendgate up` running?"),
    PermissionError: (ExitCode.REFUSED, "The system does not allow it: {message}."),
    IsADirectoryError: (ExitCode.REFUSED, "A folder stands where a file must be: {message}."),
    FileNotFoundError: (ExitCode.NOT_FOUND, "A file is not there: {message}."),
    OSError: (ExitCode.FAILED, "The system refuses it: {message}."),
}


def _of_aiokafka() -> ForeignFailures:
    from aiokafka import errors

    away = (
        ExitCode.UNREACHABLE,
        "The broker cannot be reached ({message}): start it with `spendgate up`, or set SPENDGATE_BROKERS.",
    )
    no_topic = (ExitCode.FAILED, "A topic is not there ({message}): run `spendgate topics create`.")
    return {
        errors.BrokerNotAvailableError: away,
        errors.KafkaConnectionError: away,
        errors.KafkaTimeoutError: away,
        errors.KafkaUnavailableError: away,
        errors.NoBrokersAvailable: away,
        errors.NodeNotReadyError: away,
        errors.RequestTimedOutError: away,
        errors.StaleMetadata: away,
        errors.UnknownTopicOrPartitionError: no_topic,
        errors.KafkaError: (ExitCode.FAILED, "Kafka refused it: {message}."),
    }


_DATABASE_AWAY: Final = (
    ExitCode.UNREACHABLE,
    "The database cannot be reached ({message}): start it with `spendgate up`, or set SPENDGATE_DATABASE_URL.",
)


def _of_psycopg2() -> ForeignFailures:
    import psycopg2

    return {psycopg2.InterfaceError: _DATABASE_AWAY, psycopg2.OperationalError: _DATABASE_AWAY}


def _of_sqlalchemy() -> ForeignFailures:
    from sqlalchemy import exc

    return {exc.InterfaceError: _DATABASE_AWAY, exc.OperationalError: _DATABASE_AWAY}


_OF_LIBRARIES: Final[dict[str, Callable[[], ForeignFailures]]] = {
    "aiokafka": _of_aiokafka,
    "psycopg2": _of_psycopg2,
    "sqlalchemy": _of_sqlalchemy,
}


def _sentence(text: str) -> str:
    """The text in one line that ends with a mark, because scripts show it as one line."""
    line = " ".join(text.split())
    return line if line.endswith((".", "?", "!")) else f"{line}."


def _first_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror if error.filename is None else f"{error.strerror}: {str(error.filename)[-80:]!r}"
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".: ") if lines else type(error).__name__


def _defect(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"This is a defect of Spendgate, please report it: {type(error).__name__} ({_first_line(error)}){where}."
