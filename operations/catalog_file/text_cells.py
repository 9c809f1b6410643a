"""Marks ids and names in CSV so that a spreadsheet neither runs nor converts them, and removes the marks. Pure.

A spreadsheet makes 7 of `007`, a rounded number of a platform's long id and a date of `mar-1`. An apostrophe before
such a text keeps it a text.
"""

import re
from typing import Final

from operations.csv_cells import plain_cell, safe_cell

__all__ = ["text_cell", "text_in"]

#: The longest text that any column takes, and its marks.
_LONGEST: Final = 300
_SEPARATORS: Final = r"[\s0-9.,:/+\-%$€£()]"
_MONTHS: Final = (
    "jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?|oct(ober)?|nov(ember)?|"
    "dec(ember)?"
)
_CHANGED: Final = (
    rf"(?=[^0-9]*[0-9]){_SEPARATORS}+(e[+-]?[0-9]+|[ap]m?)?",
    rf"(?=[^0-9]*[0-9]){_SEPARATORS}*({_MONTHS}){_SEPARATORS}*",
    "true|false",
)
_NUMBER_OR_DATE: Final = re.compile(f"'*({'|'.join(_CHANGED)})", re.IGNORECASE)


def text_cell(text: str) -> str:
    """The text as a cell, with an apostrophe where a spreadsheet would run or convert it."""
    return safe_cell(f"'{text}" if _is_changed(text) else text)


def text_in(cell: str) -> str:
    """The text of a cell: the reverse of `text_cell`. A cell without a mark is its own text."""
    text = plain_cell(cell)
    return text[1:] if text.startswith("'") and _is_changed(text) else text


def _is_changed(text: str) -> bool:
    return len(text) <= _LONGEST and _NUMBER_OR_DATE.fullmatch(text) is not None
