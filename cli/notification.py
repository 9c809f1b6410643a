"""`notification …`: what became of each alert and command for each channel."""

import typer

from cli import output
from cli.environment import load_settings
from cli.framework import CommandGroup

app = CommandGroup("notification", help="What became of deliveries to channels.", panel="People and programs")


@app.callback()
def _group() -> None:
    """A callback, so that `list` is a command below `notification` although it is the only one."""


@app.command("list")
def list_(
    channel: str = typer.Option(None, help="To this channel alone."),
    brand: str = typer.Option(None, help="Of this brand alone."),
    state: str = typer.Option(None, help="waiting, delivered, given_up or dropped."),
    limit: str = typer.Option("100", help="How many of the newest."),
) -> None:
    """The newest last."""
    from operations import validation
    from operations.channels import delivery_view, list_notifications

    most = validation.number("notifications", limit, least=1, most=100_000)
    found = list_notifications(load_settings(), channel=channel, brand_id=brand, state=state, limit=most)
    columns = ("created_at", "channel", "subject", "state", "attempts", "next_attempt_at", "finished_at", "last_error")
    output.show_table(columns, [delivery_view(it) for it in reversed(found.rows)], "There is no notification.")
