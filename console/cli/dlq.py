"""`dlq …`: spend events that the controller has refused, with the reason."""

import typer

from console.cli import output
from console.cli.catalog import ask
from console.cli.environment import load_settings
from console.cli.frame import App

app = App("dlq", help="Dead letters: spend events that were refused.", panel="Try and watch")


@app.command("list")
def list_(
    reason: str = typer.Option(None, help="Of this reason alone, such as unknown_brand."),
    brand: str = typer.Option(None, help="Of this brand alone, by key or value."),
    limit: str = typer.Option("100", help="How many of the newest."),
) -> None:
    """The dead letters, oldest first; `show` tells all of one."""
    from console import validation
    from console.dead_letters import latest, summary
    from streams.core.refusal import RefusalReason

    if reason is not None:
        validation.one_of("reason", reason, [one.value for one in RefusalReason])
    if brand is not None:
        validation.identifier("brand", brand)
    most = validation.number("dead letters", limit, least=1, most=100_000)
    letters = ask(latest(load_settings(), reason=reason, brand_id=brand, limit=most))
    columns = ("id", "at", "reason", "message", "original", "key", "size")
    output.show_table(columns, [summary(letter) for letter in letters], "There are no dead letters.")


@app.command()
def show(letter: str = typer.Argument(metavar="ID", help="As `dlq list` tells it: partition/offset.")) -> None:
    """One dead letter: why, from where, its headers, and the value as it came."""
    from console.dead_letters import details, find, letter_position

    view = details(ask(find(load_settings(), letter_position(letter))))
    headers = view["headers"]
    assert isinstance(headers, list)
    lines = [
        f"{name:<9} {'-' if view[name] is None else view[name]}"
        for name in ("id", "at", "reason", "message", "original", "key", "size")
    ]
    lines += [f"header    {header['name']}: {header['value']}" for header in headers]
    value = view["value"] if view["value"] is not None else view["value_base64"]
    output.show(view, "\n".join([*lines, "value", str(value)]))
