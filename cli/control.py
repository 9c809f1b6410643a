"""`control …`: the commands as they come, and the journal of all that were published."""

import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import typer

from cli import output
from cli.catalog_editing import run_async
from cli.environment import load_settings
from cli.framework import CommandGroup
from cli.printable import one_line

if TYPE_CHECKING:
    from aiokafka import ConsumerRecord

    from streams.settings import Settings

app = CommandGroup("control", help="Pauses and resumes as they are published.", panel="Try and watch")


@app.command()
def tail(
    campaign: str = typer.Option(None, help="Of this campaign alone."),
    from_start: bool = typer.Option(False, "--from-start", help="Everything that the topic holds first."),
) -> None:
    """Print each pause and resume as it is published, until Ctrl-C. With --json the messages, one a line."""
    try:
        from operations import validation

        wanted = None if campaign is None else validation.identifier("campaign", campaign)
        run_async(_tail(load_settings(), wanted, from_start))
    except KeyboardInterrupt:
        return


@app.command("list")
def list_(
    brand: str = typer.Option(None, help="Of this brand alone."),
    campaign: str = typer.Option(None, help="Of this campaign alone."),
    since: str = typer.Option(None, help="Decided at this moment or later, such as 2025-09-08T00:00:00Z."),
    until: str = typer.Option(None, help="Decided before this moment."),
    reason: str = typer.Option(None, help="With this reason, such as daily_budget."),
    action: str = typer.Option(None, help="pause or resume."),
    limit: str = typer.Option("100", help="How many of the newest."),
) -> None:
    """The journal: commands as they were published, newest first."""
    from core.reasons import Reason, reason_names
    from core.records import Action
    from models.queries.commands import list_commands
    from models.session import session_scope
    from operations import validation
    from operations.journal import command_row

    most = validation.number("commands", limit, least=1, most=100_000)
    wanted = {
        "brand_id": None if brand is None else validation.identifier("brand", brand),
        "campaign_id": None if campaign is None else validation.identifier("campaign", campaign),
        "reason": None if reason is None else validation.one_of("reason", reason, reason_names(~Reason(0))),
        "action": None if action is None else validation.one_of("action", action, [it.value for it in Action]),
    }
    decided_since = None if since is None else validation.moment("moment of --since", since)
    decided_until = None if until is None else validation.moment("moment of --until", until)
    with session_scope(load_settings().database) as session:
        page = list_commands(session, **wanted, decided_since=decided_since, decided_until=decided_until, limit=most)
    rows = [command_row(row) for row in page.rows]
    columns = ("decided_at", "action", "campaign_id", "reasons", "command_id")
    output.show_table(columns, rows, "The journal has no such command.")
    gaps = [str(row["command_id"]) for row in rows if row["follows_a_gap"]]
    if gaps:
        output.note(f"The command before each of these is not in the journal: {', '.join(gaps)}")
    if page.after:
        output.note(f"There are more: --limit shows more than {most}, --until those of before.")


@app.command()
def show(command_id: str = typer.Argument(metavar="COMMAND_ID", help="Such as nike-summer:1:7.")) -> None:
    """A decision and all that it was made on, computed anew from the ledger: enough to settle a dispute."""
    from cli.catalog_editing import change_line
    from models.queries.acks import acknowledgements
    from models.queries.catalog import change_of_version
    from models.queries.commands import get_command
    from models.session import session_scope
    from operations.catalog_views import change_view
    from operations.dispute import recompute
    from operations.journal import ack_lines, command_lines, decoded, dispute_view, recomputed_lines
    from operations.overspend import overspend_lines, overspend_of

    with session_scope(load_settings().database) as session:
        row = get_command(session, command_id)
        command = decoded(row)
        found = recompute(session, command)
        acks = acknowledgements(session, [command_id])[command_id]
        overspend = overspend_of(session, command, acks)
        changes = {
            "brand": change_of_version(
                session, brand_id=row.brand_id, campaign_id=None, version=command.catalog.brand_version
            ),
            "campaign": change_of_version(
                session,
                brand_id=row.brand_id,
                campaign_id=row.campaign_id,
                version=command.catalog.campaign_version,
            ),
        }
    history = [f"  change     {change_line(change_view(it))}" for it in changes.values() if it is not None]
    acked = ack_lines(acks, command.currency)
    if overspend is not None:
        acked += overspend_lines(overspend)
    lines = [*command_lines(row, command), *acked, *history, *recomputed_lines(found)]
    output.show(dispute_view(row, found, changes, acks, overspend), "\n".join(lines))


