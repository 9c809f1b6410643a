"""The question before what cannot be undone."""

import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import typer

from cli import output

if TYPE_CHECKING:
    from models.tables.brand import Brand
    from models.tables.campaign import Campaign
    from streams.settings import Settings

__all__ = ["confirm", "confirm_budgets", "confirm_new_budgets"]


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


def confirm_budgets(
    settings: "Settings", table: "type[Brand | Campaign]", id_: str, changes: Mapping[str, object], *, yes: bool
) -> None:
    """Ask about dangerous numbers before an edit. Of a script, which has no terminal, nothing is asked. Raises Abort
    where the answer is not `yes`."""
    from models.queries.catalog import get_brand, get_campaign
    from models.session import session_scope
    from models.tables.brand import Brand
    from operations.dangerous_budgets import budgets_of, dangers_of

    if yes or not sys.stdin.isatty() or not any(name.endswith("_budget_micros") for name in changes):
        return
    with session_scope(settings.database) as session:
        row = get_brand(session, id_) if table is Brand else get_campaign(session, id_)
        dangers = dangers_of(budgets_of(row), changes)
    if dangers:
        confirm("Change it", dangers)


def confirm_new_budgets(budgets: Mapping[str, int | None], *, yes: bool) -> None:
    """Ask as `confirm_budgets` does, about the budgets of a row that is to be added."""
    from operations.dangerous_budgets import dangers_of

    if not yes and sys.stdin.isatty() and (dangers := dangers_of({}, budgets)):
        confirm("Add it", dangers)
