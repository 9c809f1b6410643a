"""`catalog …`: brands and campaigns as a file: written, compared, applied."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import output
from cli.catalog_editing import actor, editing, field_changes_text, run_async
from cli.confirmation import confirm
from cli.environment import load_settings
from cli.framework import CommandGroup
from cli.user_files import STDIN, opened
from streams.clock import current_moment

if TYPE_CHECKING:
    from models.tables.brand import Brand
    from models.tables.campaign import Campaign
    from operations.catalog_file.application import FileComparison
    from operations.catalog_file.rows import CatalogFileFormat, FileRows, WrongRows
    from streams.settings import Settings

app = CommandGroup("catalog", help="Brands and campaigns as a file.", panel="Catalog")

File = Annotated[str, typer.Argument(help="CSV or YAML as `catalog export` writes it; - for stdin.")]
Format = Annotated[str, typer.Option("--format", help="csv or yaml; by the ending of the name when not given.")]


@app.command()
def export(
    format_: str = typer.Option("csv", "--format", help="csv or yaml."),
    brand: str = typer.Option(None, help="This brand and its campaigns alone."),
) -> None:
    """Print brands and campaigns as rows that `plan` and `apply` read."""
    from models.queries.catalog import get_brand, list_brands, list_campaigns
    from models.session import session_scope
    from operations import validation
    from operations.catalog_file.written import exported, file_text

    file_format = _chosen(format_)
    brand_id = None if brand is None else validation.identifier("brand", brand)
    with session_scope(load_settings().database) as session:
        brands = list_brands(session) if brand_id is None else [get_brand(session, brand_id)]
        rows: list[Brand | Campaign] = [*brands, *list_campaigns(session, brand_id=brand_id)]
    if output.is_json():
        output.show({"rows": [exported(row) for row in rows]}, "")
    else:
        output.write_file(file_text(rows, file_format))


@app.command()
def plan(file: File, format_: Format = "") -> int:
    """Show what a file would change, and what that would pause and resume now; exit code 1 when it would change
    anything. Changes nothing itself."""
    from operations.catalog_file.rows import WrongRows

    rows = read_file(file, format_)
    try:
        planned, view = _planned(load_settings(), rows)
    except WrongRows as error:
        show_wrong(error)
        raise
    output.show(view, "\n".join(_plan_lines(view)))
    return 1 if planned.comparison.differences else 0


@app.command("apply")
def apply_(
    file: File,
    format_: Format = "",
    note: str = typer.Option(None, help="Why, for the history of each row that changes."),
    yes: bool = typer.Option(False, "--yes", help="Apply without being asked."),
) -> None:
    """Make the catalog say what a file says: all of it or nothing. What is not in the file is left alone."""
    from operations import validation

    why = None if note is None else validation.note(note)
    apply_rows(load_settings(), read_file(file, format_), note=why, yes=yes)


def apply_rows(settings: "Settings", rows: "FileRows", *, note: str | None, yes: bool) -> None:
    """Apply all rows or none after the question, and say how many changed. Raises WrongRows, which it has listed."""
    from operations.catalog_file.application import apply_file
    from operations.catalog_file.rows import WrongRows

    try:
        if not yes:
            _confirm(settings, rows)
        with editing(settings) as session:
            changed = apply_file(session, rows, current_moment(), actor=actor(settings), note=note)
    except WrongRows as error:
        show_wrong(error)
        raise
    names = [{"brand_id": row.brand_id, "campaign_id": getattr(row, "campaign_id", None)} for row in changed]
    output.show({"changed": names}, f"{_count(len(changed), 'row')} applied")


def _chosen(name: str) -> "CatalogFileFormat":
    from operations import validation
    from operations.catalog_file.rows import CatalogFileFormat

    return CatalogFileFormat(validation.one_of("format", name.lower(), [it.value for it in CatalogFileFormat]))


def read_file(file: str, format_: str) -> "FileRows":
    """The rows of a file, or of what comes on stdin."""
    from core.errors import RefusedValue
    from operations.catalog_file.reading import format_of, read_rows

    if file == STDIN and not format_:
        raise RefusedValue("What comes on stdin has no name that shows its format: write --format csv or yaml.")
    with opened(file) as stream:
        return read_rows(stream, _chosen(format_) if format_ else format_of(file, stream))


def _planned(settings: "Settings", rows: "FileRows") -> "tuple[FileComparison, Mapping[str, Any]]":
    from models.session import session_scope
    from operations.catalog_file.application import plan_file
    from operations.catalog_file.effects import effects_of
    from operations.catalog_file.views import plan_view
    from operations.zone_change import zone_starts_at
    from streams.live_state import read_brands

    now = current_moment()
    with session_scope(settings.database) as session:
        planned = plan_file(session, rows, now)
    differences = planned.comparison.differences
    held = run_async(read_brands(settings, {it.brand_id for it in differences}))
    behind = sorted(brand_id for brand_id, it in held.items() if it is not None and not it.is_current)
    if behind:
        output.note(f"The controller has yet to apply the newest edits or spend of {', '.join(behind)}.")
    effects = effects_of(differences, planned.known, held, now, zone_starts_at(now))
    return planned, plan_view(planned, effects)


def _confirm(settings: "Settings", rows: "FileRows") -> None:
    """Ask before the rows are applied. Without a terminal it refuses before it reads the controller's state, which the
    question shows."""
    if not sys.stdin.isatty():
        confirm("Apply the changes")
    from operations.dangerous_budgets import dangers_of_plan

    planned, view = _planned(settings, rows)
    lines = [*_plan_lines(view), *dangers_of_plan(planned)]
    confirm(f"Apply {_count(len(planned.comparison.differences), 'difference')}", lines)


def show_wrong(error: "WrongRows") -> None:
    """List the rows that are wrong or stale, by line."""
    from operations.catalog_file.views import wrong_row_views

    if output.is_json():
        output.show({"wrong_rows": wrong_row_views(error.wrong)}, "")
        return
    for row in error.wrong:
        output.note(f"line {row.line}: {row.message}")


def _plan_lines(view: Mapping[str, Any]) -> Iterator[str]:
    for difference in view["differences"]:
        sign = "+" if difference["is_new"] else "~"
        name = difference["campaign_id"] or difference["brand_id"]
        yield f"{sign} {difference['kind']} {name}  {field_changes_text(difference['fields'], difference['currency'])}"
    yield from _effect_lines("pause", view["pauses"], "because of")
    yield from _effect_lines("resume", view["resumes"], "ends")
    if view["unknown_brands"]:
        brands = ", ".join(view["unknown_brands"])
        yield f"What it would pause and resume is not known of {brands}: the controller does not hold them yet."
    left = view["left_alone"]
    yield (
        f"{_count(len(view['differences']), 'difference')}, {_count(view['unchanged'], 'row')} unchanged; "
        f"{_count(len(view['pauses']), 'campaign')} would pause and {len(view['resumes'])} resume now."
    )
    yield (
        f"What is not in the file is left alone: {_count(left['brands'], 'brand')} and "
        f"{_count(left['campaigns'], 'campaign')}."
    )


def _effect_lines(action: str, effects: Sequence[Mapping[str, Any]], why: str) -> Iterator[str]:
    for effect in effects:
        words = f", {why}: {effect['words']}" if effect["words"] else ""
        yield f"  would {action} {effect['campaign_id']}{words}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
