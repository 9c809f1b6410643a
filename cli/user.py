"""`user …`: people who may use the console."""

import sys
from typing import TYPE_CHECKING

import typer

from cli import output
from cli.catalog_editing import actor
from cli.environment import load_settings
from cli.framework import CommandGroup

if TYPE_CHECKING:
    from models.tables.account import Account

app = CommandGroup(
    "user", help="People who may use the console: add, list, disable, new password.", panel="People and programs"
)

_NAME = typer.Argument(metavar="NAME", help="1 to 64 of a-z 0-9 . _ @ -")
_ROLE = typer.Option("viewer", help="viewer reads, operator also edits, admin also manages users.")


@app.command()
def add(name: str = _NAME, role: str = _ROLE) -> None:
    """Add a user; asks for the password, or reads it from a pipe."""
    from operations.accounts.accounts import add_user
    from operations.catalog_views import account_view

    settings = load_settings()
    row = add_user(settings.database, name, role, _password(name), actor=actor(settings))
    output.show(account_view(row), f"user {row.name} added as {row.role}")


@app.command("list")
def list_() -> None:
    """All users."""
    from models.queries.accounts import list_accounts
    from models.session import session_scope
    from operations.catalog_views import account_view

    with session_scope(load_settings().database) as session:
        views = [account_view(row) for row in list_accounts(session)]
    output.show_table(
        ("name", "role", "enabled", "created_at"), views, "There is no user: add one with `spendgate user add`."
    )


@app.command()
def disable(name: str = _NAME) -> None:
    """Sign the user out everywhere and let nobody in by that name."""
    _show(_set_enabled(name, False), "is disabled")


@app.command()
def enable(name: str = _NAME) -> None:
    """End `disable`."""
    _show(_set_enabled(name, True), "is enabled")


@app.command("set-role")
def set_role(name: str = _NAME, role: str = typer.Argument(metavar="viewer|operator|admin")) -> None:
    """Give the user another role, from the next request on."""
    from models.queries import accounts
    from models.session import session_scope
    from operations import validation
    from operations.accounts.person import Role

    settings = load_settings()
    name, role = validation.account_name("user", name), validation.one_of("role", role, list(Role))
    with session_scope(settings.database) as session:
        row = accounts.set_role(session, name, role, actor=actor(settings))
    _show(row, f"is {row.role}")


@app.command("set-password")
def set_password(name: str = _NAME) -> None:
    """Ask for a new password, or read it from a pipe; signs the user out everywhere."""
    from operations.accounts.accounts import new_password

    settings = load_settings()
    _show(new_password(settings.database, name, _password(name), actor=actor(settings)), "has a new password")


def _password(name: str) -> str:
    """Never an argument: those stand in the history of the shell and in the list of processes."""
    from operations.accounts.passwords import check_password

    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return check_password(name, sys.stdin.readline().rstrip("\r\n"))


def _set_enabled(name: str, enabled: bool) -> "Account":
    from models.queries import accounts
    from models.session import session_scope
    from operations import validation

    settings = load_settings()
    name = validation.account_name("user", name)
    with session_scope(settings.database) as session:
        return accounts.set_enabled(session, name, enabled, actor=actor(settings))


def _show(row: "Account", message: str) -> None:
    from operations.catalog_views import account_view

    output.show(account_view(row), f"user {row.name} {message}")
