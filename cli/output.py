"""Results on stdout, for people or as JSON; everything else on stderr."""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from cli.exit_codes import CommandFailure
from cli.printable import one_line, printable, printable_json

__all__ = [
    "discard_output",
    "flush",
    "is_json",
    "line",
    "note",
    "report_failure",
    "set_json",
    "show",
    "show_table",
    "write_file",
]

Json = Mapping[str, "Json"] | Sequence["Json"] | str | int | float | bool | None

_mode: Final = {"json": False}


def set_json(wanted: bool = True) -> None:
    _mode["json"] = wanted


def is_json() -> bool:
    return _mode["json"]


def show(data: Json, text: str) -> None:
    """Print the one result of a command: `data` with --json, else `text`. Control characters are written as escapes;
    there is no markup."""
    if is_json():
        _write_json(data)
    else:
        _write(text)


def line(data: Json, text: str) -> None:
    """Print one result of many and flush it."""
    show(data, text)
    flush()


def write_file(parts: Iterable[str]) -> None:
    """Print the text of a file as it is, in UTF-8: a program reads it, so nothing is escaped."""
    flush()
    for part in parts:
        sys.stdout.buffer.write(part.encode())
    sys.stdout.buffer.flush()


def show_table(columns: Sequence[str], rows: Iterable[Mapping[str, Json]], empty: str) -> None:
    """Print rows as a table of `columns`; with --json as one array with all fields. `empty` is printed where there is
    no row."""
    rows = list(rows)
    if is_json():
        return _write_json(rows)
    if not rows:
        return _write(empty)
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(Text(one_line(_cell(row.get(column)))) for column in columns))
    Console(highlight=False, width=None if sys.stdout.isatty() else 200).print(table)
    return None


def note(text: str) -> None:
    """Print a line on stderr, beside the result."""
    print(printable(text), file=sys.stderr, flush=True)  # noqa: T201


def report_failure(failure: CommandFailure) -> int:
    """Print the sentence of a failure on stderr. Returns its exit code."""
    note(failure.sentence)
    return failure.exit_code


def flush() -> None:
    sys.stdout.flush()


def discard_output() -> None:
    """Send buffered output nowhere, after a pipe such as `| head` was closed; else Python would print an error at
    exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write(text: str) -> None:
    print(printable(text))  # noqa: T201


def _write_json(data: Json) -> None:
    print(printable_json(json.dumps(data, ensure_ascii=False)))  # noqa: T201


def _cell(value: Json) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_cell, value)) or "-"
    return str(value)