@app.command()
def resend(
    campaign: str = typer.Argument(None, help="Whose last command is sent again."),
    everyone: bool = typer.Option(False, "--all", help="That of every campaign of which the topic lacks it."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would be sent."),
) -> None:
    """Send the last command of a campaign again: same bytes, same key, same partition."""
    if (campaign is None) is not everyone:
        raise typer.BadParameter("name a campaign, or give --all")
    if everyone:
        _resend_all(dry_run)
    else:
        _resend_one(campaign, dry_run)


def _resend_one(campaign: str, dry_run: bool) -> None:
    from models.queries.commands import last_command
    from models.session import session_scope
    from operations import validation
    from operations.resend import resend as send_again

    settings = load_settings()
    with session_scope(settings.database) as session:
        row = last_command(session, validation.identifier("campaign", campaign))
    sent = run_async(send_again(settings, row, dry_run=dry_run))
    where = f"{sent.topic}, partition {sent.partition}" + ("" if sent.offset is None else f", offset {sent.offset}")
    message = "would be sent again to" if dry_run else "is sent again to"
    view = {"command_id": row.command_id, "action": row.action, "dry_run": dry_run, **sent._asdict()}
    output.show(view, f"{row.command_id} ({row.action}) {message} {where}")


def _resend_all(dry_run: bool) -> None:
    from models.queries.commands import last_commands
    from models.session import session_scope
    from operations.resend import resend_all

    settings = load_settings()
    with session_scope(settings.database) as session:
        done = run_async(resend_all(settings, last_commands(session), dry_run=dry_run))
    message = "would be sent again to" if dry_run else "were sent again to"
    text = f"The last commands of {done.sent} campaigns {message} {done.topic}; it had those of {done.there}."
    output.show({"dry_run": dry_run, **done._asdict()}, text)


async def _tail(settings: "Settings", campaign: str | None, from_start: bool) -> None:
    async for record in _commands(settings, from_start):
        if campaign is not None and record.key != campaign.encode():
            continue
        value = record.value
        if value is None:  # a tombstone, which is no command
            continue
        # As they are on the topic, byte for byte, for programs; people's terminals get no control characters.
        sys.stdout.buffer.write((value if output.is_json() else one_line(_command_text(value)).encode()) + b"\n")
        sys.stdout.buffer.flush()


async def _commands(settings: "Settings", from_start: bool) -> "AsyncIterator[ConsumerRecord]":
    """Records of campaign-control; after an outage of the broker it continues at the same offset."""
    from streams.kafka.reader import topic_reader
    from streams.kafka.topics import Topic

    async with topic_reader(settings, Topic.CAMPAIGN_CONTROL) as reader:
        if not from_start:
            reader.seek(await reader.ends())
        output.note(f"listening to {settings.topic(Topic.CAMPAIGN_CONTROL)}; Ctrl-C ends it")
        while True:
            for record in await reader.batch():
                yield record


def _command_text(value: bytes) -> str:
    import msgspec

    from operations.reason_words import command_in_words
    from streams.kafka.codec import decode_command

    try:
        command = decode_command(value)
    except msgspec.DecodeError:
        return value.decode(errors="replace")
    words = f": {command_in_words(command.reasons, command.resumes_at)}" if command.reasons else ""
    then = f"; resumes at {command.resumes_at}" if command.resumes_at else ""
    then = f"; pauses at {command.pauses_at}" if command.pauses_at else then
    cause = f"{command.cause.kind} {command.cause.topic}/{command.cause.partition}/{command.cause.offset}"
    return f"{command.decided_at}  {command.action:<6}  {command.campaign_id}{words}{then}  ({cause})"
