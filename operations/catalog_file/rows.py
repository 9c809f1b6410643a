"""Rows of a catalog file before anything is known of their values. No I/O."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from http import HTTPStatus
from typing import NamedTuple, TypeAlias

from core.errors import RefusedValue

__all__ = ["FileFormat", "FileRow", "FileRows", "Value", "WrongRow", "WrongRows", "format_of"]

#: Numbers are their text, because a float would not be exact. None is `none`, or null where the format has it.
Value: TypeAlias = "str | bool | list[Value] | dict[str, Value] | None"


class FileFormat(StrEnum):
    CSV = "csv"
    YAML = "yaml"


class FileRow(NamedTuple):
    """A row by the names of its columns. A column that is not there leaves its field as it is."""

    #: As an editor counts; in JSON the number of the row.
    line: int
    values: Mapping[str, Value]


class WrongRow(NamedTuple):
    """Why a row cannot be applied: a sentence for its author."""

    line: int
    message: str
    #: Its brand or campaign was edited after the row was exported.
    is_stale: bool = False


class FileRows(NamedTuple):
    """What a file says, and what of it is no row."""

    rows: Sequence[FileRow]
    wrong: Sequence[WrongRow]


class WrongRows(RefusedValue):
    """Some rows are wrong, and nothing was changed; 412 where nothing is wrong but that rows are stale."""

    def __init__(self, wrong: Sequence[WrongRow]) -> None:
        count = "1 row is" if len({row.line for row in wrong}) == 1 else f"{len({row.line for row in wrong})} rows are"
        super().__init__(f"{count} wrong, so nothing was changed.")
        #: In the order of the file.
        self.wrong = sorted(wrong)
        if all(row.is_stale for row in wrong):
            self.http_status = HTTPStatus.PRECONDITION_FAILED


def format_of(name: str) -> FileFormat:
    """By the ending of the file's name."""
    match name.rpartition(".")[2].lower():
        case "csv":
            return FileFormat.CSV
        case "yaml" | "yml":
            return FileFormat.YAML
    raise RefusedValue(f"{name[-80:]!r} does not tell its format by its ending: write --format csv or --format yaml.")
