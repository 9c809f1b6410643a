"""Formats a simulation's totals and differences as fields of `--json` and rows of a table. Pure: no I/O."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from core.money import format_money
from simulation.comparison import Key, PlanDifference
from simulation.planned_totals import PlannedTotals

__all__ = ["difference_rows", "sentence_of", "total_rows"]

Row: TypeAlias = "dict[str, str | None]"


def total_rows(
    totals: PlannedTotals, currencies: Mapping[str, str], before: Mapping[Key, int] | None = None
) -> list[Row]:
    """Every total; with the controller's totals `before` the simulation also the sums that it must reach, where
    known. `currencies` are by brand id."""
    rows: list[Row] = []
    for total in totals.all():
        row = _row((total.brand_id, total.campaign_id, total.period, total.starts_on), currencies)
        row["spent"] = format_money(total.micros)
        if before is not None:
            held_micros = before.get((total.brand_id, total.campaign_id, total.period, total.starts_on))
            row["then"] = None if held_micros is None else format_money(held_micros + total.micros)
        rows.append(row)
    return rows


def difference_rows(differences: Iterable[PlanDifference], currencies: Mapping[str, str]) -> list[Row]:
    return [
        {
            "where": it.where,
            **_row(it.key, currencies),
            "planned": format_money(it.planned_micros),
            "found": format_money(it.found_micros),
        }
        for it in differences
    ]


def sentence_of(counts: Mapping[str, int]) -> str:
    """A sentence with the number of events, and of duplicates, late events, refunds and misplaced records."""
    return (
        f"{counts['events']:,} events, {counts['late']:,} of them late and {counts['refunds']:,} refunds; "
        f"{counts['duplicates']:,} duplicates on top, {counts['wrong_keys']:,} records under a wrong key"
    )


def _row(key: Key, currencies: Mapping[str, str]) -> Row:
    brand_id, campaign_id, period, starts_on = key
    return {
        "brand_id": brand_id,
        "campaign_id": campaign_id,
        "period": period,
        "starts_on": None if starts_on is None else starts_on.isoformat(),
        "currency": currencies.get(brand_id),
    }
