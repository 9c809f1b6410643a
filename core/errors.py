"""The base of all exceptions of Spendgate, and those that more than one folder raises.

Each class has the exit code of a command (`exit_code`) and the status of an HTTP response (`http_status`). The message
is a sentence for the operator, by default the docstring. A response of status 500 does not have it; the log does.

SpendgateError              exit 1, HTTP 500
    ConfigurationError      1, 503  a setting or a topic is wrong; retrying does not help
        TooLarge            1, 503  a topic does not take a record of this size
    RefusedValue            4, 422  a value that an operator or a program gave is wrong
    NotFound                3, 404  a brand, campaign or command that is not there
    NotCaughtUp             1, 503  a worker or a ledger has not come as far as the answer needs
    Unreachable             5, 503  broker or database did not answer
        NotAllowed          5, 503  Kafka refuses the login or the operation; rights may be granted at any time
    Fenced                 70, 500  another worker owns the partition now
    TransactionLost        70, 500  a transactional producer cannot go on
    WentBack                1, 500  the database knows less than this process has saved in it

A class that one folder alone raises is defined there, such as in core.guard, models.errors and local.service_errors.
"""

from enum import IntEnum
from http import HTTPStatus

__all__ = [
    "ConfigurationError",
    "ExitCode",
    "Fenced",
    "NotAllowed",
    "NotCaughtUp",
    "NotFound",
    "RefusedValue",
    "SpendgateError",
    "TooLarge",
    "TransactionLost",
    "Unreachable",
    "WentBack",
]


class ExitCode(IntEnum):
    """How a process ends (docs/contract.md, "Exit codes")."""

    DONE = 0
    FAILED = 1
    WRONG_SYNTAX = 2
    NOT_FOUND = 3
    REFUSED = 4
    UNREACHABLE = 5
    #: The process ended itself (EX_SOFTWARE of sysexits.h); a restart continues from the last flush.
    RESTART = 70


class SpendgateError(Exception):
    """Spendgate could not do what was asked."""

    exit_code: ExitCode = ExitCode.FAILED
    http_status: HTTPStatus = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class ConfigurationError(SpendgateError):
    """The configuration or the topics are not as they must be."""

    http_status = HTTPStatus.SERVICE_UNAVAILABLE


class TooLarge(ConfigurationError):
    """A topic does not take a record of this size."""


class RefusedValue(SpendgateError):
    """A value is not acceptable."""

    exit_code = ExitCode.REFUSED
    http_status = HTTPStatus.UNPROCESSABLE_ENTITY


class NotFound(SpendgateError):
    """There is nothing of that name."""

    exit_code = ExitCode.NOT_FOUND
    http_status = HTTPStatus.NOT_FOUND


class NotCaughtUp(SpendgateError):
    """A process is too far behind."""

    http_status = HTTPStatus.SERVICE_UNAVAILABLE


class Unreachable(SpendgateError):
    """The broker or the database cannot be reached."""

    exit_code = ExitCode.UNREACHABLE
    http_status = HTTPStatus.SERVICE_UNAVAILABLE


class NotAllowed(Unreachable):
    """Kafka does not allow it."""


class Fenced(SpendgateError):
    """Another worker has taken the partition over; nothing more may be written for it."""

    exit_code = ExitCode.RESTART


class TransactionLost(SpendgateError):
    """The transaction can neither be committed nor aborted by this process; a restart goes on from the last one."""

    exit_code = ExitCode.RESTART


class WentBack(SpendgateError):
    """The database was restored from a backup: it knows less than was saved in it."""
