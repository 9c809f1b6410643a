"""Marks cells of CSV that a spreadsheet would run as a formula, and removes the marks. Pure."""

import re
from typing import Final

__all__ = ["plain_cell", "safe_cell"]

#: Excel, LibreOffice and Google Sheets run a cell that begins with one of these, in some languages full width too.
_STARTERS: Final = "=+\\-@|\uff1d\uff0b\uff0d\uff20\\t\\r\\n"
#: Characters that they ignore before it, and apostrophes that the text had already.
_BEFORE: Final = "'*[^\\S\\t\\r\\n]*[\ufeff\u200b-\u200f\u2060]*[^\\S\\t\\r\\n]*"
#: Where a cell may begin: also after other separators, because a spreadsheet may split there.
_BEGINNING: Final = "(^|[;\\t])"
_FORMULA: Final = re.compile(f"{_BEGINNING}(?={_BEFORE}[{_STARTERS}])")
_MARKED_FORMULA: Final = re.compile(f"{_BEGINNING}'(?={_BEFORE}[{_STARTERS}])")
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)


def safe_cell(text: str) -> str:
    """The text with an apostrophe where a spreadsheet would run it; negative money stays a number."""
    return text if _NUMBER.fullmatch(text) else _FORMULA.sub(r"\1'", text)


def plain_cell(cell: str) -> str:
    """The text of a cell: the reverse of `safe_cell`."""
    return _MARKED_FORMULA.sub(r"\1", cell)
