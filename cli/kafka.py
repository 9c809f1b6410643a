"""`kafka TOOL ARGUMENTS…`: the genuine Kafka command-line tools."""

import os
import sys

import typer

from cli.environment import load_settings
from cli.framework import PASSED_THROUGH, CommandGroup

app = CommandGroup()


@app.command(context_settings=PASSED_THROUGH)
def kafka(arguments: list[str] = typer.Argument(None, metavar="TOOL ARGUMENTS…")) -> None:
    """Kafka's own command-line tools, brokers filled in."""
    from cli.progress import download_progress
    from local.kafka_properties import client_properties, inheritable_file
    from local.kafka_tools import TOOLS, tool_command

    if not arguments or arguments[0] in ("-h", "--help"):
        print("\n".join(["spendgate kafka TOOL ARGUMENTS…", "", "Tools:", *(f"  {name}" for name in sorted(TOOLS))]))  # noqa: T201
        raise typer.Exit(0 if arguments else 2)
    settings = load_settings()
    secrets = client_properties(settings)
    properties = None if secrets is None else inheritable_file(secrets)
    with download_progress() as progress:
        command = tool_command(
            arguments[0],
            arguments[1:],
            settings.brokers,
            progress,
            properties=properties,
            token_url=settings.kafka_token_url,
        )
    sys.stdout.flush()
    # The tool takes our place, so that signals, the terminal and the exit code are its own.
    os.execv(command[0], command)  # noqa: S606
