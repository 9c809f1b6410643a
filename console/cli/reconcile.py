"""`reconcile`: the controller's totals against the ledger's sums, and their repair."""

from typing import TYPE_CHECKING, Any

import typer

from console.cli import output
from console.cli.catalog import actor, ask
from console.cli.confirmation import confirm
from console.cli.environment import load_settings
from console.cli.frame import App

if TYPE_CHECKING:
    from streams.ledger.reconcile import Reconciliation

app = App()

_COLUMNS = ("brand_id", "campaign_id", "total", "period", "controller", "ledger", "missing")
_AGREES = "The controller's totals are the ledger's rows: {brands} brands, {campaigns} campaigns."


@app.command()
def reconcile(
    brand: str = typer.Option(None, help="This brand alone."),
    repair: bool = typer.Option(False, "--repair", help="Correct the controller's totals, after a confirmation."),
    yes: bool = typer.Option(False, "--yes", help="Repair without being asked."),
) -> int:
    """Compare the controller's totals with the ledger's sums; exit code 1 when they differ."""
    from console import validation
    from streams.ledger.reconcile import reconcile as compare
    from streams.ledger.repair import repair as correct
    from streams.ledger.runs import record_run

    settings = load_settings()
    brand_id = None if brand is None else validation.identifier("brand", brand)
    found = ask(compare(settings, brand_id))
    corrected = None
    if repair and found.corrections:
        if not yes:
            _confirm(found)
        corrected = found
        found = ask(correct(settings, found))
    record_run(settings, found, started_by=actor(settings))
    _show(found, corrected)
    return 1 if found.differences else 0


def _confirm(found: "Reconciliation") -> None:
    corrections = [it for _, it in found.corrections]
    told = (f"{it.brand_id}  {it.campaign_id}  {it.amount} booked on {it.booked_on}" for it in corrections)
    confirm(f"Write {len(corrections)} corrections, which change what is paused", told)


def _show(found: "Reconciliation", corrected: "Reconciliation | None") -> None:
    from streams.ledger.runs import difference_view

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
                "corrections": corrections,
            },
            "",
        )
        return
    if corrections:
        output.note(f"{len(corrections)} corrections were applied.")
    output.show_table(_COLUMNS, differences, _AGREES.format(brands=found.brands, campaigns=found.campaigns))
    for brand_id, why in found.beyond_repair.items():
        output.note(f"{brand_id} cannot be repaired: {why}.")
    if found.corrections:
        output.note("`spendgate reconcile --repair` makes the controller's totals the ledger's.")


def _correction_views(corrected: "Reconciliation | None") -> list[Any]:
    import msgspec

    return [msgspec.to_builtins(it) for _, it in corrected.corrections] if corrected else []
