"""`replay --from-ledger`: disaster recovery."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import typer

from cli import output
from cli.catalog_editing import actor, run_async
from cli.environment import load_settings
from cli.framework import CommandGroup
from streams.clock import current_moment

if TYPE_CHECKING:
    from operations.replay.fill import ReportProgress
    from operations.replay.plan import ReplayPlan

app = CommandGroup()

_LINE_EVERY_SECONDS: Final = 5.0


@app.command()
def replay(
    from_ledger: bool = typer.Option(False, "--from-ledger", help="Say where from; PostgreSQL is the one place."),
    since: str = typer.Option(
        None, metavar="MOMENT", help="What arrived before goes over as opening balances, such as 2025-09-08T00:00:00Z."
    ),
    leave_out_unknown_brands: bool = typer.Option(
        False, "--leave-out-unknown-brands", help="Go without spend of brands that the catalog does not know."
    ),
    accept_hole: bool = typer.Option(
        False, "--accept-hole", help="Go on also where the ledger lacks rows: their money is forgotten."
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Check everything, show what would be sent, send nothing."),
) -> None:
    """Fill a new, empty broker from PostgreSQL; killed and started again, it goes on where it was."""
    from core.errors import RefusedValue
    from operations.replay.fill import replay as fill
    from operations.replay.plan import ReplayRequest, planned

    if not from_ledger:
        raise RefusedValue("A replay fills the broker from the ledger: write `spendgate replay --from-ledger`.")
    settings = load_settings()
    request = ReplayRequest(actor(settings), _since(since), leave_out_unknown_brands, accept_hole)
    if dry_run:
        plan = run_async(planned(settings, request))
        return output.show(plan._asdict(), "\n".join(_lines(plan, "would be sent")))
    with _progress() as report:
        plan = run_async(fill(settings, request, report))
    return output.show(
        plan._asdict(),
        "\n".join([*_lines(plan, "on the broker"), "Start worker, scheduler and ledger, then `spendgate reconcile`."]),
    )


def _since(text: str | None) -> "int | None":
    from core.errors import RefusedValue
    from core.moment import parse_moment

    if text is None:
        return None
    try:
        moment = parse_moment(text)
    except ValueError as error:
        raise RefusedValue(str(error)) from error
    if moment > current_moment():
        raise RefusedValue("--since lies ahead: give the moment up to which sums alone are enough.")
    return moment


def _lines(plan: "ReplayPlan", what: str) -> Iterator[str]:
    yield f"{plan.brands:,} brands and {plan.campaigns:,} campaigns, with their epoch raised: {what}"
    if plan.since is not None:
        yield f"opening balances of {plan.spend_before:,} spend events before {plan.since}: {what}"
    yield f"{plan.spend:,} spend events with their ids and times: {what}"
    if plan.unjudged:
        yield f"{plan.unjudged:,} spend events that wait for their brand: {what}"
    if plan.left_out_brands:
        yield f"left out, because the catalog does not know them: {', '.join(plan.left_out_brands)}"
    for hole in plan.holes:
        yield f"lacking, because Kafka had removed them before the ledger read them: {hole}"


@contextmanager
def _progress() -> "Iterator[ReportProgress]":
    """A bar on a terminal, and for logs a line of it every few seconds."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        tasks: dict[str, TaskID] = {}

        def report(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done)

        yield report


class _Lines:
    def __init__(self) -> None:
        self._printed_at = 0.0

    def __call__(self, what: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if now - self._printed_at >= _LINE_EVERY_SECONDS or done == total:
            self._printed_at = now
            output.note(f"{what}: {done:,}" if total is None else f"{what}: {done:,} of {total:,}")
