"""`dlq …`: records that the controller has refused, with the reason, and what is done with them."""

from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, aclosing, nullcontext
from typing import TYPE_CHECKING, Final

import typer

from console.cli import output
from console.cli.catalog import actor, ask
from console.cli.confirmation import confirm
from console.cli.environment import load_settings
from console.cli.failures import REFUSED
from console.cli.frame import App

if TYPE_CHECKING:
    from console.dead_letters import Batches, Progress, Wanted
    from console.operations.letters import Outcome
    from models.dead_letter_actions import Position
    from streams.settings import Settings

    Outcomes = AsyncGenerator[list[Outcome], None]

app = App("dlq", help="Dead letters: spend events that were refused.", panel="Try and watch")

_COLUMNS: Final = ("id", "at", "reason", "message", "original", "key", "size")
_STANDING: Final = ("standing", "since", "by", "because")
#: More letters than these are not told one by one, nor more reasons for which they are refused.
_FEW: Final = 20

_IDS = typer.Argument(None, metavar="ID…", help="As `dlq list` tells them: partition/offset.")
_REASON = typer.Option(None, help="Of this reason alone, such as unknown_brand.")
_BRAND = typer.Option(None, help="Of this brand alone, by key or value.")
_ALL = typer.Option(False, "--all", help="All that wait.")
_DRY_RUN = typer.Option(False, "--dry-run", help="Tell what would happen, and do nothing.")


@app.command("list")
def list_(
    reason: str = _REASON,
    brand: str = _BRAND,
    handled: bool = typer.Option(False, "--all", help="Those replayed or dropped as well."),
    limit: str = typer.Option("100", help="How many of the newest."),
) -> None:
    """The dead letters that wait, oldest first; `show` tells all of one."""
    from console import validation
    from console.dead_letter_views import summary
    from console.dead_letters import page

    wanted = _wanted(reason, brand, handled=handled)
    most = validation.number("dead letters", limit, least=1, most=100_000)
    letters = ask(page(load_settings(), wanted, limit=most)).letters
    columns = (*_COLUMNS, *_STANDING) if handled else _COLUMNS
    empty = "There are no dead letters." if handled else "No dead letter waits."
    output.show_table(columns, [summary(filed) for filed in reversed(letters)], empty)


@app.command()
def show(letter: str = typer.Argument(metavar="ID", help="As `dlq list` tells it: partition/offset.")) -> None:
    """One dead letter: why, from where, what became of it, its headers, and the value as it came."""
    from console.dead_letter_views import details
    from console.dead_letters import find, letter_position

    view = details(ask(find(load_settings(), letter_position(letter))))
    headers = view["headers"]
    assert isinstance(headers, list)
    lines = [f"{name:<9} {'-' if view[name] is None else view[name]}" for name in (*_COLUMNS, *_STANDING)]
    lines += [f"header    {header['name']}: {header['value']}" for header in headers]
    value = view["value"] if view["value"] is not None else view["value_base64"]
    output.show(view, "\n".join([*lines, "value", str(value)]))


@app.command()
def replay(
    letters: list[str] = _IDS,
    reason: str = _REASON,
    brand: str = _BRAND,
    every: bool = _ALL,
    dry_run: bool = _DRY_RUN,
    force: bool = typer.Option(False, "--force", help="Also what was handled before, or would be refused again."),
) -> None:
    """Publish originals again: spend counts once, on the day on which it came.

    A letter that would be refused again stays and is told why; then the exit code is 4.
    """
    from console.operations import letters as operations

    settings = load_settings()
    chosen = _chosen(letters, reason, brand, every)

    def work(batches: "Batches") -> "Outcomes":
        return operations.replay(settings, batches, actor=actor(settings), dry_run=dry_run, force=force)

    _carry_out(settings, chosen, work, dry_run)


