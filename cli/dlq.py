"""`dlq …`: records that the controller has refused, with the reason, and what is done with them."""

from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, aclosing, nullcontext
from typing import TYPE_CHECKING, Final

import typer

from cli import output
from cli.catalog_editing import actor, run_async
from cli.confirmation import confirm
from cli.environment import load_settings
from cli.framework import CommandGroup
from cli.printable import one_line
from core.errors import ExitCode

if TYPE_CHECKING:
    from models.queries.dead_letter_actions import DeadLetterPosition
    from operations.dead_letters.handling import HandlingOutcome
    from operations.dead_letters.search import Batches, DeadLetterFilter, Progress
    from streams.settings import Settings

    Outcomes = AsyncGenerator[list[HandlingOutcome], None]

app = CommandGroup("dlq", help="Dead letters: spend events that were refused.", panel="Try and watch")

_COLUMNS: Final = ("id", "at", "reason", "message", "original", "key", "size")
_HANDLING: Final = ("standing", "since", "by", "because")
#: Most dead letters that are listed one by one, and most distinct reasons of refusal.
_MAX_LISTED: Final = 20

_IDS = typer.Argument(None, metavar="ID…", help="As `dlq list` shows them: partition/offset.")
_REASON = typer.Option(None, help="Of this reason alone, such as unknown_brand.")
_BRAND = typer.Option(None, help="Of this brand alone, by key or value.")
_ALL = typer.Option(False, "--all", help="All that wait.")
_DRY_RUN = typer.Option(False, "--dry-run", help="Show what would happen, and do nothing.")


@app.command("list")
def list_(
    reason: str = _REASON,
    brand: str = _BRAND,
    handled: bool = typer.Option(False, "--all", help="Those replayed or dropped as well."),
    limit: str = typer.Option("100", help="How many of the newest."),
) -> None:
    """The dead letters that wait, oldest first; `show` has all of one."""
    from operations import validation
    from operations.dead_letters.pages import every_page
    from operations.dead_letters.views import summary

    wanted = _filter(reason, brand, handled=handled)
    most = validation.number("dead letters", limit, least=1, most=100_000)
    dead_letters = run_async(every_page(load_settings(), wanted, limit=most))
    columns = (*_COLUMNS, *_HANDLING) if handled else _COLUMNS
    empty = "There are no dead letters." if handled else "No dead letter waits."
    output.show_table(columns, [summary(entry) for entry in reversed(dead_letters)], empty)


@app.command()
def show(dead_letter_id: str = typer.Argument(metavar="ID", help="As `dlq list` shows it: partition/offset.")) -> None:
    """One dead letter: why, from where, what became of it, its headers, and the value as it came."""
    from operations.dead_letters.search import dead_letter_position, find
    from operations.dead_letters.views import details

    view = details(run_async(find(load_settings(), dead_letter_position(dead_letter_id))))
    headers = view["headers"]
    assert isinstance(headers, list)
    lines = [
        f"{name:<9} {'-' if view[name] is None else one_line(str(view[name]))}" for name in (*_COLUMNS, *_HANDLING)
    ]
    lines += [f"header    {one_line(str(it['name']))}: {one_line(str(it['value']))}" for it in headers]
    value = view["value"] if view["value"] is not None else view["value_base64"]
    output.show(view, "\n".join([*lines, "value", str(value)]))


@app.command()
def replay(
    ids: list[str] = _IDS,
    reason: str = _REASON,
    brand: str = _BRAND,
    every: bool = _ALL,
    dry_run: bool = _DRY_RUN,
    force: bool = typer.Option(False, "--force", help="Also what was handled before, or would be refused again."),
) -> None:
    """Publish originals again: spend counts once, on the day on which it came.

    A dead letter that would be refused again stays and is listed with the reason; then the exit code is 4.
    """
    from operations.dead_letters import handling as operations

    settings = load_settings()
    chosen = _selection(ids, reason, brand, every)

    def work(batches: "Batches") -> "Outcomes":
        return operations.replay(settings, batches, actor=actor(settings), dry_run=dry_run, force=force)

    _handle_dead_letters(settings, chosen, work, dry_run)


@app.command()
def drop(
    ids: list[str] = _IDS,
    reason: str = _REASON,
    brand: str = _BRAND,
    every: bool = _ALL,
    because: str = typer.Option(..., help="Why nothing will be done with them; it is kept."),
    dry_run: bool = _DRY_RUN,
    yes: bool = typer.Option(False, "--yes", help="Do not ask, for scripts."),
) -> None:
    """Note that nothing will be done with dead letters. They stay on the topic: `replay --force` takes it back."""
    from operations.dead_letters import handling as operations

    settings = load_settings()
    chosen = _selection(ids, reason, brand, every)
    because = operations.checked_because(because)
    if not (yes or dry_run):
        confirm(f"Drop {_number(run_async(_count(settings, chosen)))}")

    def work(batches: "Batches") -> "Outcomes":
        return operations.drop(settings, batches, actor=actor(settings), because=because, dry_run=dry_run)

    _handle_dead_letters(settings, chosen, work, dry_run)


