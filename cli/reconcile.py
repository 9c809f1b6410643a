"""`reconcile`: the controller's totals against the ledger's sums, and their repair."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import typer

from cli import output
from cli.catalog_editing import actor, run_async
from cli.confirmation import confirm
from cli.environment import load_settings
from cli.framework import CommandGroup
from core.errors import ExitCode

if TYPE_CHECKING:
    from ledger.reconcile.reconciliation import Reconciliation
    from streams.settings import Settings

app = CommandGroup()

_COLUMNS = ("brand_id", "campaign_id", "total", "period", "currency", "controller", "ledger", "missing")
_AGREES = "The controller's totals are the ledger's rows: {brands} brands, {campaigns} campaigns."


@app.command()
def reconcile(
    brand: str = typer.Option(None, help="This brand alone."),
    repair: bool = typer.Option(False, "--repair", help="Correct the controller's totals, after a confirmation."),
    accept_hole: bool = typer.Option(
        False, "--accept-hole", help="Repair also where the ledger lacks rows: their money is forgotten."
    ),
    yes: bool = typer.Option(False, "--yes", help="Repair without being asked."),
) -> int:
    """Compare the controller's totals with the ledger's sums; exit code 1 when they differ."""
    from core.errors import RefusedValue
    from ledger.ingest.holes import accept
    from ledger.reconcile.reconciliation import reconcile as compare
    from ledger.reconcile.repair import repair as correct
    from ledger.reconcile.runs import record_run
    from operations import validation

    if accept_hole and not repair:
        raise RefusedValue("--accept-hole is for a repair: give it with --repair.")
    settings = load_settings()
    brand_id = None if brand is None else validation.identifier("brand", brand)
    found = run_async(compare(settings, brand_id, accept_holes=accept_hole))
    corrected = None
    if repair and found.corrections:
        if not yes:
            _confirm(found)
        corrected = found
        found = run_async(correct(settings, found, accept_holes=accept_hole))
    record_run(settings, found, started_by=actor(settings))
    if accept_hole and brand_id is None and not found.differences:
        accept(settings, found.holes, by=actor(settings))
        found = replace(found, holes=[])
    _show(settings, found, corrected)
    if repair and found.withheld:
        output.note(f"Not repaired, because the ledger lacks their rows: {', '.join(found.withheld)}.")
        return ExitCode.REFUSED
    return 1 if found.differences else 0


def _confirm(found: "Reconciliation") -> None:
    corrections = [it for _, it in found.corrections]
    texts = (f"{it.brand_id}  {it.campaign_id}  {it.amount} booked on {it.booked_on}" for it in corrections)
    confirm(f"Write {len(corrections)} corrections, which change what is paused", texts)


def _show(settings: "Settings", found: "Reconciliation", corrected: "Reconciliation | None") -> None:
    from ledger.reconcile.runs import difference_view

    corrections = _correction_views(corrected)
    differences = [difference_view(difference) for difference in found.differences]
    if output.is_json():
        output.show(
            {
                "brand_id": found.brand_id,
                "brands": found.brands,
                "campaigns": found.campaigns,
                "positions": found.positions,
                "differences": differences,
                "beyond_repair": found.beyond_repair,
                "holes": [hole.sentence for hole in found.holes],
                "corrections": corrections,
            },
            "",
        )
        return
    if corrections:
        output.note(f"{len(corrections)} corrections were applied.")
    currencies = _currencies(settings, {it.brand_id for it in found.differences})
    rows = [{**it, "currency": currencies.get(str(it["brand_id"]))} for it in differences]
    output.show_table(_COLUMNS, rows, _AGREES.format(brands=found.brands, campaigns=found.campaigns))
    for hole in found.holes:
        output.note(hole.sentence)
    for brand_id, why in found.beyond_repair.items():
        output.note(f"{brand_id} cannot be repaired: {why}.")
    if found.corrections:
        output.note("`spendgate reconcile --repair` makes the controller's totals the ledger's.")


def _currencies(settings: "Settings", brand_ids: set[str]) -> dict[str, str]:
    from models.queries.catalog import brands_and_campaigns
    from models.session import session_scope

    if not brand_ids:
        return {}
    with session_scope(settings.database) as session:
        return brands_and_campaigns(session, brand_ids, ())[0]


def _correction_views(corrected: "Reconciliation | None") -> list[Any]:
    import msgspec

    return [msgspec.to_builtins(it) for _, it in corrected.corrections] if corrected else []
