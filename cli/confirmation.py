"""The question before what cannot be undone."""

import sys
from collections.abc import Iterable

import typer

from cli import output

__all__ = ["confirm"]


def confirm(what: str, details: Iterable[str] = ()) -> None:
    """Ask on stderr, below the details, whether to go on; stdout has the result alone. Raises Abort where the answer is
    not `yes`, and RefusedValue where stdin is no terminal."""
    from core.errors import RefusedValue

    if not sys.stdin.isatty():
        raise RefusedValue(f"{what}? Nobody is there to confirm it: give --yes.")
    for line in details:
        output.note(line)
    output.note(f"{what}? Type yes:")
    if sys.stdin.readline().strip() != "yes":
        raise typer.Abort
