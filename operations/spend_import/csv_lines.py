"""Splits single lines of CSV with any separator, and finds the separator. Pure."""

import csv
from collections.abc import Sequence
from typing import Final

from core.refusal import Refusal, invalid_field

__all__ = ["BLANKS", "BLANK_BYTES", "SEPARATORS", "cells_of", "named_separator", "names_of"]

SEPARATORS: Final[Sequence[str]] = (",", ";", "\t", "|")
BLANKS: Final = " \t\v\f\xa0"
BLANK_BYTES: Final = b" \t\v\f"


def named_separator(line: str) -> str | None:
    """The separator of a line such as `sep=;`, which some programs write before the header; None for any other line."""
    return line[-1] if len(line) == len("sep=,") and line.lower().startswith("sep=") else None


def names_of(line: str, separator: str) -> list[str]:
    """The column names of a header in lower case, without unnamed columns at the end; none where the line is no CSV."""
    try:
        names = [cell.strip().lower() for cell in _split(line, separator)]
    except csv.Error:
        return []
    while names and not names[-1]:
        del names[-1]
    return names


def cells_of(line: bytes, separator: str) -> list[str] | Refusal | None:
    """The cells of a line; None where all are empty, as spreadsheets write them."""
    if b"\0" in line:
        return invalid_field("the line has a NUL in it")
    try:
        cells = _split(line.decode(), separator)
    except UnicodeDecodeError:
        return invalid_field("the line is not UTF-8")
    except csv.Error as error:
        return invalid_field(
            f"the line is no CSV: {error}; one event is one line, and each quote that opens a cell closes it"
        )
    return cells if any(cell.strip(BLANKS) for cell in cells) else None


def _split(text: str, separator: str) -> list[str]:
    return next(csv.reader([text], delimiter=separator, strict=True))
