"""`control tail`: the commands as they come."""

import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import typer

from console.cli import output
from console.cli.catalog import ask
from console.cli.environment import load_settings
from console.cli.frame import App

if TYPE_CHECKING:
    from aiokafka import ConsumerRecord

    from streams.settings import Settings

app = App("control", help="Pauses and resumes as they are told.", panel="Try and watch")


@app.command()
def tail(
    campaign: str = typer.Option(None, help="Of this campaign alone."),
    from_start: bool = typer.Option(False, "--from-start", help="Everything that the topic holds first."),
) -> None:
    """Print each pause and resume once it is told, until Ctrl-C. With --json the messages themselves, one a line."""
    try:
        from console import validation

        wanted = None if campaign is None else validation.identifier("campaign", campaign)
        ask(_tail(load_settings(), wanted, from_start))
    except KeyboardInterrupt:
        return


async def _tail(settings: "Settings", campaign: str | None, from_start: bool) -> None:
    async for record in _commands(settings, from_start):
        if campaign is not None and record.key != campaign.encode():
            continue
        value = record.value or b""
        # As they are on the topic, byte for byte.
        sys.stdout.buffer.write((value if output.is_json() else _told(value).encode()) + b"\n")
        sys.stdout.buffer.flush()


async def _commands(settings: "Settings", from_start: bool) -> "AsyncIterator[ConsumerRecord]":
    """Goes on where it was when a broker comes back."""
    from streams.topic_reader import topic_reader
    from streams.topics import Topic

    async with topic_reader(settings, Topic.CAMPAIGN_CONTROL) as reader:
        if not from_start:
            reader.go_to(await reader.ends())
        output.note(f"listening to {settings.topic(Topic.CAMPAIGN_CONTROL)}; Ctrl-C ends it")
        while True:
            for record in await reader.batch():
                yield record


def _told(value: bytes) -> str:
    import msgspec

    from console.reason_words import in_words
    from streams.records import decode_command

    try:
        command = decode_command(value)
    except msgspec.DecodeError:
        return value.decode(errors="replace")
    words = f": {in_words(command.reasons)}" if command.reasons else ""
    then = f"; resumes at {command.resumes_at}" if command.resumes_at else ""
    then = f"; pauses at {command.pauses_at}" if command.pauses_at else then
    cause = f"{command.cause.kind} {command.cause.topic}/{command.cause.partition}/{command.cause.offset}"
    return f"{command.decided_at}  {command.action:<6}  {command.campaign_id}{words}{then}  ({cause})"
