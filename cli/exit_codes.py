"""The exit code and the one sentence of an exception.

SpendgateError has both. Exceptions of libraries are listed by name, so that no library is imported for it."""

import traceback
from pathlib import Path
from typing import Final, NamedTuple

from core.errors import ExitCode, SpendgateError

__all__ = ["CommandFailure", "failure_of"]


class CommandFailure(NamedTuple):
    exit_code: int
    sentence: str


def failure_of(error: BaseException) -> CommandFailure:
    """The exit code (docs/contract.md, "Exit codes") and the sentence of an exception; of a group, those of its first
    one. An exception that is neither a SpendgateError nor in FOREIGN is reported as a defect of Spendgate."""
    if isinstance(error, BaseExceptionGroup):
        return failure_of(error.exceptions[0])
    if isinstance(error, SpendgateError):
        return CommandFailure(error.exit_code, _sentence(str(error)))
    for kind in type(error).__mro__:
        name = f"{kind.__module__}.{kind.__qualname__}"
        if name in FOREIGN:
            exit_code, sentence = FOREIGN[name]
            return CommandFailure(exit_code, sentence.format(message=_first_line(error)))
    return CommandFailure(ExitCode.FAILED, _defect(error))


_BROKER_AWAY: Final = (
    "The broker cannot be reached ({message}): start it with `spendgate up`, or set SPENDGATE_BROKERS."
)
_DATABASE_AWAY: Final = (
    "The database cannot be reached ({message}): start it with `spendgate up`, or set SPENDGATE_DATABASE_URL."
)
_NO_TOPIC: Final = "A topic is not there ({message}): run `spendgate topics create`."

#: By the qualified name of the class; the first of its bases that is listed decides.
FOREIGN: Final[dict[str, tuple[ExitCode, str]]] = {
    "aiokafka.errors.BrokerNotAvailableError": (ExitCode.UNREACHABLE, _BROKER_AWAY),
    "aiokafka.errors.KafkaConnectionError": (ExitCode.UNREACHABLE, _BROKER_AWAY),
    "aiokafka.errors.KafkaTimeoutError": (ExitCode.UNREACHABLE, _BROKER_AWAY),
    "aiokafka.errors.KafkaUnavailableError": (ExitCode.UNREACHABLE, _BROKER_AWAY),
    "aiokafka.errors.NoBrokersAvailable": (ExitCode.UNREACHABLE, _BROKER_AWAY),
    "aiokafka.errors.NodeNotReadyError": (ExitCode.UNREACHABLE, _BROKER_AWAY),
    "aiokafka.errors.RequestTimedOutError": (ExitCode.UNREACHABLE, _BROKER_AWAY),
    "aiokafka.errors.StaleMetadata": (ExitCode.UNREACHABLE, _BROKER_AWAY),
    "aiokafka.errors.UnknownTopicOrPartitionError": (ExitCode.FAILED, _NO_TOPIC),
    "aiokafka.errors.KafkaError": (ExitCode.FAILED, "Kafka refused it: {message}."),
    "psycopg2.InterfaceError": (ExitCode.UNREACHABLE, _DATABASE_AWAY),
    "psycopg2.OperationalError": (ExitCode.UNREACHABLE, _DATABASE_AWAY),
    "sqlalchemy.exc.InterfaceError": (ExitCode.UNREACHABLE, _DATABASE_AWAY),
    "sqlalchemy.exc.OperationalError": (ExitCode.UNREACHABLE, _DATABASE_AWAY),
    "builtins.ConnectionError": (ExitCode.UNREACHABLE, "The connection failed ({message}): is `spendgate up` running?"),
    "builtins.TimeoutError": (
        ExitCode.UNREACHABLE,
        "There was no answer in time ({message}): is `spendgate up` running?",
    ),
    "builtins.PermissionError": (ExitCode.REFUSED, "The system does not allow it: {message}."),
    "builtins.IsADirectoryError": (ExitCode.REFUSED, "A folder stands where a file must be: {message}."),
    "builtins.FileNotFoundError": (ExitCode.NOT_FOUND, "A file is not there: {message}."),
    "builtins.OSError": (ExitCode.FAILED, "The system refuses it: {message}."),
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
