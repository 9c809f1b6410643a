"""`channel …`: where alerts and commands are delivered to."""

import sys
from typing import Final

import typer

from cli import output
from cli.catalog_editing import actor
from cli.environment import load_settings
from cli.framework import CommandGroup

app = CommandGroup(
    "channel", help="Where alerts go: add, list, pause, resume, test, remove.", panel="People and programs"
)

_COLUMNS: Final = ("name", "kind", "address", "kinds", "severities", "brands", "commands", "paused")
_NAME = typer.Argument(metavar="NAME", help="What the channel is called; names are never used again.")


@app.command()
def add(
    name: str = _NAME,
    address: str = typer.Argument(
        metavar="ADDRESS",
        help="https://… for a signed webhook, or an address of Apprise (mailto://…, slack://…); - reads a pipe.",
    ),
    kind: list[str] = typer.Option([], help="Alerts of this kind alone; may be repeated."),
    severity: list[str] = typer.Option([], help="Alerts of this severity alone; may be repeated."),
    brand: list[str] = typer.Option([], help="Of this brand alone; may be repeated."),
    commands: bool = typer.Option(False, "--commands", help="Pauses and resumes of campaigns as well."),
) -> None:
    """Add a receiver. The secret that a webhook is signed with is shown this once."""
    from operations.channels import add_channel, channel_view

    settings = load_settings()
    address = sys.stdin.readline().strip() if address == "-" else address
    row, secret = add_channel(
        settings,
        name,
        address,
        alert_kinds=kind,
        severities=severity,
        brand_ids=brand,
        commands=commands,
        actor=actor(settings),
    )
    if secret is not None:
        output.note(f"channel {row.name} added; the secret of its signatures is shown this once:")
    output.show({**channel_view(row), "secret": secret}, secret or f"channel {row.name} added")


@app.command("list")
def list_() -> None:
    """All channels; of an address only what is no secret."""
    from models.queries.channels import list_channels
    from models.session import session_scope
    from operations.channels import channel_view

    with session_scope(load_settings().database) as session:
        views = [channel_view(row) for row in list_channels(session)]
    output.show_table(_COLUMNS, views, "There is no channel: add one with `spendgate channel add`.")


@app.command("test")
def send_test(name: str = _NAME) -> None:
    """Send a test through the notifier, and wait for what becomes of it."""
    from operations.channels import delivery_view, wait_for_test

    delivery = wait_for_test(load_settings(), name)
    output.show(delivery_view(delivery), f"the test has arrived at {delivery.channel}")


@app.command()
def pause(name: str = _NAME) -> None:
    """Hold back what comes from now on; `resume` sends it."""
    _pause(name, True)


@app.command()
def resume(name: str = _NAME) -> None:
    """Send what has waited, and go on."""
    _pause(name, False)


@app.command()
def remove(name: str = _NAME) -> None:
    """Forget its address and secret, and drop what waits."""
    from operations.channels import channel_view, remove_channel

    settings = load_settings()
    row = remove_channel(settings, name, actor=actor(settings))
    output.show(channel_view(row), f"channel {row.name} is removed")


def _pause(name: str, paused: bool) -> None:
    from operations.channels import channel_view, pause_channel

    settings = load_settings()
    row = pause_channel(settings, name, paused, actor=actor(settings))
    output.show(channel_view(row), f"channel {row.name} {'is paused' if paused else 'is resumed'}")
