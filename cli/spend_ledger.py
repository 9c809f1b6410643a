"""`spend …`: the ledger's spend, and a file of it published."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO, Final

import typer

from cli import output
from cli.catalog_editing import run_async
from cli.environment import load_settings
from cli.framework import CommandGroup
from cli.user_files import STDIN, opened, report_refused_line

if TYPE_CHECKING:
    from datetime import date

    from models.queries.spend import SpendEntry
    from models.queries.spend_rows import SpendFilter
    from models.queries.spend_sums import SpendTotal

app = CommandGroup("spend", help="The ledger: every spend once, and what was refused.", panel="Try and watch")

_NONE: Final = "The ledger has no such spend."
_NONE_REFUSED: Final = (
    "The ledger has no such spend that was refused; what cannot be booked to a day, such as spend of a brand that "
    "nobody knows, is in `spendgate dlq list`."
)
_ANY_DAY: Final = "A day of the brand's calendar, such as 2025-09-08."


@app.command("list")
def list_(
    brand: str = typer.Option(None, help="Of this brand alone."),
    campaign: str = typer.Option(None, help="Of this campaign alone."),
    event_id: str = typer.Option(None, help="Of this event alone."),
    day: str = typer.Option(None, help=f"Booked to this day. {_ANY_DAY}"),
    since: str = typer.Option(None, help="Booked to this day or later."),
    until: str = typer.Option(None, help="Booked to this day or before."),
    arrived_since: str = typer.Option(None, help="Arrived at this moment or later, such as 2025-09-08T09:00:00Z."),
    arrived_until: str = typer.Option(None, help="Arrived before this moment."),
    refused: bool = typer.Option(False, "--refused", help="What the controller refused, and why, in place of it."),
    limit: str = typer.Option("100", help="How many of the newest."),
) -> None:
    """Spend that counts, newest first, and on stderr the total of all that fits."""
    from models.queries.spend import list_spend
    from models.queries.spend_sums import spend_total
    from models.session import session_scope
    from operations import validation
    from operations.journal import spend_view

    most = validation.number("events", limit, least=1, most=1_000_000)
    wanted: SpendFilter = {
        "brand_id": None if brand is None else validation.identifier("brand", brand),
        "campaign_id": None if campaign is None else validation.identifier("campaign", campaign),
        "event_id": event_id,
        "day_from": _day("--day", day) or _day("--since", since),
        "day_until": _day("--day", day) or _day("--until", until),
        "arrived_since": None if arrived_since is None else validation.moment("moment", arrived_since),
        "arrived_until": None if arrived_until is None else validation.moment("moment", arrived_until),
    }
    with session_scope(load_settings().database) as session:
        page = list_spend(session, only_refused=refused, limit=most, **wanted)
        total = spend_total(session, only_refused=refused, **wanted) if brand or campaign else None
    columns = ("arrived_at", "booked_day", "brand_id", "campaign_id", "event_id", "amount", "currency")
    views = [spend_view(entry) for entry in page.rows]
    shown, empty = ((*columns, "refused"), _NONE_REFUSED) if refused else (columns, _NONE)
    output.show_table(shown, views, empty)
    for line in _totals(page.rows, total, more=page.after is not None):
        output.note(line)


@app.command("import")
def import_(
    file: str = typer.Argument(help="CSV with a header, or one JSON object a line; - for stdin."),
    format_: str = typer.Option(None, "--format", help="csv or jsonl; by the ending of the name when not given."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only check; publish nothing."),
) -> None:
    """Publish spend events; exit code 1 when a line was refused.

    Running it again counts nothing twice, as long as its ids are among the last million of their partition: cut a file
    of more into parts, and run again the part that broke off.
    """
    from cli.progress import counting_progress
    from core.errors import RefusedValue
    from operations import validation
    from operations.spend_import.file import SpendFileFormat, format_of, lines_of
    from operations.spend_import.publish import SpendListener, import_spend

    if file == STDIN and format_ is None:
        raise RefusedValue("What comes on stdin has no name that shows its format: write --format csv or jsonl.")
    settings = load_settings()
    with ExitStack() as stack:
        stream = stack.enter_context(opened(file))
        if format_ is not None:
            file_format = SpendFileFormat(
                validation.one_of("format", format_.lower(), [it.value for it in SpendFileFormat])
            )
        else:
            file_format = format_of(file, stream)
        size = None if file == STDIN else os.fstat(stream.fileno()).st_size
        moved = stack.enter_context(counting_progress("Importing", in_bytes=True))
        listener = SpendListener(report_refused_line, output.note, lambda: moved(_position(stream), size))
        imported = run_async(import_spend(settings, lines_of(stream, file_format), listener, dry_run=dry_run))
    done = "would be published" if dry_run else "published"
    summary = {"published": imported.published, "refused": imported.refused, "dry_run": dry_run}
    output.show(summary, f"{imported.published:,} events {done}, {imported.refused:,} lines refused")
    if imported.refused:
        raise typer.Exit(1)


def _day(option: str, text: str | None) -> "date | None":
    from operations import validation

    return None if text is None else validation.day(option, text)


def _totals(listed: "Sequence[SpendEntry]", total: "SpendTotal | None", *, more: bool) -> Iterator[str]:
    """The totals of everything that fits where an index leads to it, else of what is listed; per currency, as they
    never mix."""
    from core.money import format_money

    if total is not None and listed:
        which = f"; the newest {len(listed):,} are listed" if more else ""
        yield f"{total.events:,} events, {format_money(total.micros)} {listed[0].currency} in all{which}"
        return
    for currency in sorted({entry.currency for entry in listed}):
        mine = [entry.amount_micros for entry in listed if entry.currency == currency]
        yield f"{len(mine):,} events listed, {format_money(sum(mine))} {currency}"
    if more:
        yield "There are more: name a brand or a campaign for the total of all, or raise --limit."


def _position(stream: BinaryIO) -> int:
    return stream.tell() if stream.seekable() else 0
