"""Rows of a catalog file before their values are checked. Pure: no I/O."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from http import HTTPStatus
from typing import NamedTuple, TypeAlias

from core.errors import RefusedValue

__all__ = ["CatalogFileFormat", "FileRow", "FileRows", "Value", "WrongRow", "WrongRows"]

#: Numbers are texts, because a float would not be exact. None is `none`, or null where the format has it.
Value: TypeAlias = "str | bool | list[Value] | dict[str, Value] | None"


class CatalogFileFormat(StrEnum):
    """The formats that a catalog file may have."""

    CSV = "csv"
    YAML = "yaml"


class FileRow(NamedTuple):
    """The values of a row by column name. A missing column leaves its field as it is."""

    #: The line number; in JSON the number of the row.
    line: int
    values: Mapping[str, Value]


class WrongRow(NamedTuple):
    """A row that cannot be applied, with the cause as a sentence."""

    line: int
    message: str
    #: Its brand or campaign was edited after the row was exported.
    is_stale: bool = False


class FileRows(NamedTuple):
    """The rows of a file, and the wrong ones."""

    rows: Sequence[FileRow]
    wrong: Sequence[WrongRow]


class WrongRows(RefusedValue):
    """Rows are wrong, and nothing was changed. HTTP 412 where all wrong rows are merely stale."""

    def __init__(self, wrong: Sequence[WrongRow]) -> None:
        count = "1 row is" if len({row.line for row in wrong}) == 1 else f"{len({row.line for row in wrong})} rows are"
        super().__init__(f"{count} wrong, so nothing was changed.")
        #: In the order of the file.
        self.wrong = sorted(wrong)
        if all(row.is_stale for row in wrong):
            self.http_status = HTTPStatus.PRECONDITION_FAILED