@app.command()
def drop(
    letters: list[str] = _IDS,
    reason: str = _REASON,
    brand: str = _BRAND,
    every: bool = _ALL,
    because: str = typer.Option(..., help="Why nothing will be done with them; it is kept."),
    dry_run: bool = _DRY_RUN,
    yes: bool = typer.Option(False, "--yes", help="Do not ask, for scripts."),
) -> None:
    """Note that nothing will be done with dead letters. They stay on the topic: `replay --force` takes it back."""
    from console.operations import letters as operations

    settings = load_settings()
    chosen = _chosen(letters, reason, brand, every)
    because = operations.checked_because(because)
    if not (yes or dry_run):
        confirm(f"Drop {_number(ask(_count(settings, chosen)))}")

    def work(batches: "Batches") -> "Outcomes":
        return operations.drop(settings, batches, actor=actor(settings), because=because, dry_run=dry_run)

    _carry_out(settings, chosen, work, dry_run)


def _wanted(reason: str | None, brand: str | None, *, handled: bool = False) -> "Wanted":
    from console import validation
    from console.dead_letters import Wanted
    from streams.core.refusal import RefusalReason

    if reason is not None:
        validation.one_of("reason", reason, [one.value for one in RefusalReason])
    if brand is not None:
        validation.identifier("brand", brand)
    return Wanted(reason, brand, handled)


def _chosen(letters: list[str], reason: str | None, brand: str | None, every: bool) -> "list[Position] | Wanted":
    """Some by name, or all that fit: never all by having forgotten something."""
    from console.dead_letters import letter_position
    from streams.errors import RefusedValue

    by_filter = every or reason is not None or brand is not None
    if bool(letters) is by_filter:
        raise RefusedValue("Say which: either ids as `spendgate dlq list` shows them, or --reason, --brand or --all.")
    return [letter_position(letter) for letter in letters] if letters else _wanted(reason, brand)


def _batches(settings: "Settings", chosen: "list[Position] | Wanted", progress: "Progress | None" = None) -> "Batches":
    from console.dead_letters import Wanted, picked, scan

    return scan(settings, chosen, progress) if isinstance(chosen, Wanted) else picked(settings, chosen)


async def _count(settings: "Settings", chosen: "list[Position] | Wanted") -> int:
    return sum([len(batch) async for batch in _batches(settings, chosen)])


def _carry_out(
    settings: "Settings", chosen: "list[Position] | Wanted", work: "Callable[[Batches], Outcomes]", dry_run: bool
) -> None:
    """With --json a line for each letter. Without, the first ones, why others are refused, and how many became what."""
    with _bar(chosen) as progress:
        tally, untold = ask(_told(work(_batches(settings, chosen, progress)), isinstance(chosen, list), dry_run))
    if not output.is_json():
        for why, count in untold.most_common(_FEW):
            output.line(None, f"{count:,} more refused: {why}")
        output.line(None, _totals(tally, dry_run))
    if tally["refused"]:
        raise typer.Exit(REFUSED)


def _bar(chosen: "list[Position] | Wanted") -> "AbstractContextManager[Progress | None]":
    from console.progress import counting_progress

    return nullcontext() if isinstance(chosen, list) else counting_progress("Dead letters")


async def _told(outcomes: "Outcomes", each: bool, dry_run: bool) -> tuple[Counter[str], Counter[str]]:
    """How many letters became what, and why those were refused that were not told one by one."""
    from console.dead_letter_views import outcome_view

    tally: Counter[str] = Counter()
    untold: Counter[str] = Counter()
    async with aclosing(outcomes):
        async for batch in outcomes:
            for outcome in batch:
                tally[outcome.result] += 1
                if output.is_json() or each or tally.total() <= _FEW:
                    output.line(outcome_view(outcome, dry_run), _line(outcome, dry_run))
                elif outcome.result == "refused":
                    untold[outcome.why] += 1
    return tally, untold


def _line(outcome: "Outcome", dry_run: bool) -> str:
    would = "would be " if dry_run and outcome.result in ("replayed", "dropped") else ""
    where = " to {}/{}/{}".format(*outcome.copy) if outcome.copy else ""
    why = f": {outcome.why}" if outcome.why else ""
    return f"{outcome.filed.letter_id} {would}{outcome.result.value}{where}{why}"


def _totals(tally: Counter[str], dry_run: bool) -> str:
    if not tally:
        return "No dead letter that waits fits."
    told = ", ".join(f"{count:,} {result}" for result, count in tally.items())
    return f"{told}; nothing was done" if dry_run else told


def _number(count: int) -> str:
    return f"{count:,} dead letter{'' if count == 1 else 's'}"