def _filter(reason: str | None, brand: str | None, *, handled: bool = False) -> "DeadLetterFilter":
    from core.refusal import RefusalReason
    from operations import validation
    from operations.dead_letters.search import DeadLetterFilter

    if reason is not None:
        validation.one_of("reason", reason, [one.value for one in RefusalReason])
    if brand is not None:
        validation.identifier("brand", brand)
    return DeadLetterFilter(reason, brand, handled)


def _selection(
    ids: list[str], reason: str | None, brand: str | None, every: bool
) -> "list[DeadLetterPosition] | DeadLetterFilter":
    """Dead letters by id, or a filter. Raises RefusedValue where both were given or neither, so that a forgotten option
    never means all."""
    from core.errors import RefusedValue
    from operations.dead_letters.search import dead_letter_position

    by_filter = every or reason is not None or brand is not None
    if bool(ids) is by_filter:
        raise RefusedValue("Say which: either ids as `spendgate dlq list` shows them, or --reason, --brand or --all.")
    return [dead_letter_position(it) for it in ids] if ids else _filter(reason, brand)


def _batches(
    settings: "Settings", chosen: "list[DeadLetterPosition] | DeadLetterFilter", progress: "Progress | None" = None
) -> "Batches":
    from operations.dead_letters.search import DeadLetterFilter, read_batches, scan

    return scan(settings, chosen, progress) if isinstance(chosen, DeadLetterFilter) else read_batches(settings, chosen)


async def _count(settings: "Settings", chosen: "list[DeadLetterPosition] | DeadLetterFilter") -> int:
    return sum([len(batch) async for batch in _batches(settings, chosen)])


def _handle_dead_letters(
    settings: "Settings",
    chosen: "list[DeadLetterPosition] | DeadLetterFilter",
    work: "Callable[[Batches], Outcomes]",
    dry_run: bool,
) -> None:
    """Report the results: with --json a line for each dead letter; without, the first ones, why others are refused, and
    how many had each result."""
    with _bar(chosen) as progress:
        tally, unlisted = run_async(
            _report(work(_batches(settings, chosen, progress)), isinstance(chosen, list), dry_run)
        )
    if not output.is_json():
        for why, count in unlisted.most_common(_MAX_LISTED):
            output.line(None, f"{count:,} more refused: {one_line(why)}")
        output.line(None, _totals(tally, dry_run))
    if tally["refused"]:
        raise typer.Exit(ExitCode.REFUSED)


def _bar(chosen: "list[DeadLetterPosition] | DeadLetterFilter") -> "AbstractContextManager[Progress | None]":
    from cli.progress import counting_progress

    return nullcontext() if isinstance(chosen, list) else counting_progress("Dead letters")


async def _report(outcomes: "Outcomes", each: bool, dry_run: bool) -> tuple[Counter[str], Counter[str]]:
    """Report how many dead letters had each result, and why those were refused that were not listed one by one."""
    from operations.dead_letters.views import outcome_view

    tally: Counter[str] = Counter()
    unlisted: Counter[str] = Counter()
    async with aclosing(outcomes):
        async for batch in outcomes:
            for outcome in batch:
                tally[outcome.result] += 1
                if output.is_json() or each or tally.total() <= _MAX_LISTED:
                    output.line(outcome_view(outcome, dry_run), _line(outcome, dry_run))
                elif outcome.result == "refused":
                    unlisted[outcome.why] += 1
    return tally, unlisted


def _line(outcome: "HandlingOutcome", dry_run: bool) -> str:
    would = "would be " if dry_run and outcome.result in ("replayed", "dropped") else ""
    where = " to {}/{}/{}".format(*outcome.copy) if outcome.copy else ""
    why = f": {one_line(outcome.why)}" if outcome.why else ""
    return f"{outcome.entry.dead_letter_id} {would}{outcome.result.value}{where}{why}"


def _totals(tally: Counter[str], dry_run: bool) -> str:
    if not tally:
        return "No dead letter that waits fits."
    texts = ", ".join(f"{count:,} {result}" for result, count in tally.items())
    return f"{texts}; nothing was done" if dry_run else texts


def _number(count: int) -> str:
    return f"{count:,} dead letter{'' if count == 1 else 's'}"
