"""Cells of CSV that no spreadsheet takes for a formula, and the way back. Pure."""

import re
from typing import Final

__all__ = ["plain_cell", "safe_cell"]

#: Excel, LibreOffice and Google Sheets run what begins with one of these, in some languages full width too.
_STARTERS: Final = "=+\\-@|\uff1d\uff0b\uff0d\uff20\\t\\r\\n"
#: What they pass over before it, and the apostrophes of cells that had some already.
_BEFORE: Final = "'*[^\\S\\t\\r\\n]*[\ufeff\u200b-\u200f\u2060]*[^\\S\\t\\r\\n]*"
#: Where a cell begins: also behind what separates cells elsewhere, because a spreadsheet may split there.
_BEGINNING: Final = "(^|[;\\t])"
_FORMULA: Final = re.compile(f"{_BEGINNING}(?={_BEFORE}[{_STARTERS}])")
_MARKED_FORMULA: Final = re.compile(f"{_BEGINNING}'(?={_BEFORE}[{_STARTERS}])")
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)


def safe_cell(text: str) -> str:
    """An apostrophe goes before what a spreadsheet would run; money below zero is a number and stays one."""
    return text if _NUMBER.fullmatch(text) else _FORMULA.sub(r"\1'", text)


def plain_cell(cell: str) -> str:
    """The text that `safe_cell` made the cell of."""
    return _MARKED_FORMULA.sub(r"\1", cell)
