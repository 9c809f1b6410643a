"""`snapshots …`: totals that platforms know, from a file."""

from contextlib import ExitStack
from typing import TYPE_CHECKING

import typer

from cli import output
from cli.catalog_editing import run_async
from cli.environment import load_settings
from cli.framework import CommandGroup
from cli.user_files import opened, report_refused_line
from streams.clock import current_moment

if TYPE_CHECKING:
    from operations.snapshots.file import Defaults, SkippedLine

app = CommandGroup("snapshots", help="What platforms say was spent, for a campaign and a day.", panel="Try and watch")


@app.command("import")
def import_(
    file: str = typer.Argument(help="A report of Google Ads or Meta Ads, a plain CSV, or JSON lines; - for stdin."),
    source: str = typer.Option(None, help="Where the totals come from; google-ads or meta-ads by their reports."),
    day: str = typer.Option(None, help="The day of lines that name none, such as 2025-09-08."),
    as_of: str = typer.Option(None, help="When the file was made, such as 2025-09-08T09:00:00Z; now when not given."),
    time_zone: str = typer.Option(None, help="That of the platform's account: other days than a brand's are refused."),
    decimal: str = typer.Option(None, help="point or comma, where the amounts of a report are ambiguous."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only check; publish nothing."),
) -> None:
    """Publish the totals of a file; exit code 1 when a line was refused.

    The header shows which kind of file it is. Of one campaign, source and day the total with the highest as_of
    counts: import files in the order in which they were made, or say with --as-of when that was. To import the same
    file again is harmless.
    """
    from cli.progress import counting_progress
    from operations import validation
    from operations.snapshots.file import read_file
    from operations.snapshots.publish import SnapshotsListener, import_snapshots

    defaults = _defaults(source, day, as_of, decimal)
    if time_zone is not None:
        validation.time_zone(time_zone)
    settings = load_settings()
    with ExitStack() as stack:
        stream = stack.enter_context(opened(file))
        found = read_file(stream, defaults)
        columns = "" if found.header is None else f", its columns named in line {found.header}"
        output.note(f"{found.kind}{columns}; totals are as of {defaults.as_of} where a line does not say it")
        moved = stack.enter_context(counting_progress("Importing"))
        listener = SnapshotsListener(report_refused_line, _report_skipped, output.note, moved)
        imported = run_async(import_snapshots(settings, found.rows, listener, time_zone=time_zone, dry_run=dry_run))
    done = "would be published" if dry_run else "published"
    counts = {"published": imported.published, "refused": imported.refused, "skipped": imported.skipped}
    output.show(
        {**counts, "kind": found.kind.value, "as_of": defaults.as_of, "dry_run": dry_run},
        f"{imported.published:,} totals {done}, {imported.refused:,} lines refused, {imported.skipped:,} skipped",
    )
    if imported.refused:
        raise typer.Exit(1)


def _defaults(source: str | None, day: str | None, as_of: str | None, decimal: str | None) -> "Defaults":
    from core.moment import format_moment
    from operations import validation
    from operations.snapshots.file import Defaults
    from operations.snapshots.local_numbers import Decimal

    made_at = current_moment() if as_of is None else validation.moment("moment", as_of)
    all_of_day = None if day is None else validation.day("--day", day)
    return Defaults(
        as_of=format_moment(made_at),
        source=None if source is None else validation.identifier("source", source),
        day=None if all_of_day is None else all_of_day.isoformat(),
        decimal=None if decimal is None else Decimal(validation.one_of("decimal", decimal.lower(), list(Decimal))),
    )


def _report_skipped(number: int, skipped: "SkippedLine") -> None:
    if output.is_json():
        output.line({"line": number, "skipped": skipped.why}, "")
    else:
        output.note(f"line {number} is skipped: {skipped.why}")
