"""The errors of queries and edits, with exit code and HTTP status. The docstring of each is its default message.

SpendgateError
    ModelError              exit 1, HTTP 500
        RowNotFound         3, 404
        AlreadyExists       4, 409
        StaleEdit           4, 412
        Refused             4, 422
        NotMigrated         1, 503
        DatabaseAway        5, 503
"""

from http import HTTPStatus
from typing import TYPE_CHECKING

from core.errors import ExitCode, SpendgateError

if TYPE_CHECKING:  # a command that reads by the driver alone does not import SQLAlchemy
    from sqlalchemy.exc import DBAPIError

__all__ = [
    "AlreadyExists",
    "DatabaseAway",
    "ModelError",
    "NotMigrated",
    "Refused",
    "RowNotFound",
    "StaleEdit",
    "explained",
    "explained_by_driver",
]

_UNIQUE_VIOLATION = "23505"
_INTEGRITY_CLASS = "23"
_DATA_CLASS = "22"
_NOT_THERE = {"42P01", "42703"}  # undefined table, undefined column


class ModelError(SpendgateError):
    """The edit was not made."""


class RowNotFound(ModelError):
    """There is nothing of that name."""

    exit_code = ExitCode.NOT_FOUND
    http_status = HTTPStatus.NOT_FOUND


class AlreadyExists(ModelError):
    """There is already something of that name; ids are never reused."""

    exit_code = ExitCode.REFUSED
    http_status = HTTPStatus.CONFLICT


class StaleEdit(ModelError):
    """Somebody else has changed it since you read it: read it again, then edit."""

    exit_code = ExitCode.REFUSED
    http_status = HTTPStatus.PRECONDITION_FAILED


class Refused(ModelError):
    """The value is not acceptable."""

    exit_code = ExitCode.REFUSED
    http_status = HTTPStatus.UNPROCESSABLE_ENTITY


class NotMigrated(ModelError):
    """The database has not the tables of this version: run `spendgate migrate`."""

    http_status = HTTPStatus.SERVICE_UNAVAILABLE


class DatabaseAway(ModelError):
    """The database cannot be used."""

    exit_code = ExitCode.UNREACHABLE
    http_status = HTTPStatus.SERVICE_UNAVAILABLE


def explained(error: "DBAPIError") -> ModelError:
    """Translate an error of SQLAlchemy into one of these."""
    return explained_by_driver(error.orig)


def explained_by_driver(error: BaseException | None) -> ModelError:
    """Translate an error of psycopg2 into one of these."""
    code = getattr(error, "pgcode", None) or ""
    if code == _UNIQUE_VIOLATION:
        return AlreadyExists()
    if code.startswith((_INTEGRITY_CLASS, _DATA_CLASS)):
        return Refused(f"The database refuses that; it demands: {_database_message(error)}.")
    if code in _NOT_THERE:
        return NotMigrated()
    return DatabaseAway(f"The database cannot be used: {_database_message(error)}.")


def _database_message(error: BaseException | None) -> str:
    """The constraint's name, which is a short sentence, or else the first line of the driver's message."""
    diagnostics = getattr(error, "diag", None)
    if diagnostics is not None and diagnostics.constraint_name:
        return str(diagnostics.constraint_name).removeprefix(f"ck_{diagnostics.table_name}_").replace("_", " ")
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
