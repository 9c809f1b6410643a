"""`token …`: programs that may use the API."""

import typer

from cli import output
from cli.catalog_editing import actor
from cli.environment import load_settings
from cli.framework import CommandGroup

app = CommandGroup("token", help="Programs that may use the API: create, list, revoke.", panel="People and programs")

_NAME = typer.Argument(metavar="NAME", help="What the program is called; names are never used again.")


@app.command()
def create(
    name: str = _NAME,
    role: str = typer.Option("viewer", help="viewer reads, operator also edits and publishes spend, admin all."),
    days: str = typer.Option("90", help="How long it opens anything, 1 to 3650."),
) -> None:
    """Make a token; it is shown this once."""
    from operations import validation
    from operations.accounts.accounts import TOKEN_DAYS_MAX, create_token
    from operations.catalog_views import token_view

    settings = load_settings()
    length = validation.number("days", days, least=1, most=TOKEN_DAYS_MAX)
    row, secret = create_token(settings.database, name, role, length, actor=actor(settings))
    output.note(f"token {row.name} as {row.role}; it is shown this once:")
    output.show({**token_view(row), "token": secret}, secret)


@app.command("list")
def list_() -> None:
    """All tokens, also those that open nothing any more."""
    from models.queries.accounts import list_tokens
    from models.session import session_scope
    from operations.catalog_views import token_view

    with session_scope(load_settings().database) as session:
        views = [token_view(row) for row in list_tokens(session)]
    columns = ("name", "role", "created_by", "created_at", "expires_at", "revoked_at")
    output.show_table(columns, views, "There is no token: make one with `spendgate token create`.")


@app.command()
def revoke(name: str = _NAME) -> None:
    """From now on it opens nothing."""
    from models.queries.accounts import revoke_token
    from models.session import session_scope
    from operations import validation
    from operations.catalog_views import token_view

    settings = load_settings()
    with session_scope(settings.database) as session:
        row = revoke_token(session, validation.account_name("token", name), actor=actor(settings))
    output.show(token_view(row), f"token {row.name} is revoked")
