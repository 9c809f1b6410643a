"""Reads rows of the catalog in JSON: `{"rows": [{"kind": "brand", …}, …]}`. Pure: no I/O.

Rows are numbered from 1. Numbers are read by their digits, those with an exponent as the amounts that they are. A field
that is null is cleared; one that is left out stays as it is.
"""

import json
from collections.abc import Sequence
from typing import Any

from core.errors import RefusedValue
from core.money import format_money, parse_json_number
from operations.catalog_file.rows import FileRow, FileRows, WrongRow

__all__ = ["json_rows"]


def json_rows(text: bytes) -> FileRows:
    """The rows of the object. Raises RefusedValue for any other text."""
    try:
        body = json.loads(text, parse_float=_number, parse_int=str, parse_constant=str, object_pairs_hook=_fields)
    except (ValueError, RecursionError) as error:
        raise RefusedValue(f"The body is no JSON: {error}.") from None
    if not isinstance(body, dict) or list(body) != ["rows"] or not isinstance(body["rows"], list):
        raise RefusedValue('The body must be {"rows": [...]} with an object for each row.')
    rows: list[FileRow] = []
    wrong: list[WrongRow] = []
    for number, values in enumerate(body["rows"], start=1):
        if isinstance(values, dict):
            rows.append(FileRow(number, values))
        else:
            wrong.append(WrongRow(number, "A row must be an object with its fields."))
    return FileRows(rows, wrong)


def _number(text: str) -> str:
    """A number with an exponent, as many programs write small and large ones, as a decimal; others as they are."""
    micros = parse_json_number(text) if "e" in text.lower() else None
    return format_money(micros) if isinstance(micros, int) else text


def _fields(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("an object has a field twice")
    return fields
