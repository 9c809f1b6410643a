"""The question before what cannot be undone."""

import sys

import typer

from console.cli import output

__all__ = ["confirm"]


def confirm(what: str) -> None:
    """Asked on stderr, so that stdout has the result alone; whoever cannot be asked gives --yes."""
    from streams.errors import RefusedValue

    if not sys.stdin.isatty():
        raise RefusedValue(f"{what}? Nobody is there to confirm it: give --yes.")
    output.note(f"{what}? Type yes:")
    if sys.stdin.readline().strip() != "yes":
        raise typer.Abort
