"""The question before what cannot be undone."""

import sys
from collections.abc import Iterable

import typer

from console.cli import output

__all__ = ["confirm"]


def confirm(what: str, details: Iterable[str] = ()) -> None:
    """Asked on stderr below the details, so that stdout has the result alone; whoever cannot be asked gives --yes."""
    from streams.errors import RefusedValue

    if not sys.stdin.isatty():
        raise RefusedValue(f"{what}? Nobody is there to confirm it: give --yes.")
    for line in details:
        output.note(line)
    output.note(f"{what}? Type yes:")
    if sys.stdin.readline().strip() != "yes":
        raise typer.Abort
