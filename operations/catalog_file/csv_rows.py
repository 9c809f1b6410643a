"""Reads the rows of a catalog file in CSV. No I/O but the reading of the stream.

An empty cell leaves its field as it is; `none` clears it. A spreadsheet may have saved the file with semicolons or
tabs, with `sep=` in its first line, and in UTF-16.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final, NamedTuple

from core.errors import RefusedValue
from operations.catalog_file.columns import COLUMN_NAMES
from operations.catalog_file.rows import FileRow, FileRows, Value, WrongRow
from operations.catalog_file.text_cells import text_in
from operations.catalog_file.written import FREE_TEXTS
from operations.csv_cells import plain_cell
from operations.spend_import.text_lines import TextLine, text_lines

__all__ = ["csv_rows"]

_LINE_BYTES_MAX: Final = 64 * 1024
_SEPARATORS: Final = (",", ";", "\t")
_SEPARATOR_LINE: Final = "sep="


class _Header(NamedTuple):
    separator: str
    names: Sequence[str]


def csv_rows(stream: BinaryIO) -> FileRows:
    """The rows of all lines that are not blank. Raises RefusedValue where the first line does not name known
    columns."""
    lines = text_lines(stream, _LINE_BYTES_MAX)
    header = _header(lines)
    rows: list[FileRow] = []
    wrong: list[WrongRow] = []
    for number, text in lines:
        try:
            cells = _cells(_decoded(text), header.separator)
        except RefusedValue as error:
            wrong.append(WrongRow(number, str(error)))
            continue
        if not any(map(str.strip, cells)):
            continue
        if any(map(str.strip, cells[len(header.names) :])):
            wrong.append(WrongRow(number, f"It has {len(cells)} cells, but the first line names {len(header.names)}."))
            continue
        rows.append(FileRow(number, dict(_values(header.names, cells))))
    return FileRows(rows, wrong)


def _values(names: Sequence[str], cells: Sequence[str]) -> Iterator[tuple[str, Value]]:
    for name, cell in zip(names, cells, strict=False):
        if cell.strip():
            yield name, text_in(cell) if name in FREE_TEXTS else plain_cell(cell).strip()


def _header(lines: Iterator[TextLine]) -> _Header:
    first = _first(lines)
    separators: Sequence[str] = _SEPARATORS
    if first.lower().startswith(_SEPARATOR_LINE) and len(first) == len(_SEPARATOR_LINE) + 1:
        separators, first = (first[-1],), _first(lines)
    found = [_Header(it, [name.strip().lower() for name in _cells(first, it)]) for it in separators]
    header = max(found, key=lambda it: len(set(it.names) & set(COLUMN_NAMES)))
    while header.names and not header.names[-1]:
        header = header._replace(names=header.names[:-1])
    unknown = [name for name in header.names if name not in COLUMN_NAMES]
    if unknown:
        raise RefusedValue(
            f"The first line names the column {unknown[0][:40]!r}: the columns are {', '.join(COLUMN_NAMES)}."
        )
    if twice := [name for name, count in Counter(header.names).items() if count > 1]:
        raise RefusedValue(f"The first line names the column {twice[0]!r} twice.")
    return header


def _first(lines: Iterator[TextLine]) -> str:
    for _, text in lines:
        decoded = _decoded(text)
        if decoded.strip():
            return decoded
    raise RefusedValue("The first line must name the columns; there is none.")


def _decoded(text: bytes | None) -> str:
    if text is None:
        raise RefusedValue(f"The line has more than {_LINE_BYTES_MAX} bytes.")
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise RefusedValue("The line is not UTF-8: save the file as UTF-8.") from None


def _cells(text: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=separator, strict=True), [])
    except csv.Error as error:
        raise RefusedValue(
            f"The line is no CSV ({error}): a row is one line, and each quote that opens a cell closes it."
        ) from None
