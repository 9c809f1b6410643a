"""Rows as CSV, a piece at a time, such that no spreadsheet takes a value for a formula. No I/O."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

__all__ = ["csv_pieces"]

#: Excel, LibreOffice and Google Sheets run a cell that begins so, also behind blanks.
_FORMULA: Final = re.compile(r"\s*[=+\-@\t\r]")
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_PIECE_ROWS: Final = 500


def csv_pieces(header: Sequence[str], rows: Iterable[Sequence[str | int | None]]) -> Iterator[str]:
    """RFC 4180 text in pieces of some hundred rows."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(header)
    for count, row in enumerate(rows, start=1):
        writer.writerow([_safe(value) for value in row])
        if count % _PIECE_ROWS == 0:
            yield _emptied(buffer)
    yield _emptied(buffer)


def _safe(value: str | int | None) -> str:
    """An apostrophe goes before what a spreadsheet would run; money below zero is a number and stays one."""
    text = "" if value is None else str(value)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def _emptied(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
