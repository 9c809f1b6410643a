"""What an edit may end with other than success; the docstring is the message.

ModelError
    NotFound            exit 3, HTTP 404
    AlreadyExists       exit 4, HTTP 409
    StaleEdit           exit 4, HTTP 412
    Refused             exit 4, HTTP 422
    NotMigrated         exit 1
    DatabaseAway        exit 5, HTTP 503
"""

from sqlalchemy.exc import DBAPIError

__all__ = [
    "AlreadyExists",
    "DatabaseAway",
    "ModelError",
    "NotFound",
    "NotMigrated",
    "Refused",
    "StaleEdit",
    "explained",
]

_UNIQUE_VIOLATION = "23505"
_INTEGRITY_CLASS = "23"
_DATA_CLASS = "22"
_NOT_THERE = {"42P01", "42703"}  # undefined table, undefined column


class ModelError(Exception):
    """The edit was not made."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class NotFound(ModelError):
    """There is nothing of that name."""


class AlreadyExists(ModelError):
    """There is already something of that name; ids are never reused."""


class StaleEdit(ModelError):
    """Somebody else has changed it since you read it: read it again, then edit."""


class Refused(ModelError):
    """The value is not acceptable."""


class NotMigrated(ModelError):
    """The database has not the tables of this version: run `spendgate migrate`."""


class DatabaseAway(ModelError):
    """The database cannot be used."""


def explained(error: DBAPIError) -> ModelError:
    """The driver's error in the words of this page."""
    code = getattr(error.orig, "pgcode", None) or ""
    if code == _UNIQUE_VIOLATION:
        return AlreadyExists()
    if code.startswith((_INTEGRITY_CLASS, _DATA_CLASS)):
        return Refused(f"The database refuses that; it demands: {_told(error)}.")
    if code in _NOT_THERE:
        return NotMigrated()
    return DatabaseAway(f"The database cannot be used: {_told(error)}.")


def _told(error: DBAPIError) -> str:
    """The name of the constraint, which is a short sentence, or else the first line of the driver's message."""
    told = getattr(error.orig, "diag", None)
    if told is not None and told.constraint_name:
        return str(told.constraint_name).removeprefix(f"ck_{told.table_name}_").replace("_", " ")
    lines = str(error.orig).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error.orig).__name__
