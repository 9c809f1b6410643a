"""The rows in which windows are typed: from the form as text, checked by the core, back into text. No I/O."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from models.daypart_window import Window as WindowRow
from streams.core.dayparting import DAY_NAMES, Window, format_minute, window_from_document

__all__ = ["CheckedRows", "Row", "check_rows", "rows_in", "rows_of", "window_row"]

#: The fields of row 3 are `days-3`, `from-3` and `to-3`; a browser sends `days-3` once for each day.
_FIELD: Final = re.compile(r"(days|from|to)-([0-9]{1,4})")
_NO_DAY: Final = "Tick the days on which this window starts."


class Fields(Protocol):
    """The fields of a form, of which one name may come several times."""

    def multi_items(self) -> Iterable[tuple[str, object]]: ...


class Row(NamedTuple):
    """As typed."""

    days: tuple[str, ...] = ()
    from_: str = ""
    to: str = ""


@dataclass(frozen=True, slots=True)
class CheckedRows:
    """Rows by their number in the form; each that is not blank is a window or has an error."""

    rows: dict[int, Row]
    windows: dict[int, Window] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)


def rows_in(form: Fields) -> dict[int, Row]:
    """The rows of a form that was sent, blank ones included."""
    rows: dict[int, Row] = {}
    for name, value in form.multi_items():
        match = _FIELD.fullmatch(name)
        if match is None or not isinstance(value, str):
            continue
        what, number = match[1], int(match[2])
        row = rows.get(number, Row())
        if what == "days":
            rows[number] = row._replace(days=(*row.days, value))
        elif what == "from":
            rows[number] = row._replace(from_=value.strip())
        else:
            rows[number] = row._replace(to=value.strip())
    return dict(sorted(rows.items()))


def rows_of(windows: Iterable[Window]) -> dict[int, Row]:
    """The rows of a schedule that is saved."""
    return {
        number: Row(
            tuple(DAY_NAMES[day] for day in window.days),
            format_minute(window.from_minute),
            format_minute(window.to_minute),
        )
        for number, window in enumerate(windows)
    }


def check_rows(rows: dict[int, Row]) -> CheckedRows:
    """What the contract says of each row; one without days and times is not there."""
    checked = CheckedRows(rows)
    for number, row in rows.items():
        if row == Row():
            continue
        try:
            if not row.days:
                raise ValueError(_NO_DAY)
            checked.windows[number] = window_from_document(row.days, row.from_, row.to)
        except ValueError as error:
            checked.errors[number] = str(error)
    return checked


def window_row(window: Window) -> WindowRow:
    """As the catalog keeps it."""
    return WindowRow(sum(1 << day for day in window.days), window.from_minute, window.to_minute)
