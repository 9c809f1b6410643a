"""`topics create`, `topics check`."""

import asyncio

import typer

from console.cli import output
from console.cli.environment import load_settings
from console.cli.frame import App

app = App("topics", help="Make Kafka's topics as they must be, or check them.")


@app.command()
def create() -> None:
    """Make the topics that are missing, with the right partitions, cleanup and timestamp type."""
    from streams.provision import create_topics

    created = asyncio.run(create_topics(load_settings()))
    output.show({"created": created}, "\n".join(f"created {name}" for name in created) or "All topics are there.")


@app.command()
def check() -> None:
    """List what is not as it must be, one difference a line; exit code 1 when there is one."""
    from streams.provision import topic_differences

    differences = asyncio.run(topic_differences(load_settings()))
    facts = [
        {"topic": one.topic, "what": one.what, "found": one.found, "wanted": one.wanted, "mend": one.mend}
        for one in differences
    ]
    output.show({"differences": facts}, "\n".join(map(str, differences)) or "All topics are as they must be.")
    if differences:
        raise typer.Exit(1)
