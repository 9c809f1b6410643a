"""Results on stdout, for people or as JSON; everything else on stderr."""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from rich.console import Console, RenderableType

from console.cli.failures import Failure

__all__ = ["failed", "flush", "is_json", "line", "note", "reader_is_gone", "show", "show_table", "want_json"]

Json = Mapping[str, "Json"] | Sequence["Json"] | str | int | float | bool | None

_mode: Final = {"json": False}


def want_json(wanted: bool = True) -> None:
    _mode["json"] = wanted


def is_json() -> bool:
    return _mode["json"]


def show(data: Json, text: RenderableType) -> None:
    """The one result of a command: `data` with --json, else `text`. Text is shown as it is, without markup."""
    if is_json():
        _write(json.dumps(data, ensure_ascii=False))
    elif isinstance(text, str):
        _write(text)
    else:
        Console(highlight=False).print(text)


def line(data: Json, text: RenderableType) -> None:
    """One result of many, written out at once."""
    show(data, text)
    flush()


def show_table(columns: Sequence[str], rows: Iterable[Mapping[str, Json]], empty: str) -> None:
    """Rows by the names of their fields, as a table of `columns`; with --json all fields, as one array."""
    rows = list(rows)
    if is_json():
        return _write(json.dumps(rows, ensure_ascii=False))
    if not rows:
        return _write(empty)
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(row.get(column))) for column in columns))
    Console(highlight=False, width=None if sys.stdout.isatty() else 200).print(table)
    return None


def note(text: str) -> None:
    """A word beside the result."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def failed(failure: Failure) -> int:
    note(failure.sentence)
    return failure.exit_code


def flush() -> None:
    sys.stdout.flush()


def reader_is_gone() -> None:
    """`spendgate … | head`: what is still buffered goes nowhere, and Python must not complain about it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write(text: str) -> None:
    print(text)  # noqa: T201


def _cell(value: Json) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_cell, value)) or "-"
    return str(value)
