"""The rows of the schedule form, one window each: read from the form and checked by the core. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from core.windows import Window, window_document, window_from_document

__all__ = ["CheckedRows", "WindowRow", "check_rows", "read_rows", "rows_from_windows"]

#: The fields of row 3 are `days-3`, `from-3` and `to-3`; a browser sends `days-3` once for each day.
_FIELD: Final = re.compile(r"(days|from|to)-([0-9]{1,4})")
_NO_DAY: Final = "Tick the days on which this window starts."


class Fields(Protocol):
    """Form data in which a name may occur several times."""

    def multi_items(self) -> Iterable[tuple[str, object]]: ...


class WindowRow(NamedTuple):
    """A row as typed."""

    days: tuple[str, ...] = ()
    from_: str = ""
    to: str = ""


@dataclass(frozen=True, slots=True)
class CheckedRows:
    """Rows by their number in the form; each that is not blank has a window or an error."""

    rows: dict[int, WindowRow]
    windows: dict[int, Window] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)


def read_rows(form: Fields) -> dict[int, WindowRow]:
    """The rows of a form, blank ones included."""
    rows: dict[int, WindowRow] = {}
    for name, value in form.multi_items():
        match = _FIELD.fullmatch(name)
        if match is None or not isinstance(value, str):
            continue
        what, number = match[1], int(match[2])
        row = rows.get(number, WindowRow())
        if what == "days":
            rows[number] = row._replace(days=(*row.days, value))
        elif what == "from":
            rows[number] = row._replace(from_=value.strip())
        else:
            rows[number] = row._replace(to=value.strip())
    return dict(sorted(rows.items()))


def rows_from_windows(windows: Iterable[Window]) -> dict[int, WindowRow]:
    """The rows of saved windows."""
    return {
        number: WindowRow(tuple(it.days), it.from_, it.to) for number, it in enumerate(map(window_document, windows))
    }


def check_rows(rows: dict[int, WindowRow]) -> CheckedRows:
    """Check each row by the rules of docs/contract.md, "Windows and flights"; blank rows are left out."""
    checked = CheckedRows(rows)
    for number, row in rows.items():
        if row == WindowRow():
            continue
        try:
            if not row.days:
                raise ValueError(_NO_DAY)
            checked.windows[number] = window_from_document(row.days, row.from_, row.to)
        except ValueError as error:
            checked.errors[number] = str(error)
    return checked
