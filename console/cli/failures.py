"""From an exception to an exit code and one sentence. Classes go by name, so that nothing heavy is imported for it."""

import traceback
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["FAILED", "NOT_FOUND", "REFUSED", "UNREACHABLE", "WRONG_SYNTAX", "Failure", "failure_of"]

FAILED, WRONG_SYNTAX, NOT_FOUND, REFUSED, UNREACHABLE = 1, 2, 3, 4, 5


class Failure(NamedTuple):
    exit_code: int
    sentence: str


def failure_of(error: BaseException) -> Failure:
    """The nearest class that the tables know decides; what none of them knows is a defect of ours."""
    if isinstance(error, BaseExceptionGroup):
        return failure_of(error.exceptions[0])
    for kind in type(error).__mro__:
        name = f"{kind.__module__}.{kind.__qualname__}"
        if name in OURS:
            return Failure(OURS[name], _sentence(str(error)))
        if name in OTHERS:
            exit_code, advice = OTHERS[name]
            return Failure(exit_code, advice.format(said=_first_line(error)))
    return Failure(FAILED, _defect(error))


#: Exceptions whose message is already a sentence that says what to do.
OURS: Final[dict[str, int]] = {
    "console.local.errors.DataFolderInUse": REFUSED,
    "console.local.errors.DataFolderUnusable": REFUSED,
    "console.local.errors.LocalServiceError": FAILED,
    "console.local.errors.PortBusy": REFUSED,
    "console.local.errors.UnknownTool": NOT_FOUND,
    "models.errors.AlreadyExists": REFUSED,
    "models.errors.DatabaseAway": UNREACHABLE,
    "models.errors.ModelError": FAILED,
    "models.errors.NotFound": NOT_FOUND,
    "models.errors.Refused": REFUSED,
    "models.errors.StaleEdit": REFUSED,
    "streams.errors.ConfigurationError": FAILED,
    "streams.errors.NotFound": NOT_FOUND,
    "streams.errors.RefusedValue": REFUSED,
    "streams.errors.SpendgateError": FAILED,
    "streams.errors.Unreachable": UNREACHABLE,
}

_BROKER_AWAY: Final = "The broker cannot be reached ({said}): start it with `spendgate up`, or set SPENDGATE_BROKERS."
_DATABASE_AWAY: Final = (
    "The database cannot be reached ({said}): start it with `spendgate up`, or set SPENDGATE_DATABASE_URL."
)
_NO_TOPIC: Final = "A topic is not there ({said}): run `spendgate topics create`."

OTHERS: Final[dict[str, tuple[int, str]]] = {
    "aiokafka.errors.BrokerNotAvailableError": (UNREACHABLE, _BROKER_AWAY),
    "aiokafka.errors.KafkaConnectionError": (UNREACHABLE, _BROKER_AWAY),
    "aiokafka.errors.KafkaTimeoutError": (UNREACHABLE, _BROKER_AWAY),
    "aiokafka.errors.KafkaUnavailableError": (UNREACHABLE, _BROKER_AWAY),
    "aiokafka.errors.NoBrokersAvailable": (UNREACHABLE, _BROKER_AWAY),
    "aiokafka.errors.NodeNotReadyError": (UNREACHABLE, _BROKER_AWAY),
    "aiokafka.errors.RequestTimedOutError": (UNREACHABLE, _BROKER_AWAY),
    "aiokafka.errors.StaleMetadata": (UNREACHABLE, _BROKER_AWAY),
    "aiokafka.errors.UnknownTopicOrPartitionError": (FAILED, _NO_TOPIC),
    "aiokafka.errors.KafkaError": (FAILED, "Kafka refused it: {said}."),
    "psycopg2.InterfaceError": (UNREACHABLE, _DATABASE_AWAY),
    "psycopg2.OperationalError": (UNREACHABLE, _DATABASE_AWAY),
    "sqlalchemy.exc.InterfaceError": (UNREACHABLE, _DATABASE_AWAY),
    "sqlalchemy.exc.OperationalError": (UNREACHABLE, _DATABASE_AWAY),
    "builtins.ConnectionError": (UNREACHABLE, "The connection failed ({said}): is `spendgate up` running?"),
    "builtins.TimeoutError": (UNREACHABLE, "There was no answer in time ({said}): is `spendgate up` running?"),
    "builtins.PermissionError": (REFUSED, "The system does not allow it: {said}."),
    "builtins.FileNotFoundError": (NOT_FOUND, "A file is not there: {said}."),
}


def _sentence(text: str) -> str:
    """In one line, because a script shows it as such."""
    line = " ".join(text.split())
    return line if line.endswith((".", "?", "!")) else f"{line}."


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".: ") if lines else type(error).__name__


def _defect(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"This is a defect of Spendgate, please report it: {type(error).__name__} ({_first_line(error)}){where}."
