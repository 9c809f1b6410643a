"""`database roles`."""

import typer

from cli import output
from cli.environment import load_settings
from cli.framework import CommandGroup

app = CommandGroup("database", help="PostgreSQL: the roles by which processes and commands connect.")


@app.command()
def roles(
    chosen: list[str] = typer.Argument(
        None, metavar="ROLE…", help="Of these alone: migrator, scheduler, ledger, notifier, api, operator."
    ),
    prefix: str = typer.Option("spendgate_", help="The names of the roles begin so."),
) -> None:
    """Print the SQL that makes the roles, with the privileges that each process and command needs, and no more."""
    from psycopg2 import ProgrammingError
    from psycopg2.extensions import parse_dsn

    from core.errors import ConfigurationError
    from models.privileges import DatabaseRole, Verb, privileges_of, public_statements, statements
    from operations.validation import one_of

    wanted = [
        DatabaseRole(one_of("role", name, [role.value for role in DatabaseRole])) for name in chosen or DatabaseRole
    ]
    try:
        dsn = parse_dsn(load_settings().database)
    except ProgrammingError as error:
        raise ConfigurationError("libpq does not read SPENDGATE_DATABASE_URL: write postgresql://…") from error
    database = dsn.get("dbname") or dsn.get("user") or "spendgate"
    facts = [
        {"role": f"{prefix}{role}", "table": table, "privileges": [verb.value for verb in Verb if verb in verbs]}
        for role in wanted
        for table, verbs in privileges_of(role).items()
    ]
    lines = [*public_statements(database)]
    for role in wanted:
        lines += ["", *statements(role, f"{prefix}{role}", database)]
    output.show({"privileges": facts}, "\n".join(["BEGIN;", *lines, "COMMIT;"]))
