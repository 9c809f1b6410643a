"""Writes CSV in pieces, with values escaped so that no spreadsheet reads one as a formula. Pure."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from operations.csv_cells import safe_cell

__all__ = ["csv_pieces"]

_PIECE_ROWS: Final = 500


def csv_pieces(header: Sequence[str], rows: Iterable[Sequence[str | int | None]]) -> Iterator[str]:
    """RFC 4180 text in pieces of some hundred rows."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(header)
    for count, row in enumerate(rows, start=1):
        writer.writerow(["" if value is None else safe_cell(str(value)) for value in row])
        if count % _PIECE_ROWS == 0:
            yield _emptied(buffer)
    yield _emptied(buffer)


def _emptied(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
