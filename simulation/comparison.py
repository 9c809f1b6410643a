"""Compares planned totals with those of the controller and the ledger."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from core.state import BrandState
from models.connection import connect
from simulation.planned_totals import PlannedTotal, PlannedTotals
from streams.live_state import LiveState
from streams.settings import Settings

__all__ = [
    "Key",
    "PlanDifference",
    "brand_totals",
    "controller_differences",
    "controller_totals",
    "ledger_differences",
    "planned_by_key",
]

#: Brand, campaign or None for the brand's total, "day", "month" or "total", and the first day of the period.
Key = tuple[str, str | None, str, date | None]

#: Every total of some brands in one pass, in micros; a row has one period column that is not null.
_STORED: Final = """
SELECT brand_id, campaign_id, booked_day, booked_month, (sum(amount) * 1000000)::bigint
FROM spend_counted WHERE brand_id = ANY(%s)
GROUP BY GROUPING SETS (
    (brand_id, booked_day), (brand_id, booked_month),
    (brand_id, campaign_id, booked_day), (brand_id, campaign_id, booked_month), (brand_id, campaign_id))
"""


@dataclass(frozen=True, slots=True)
class PlanDifference:
    """A total that differs from the planned one."""

    where: str  # "controller" or "ledger"
    key: Key
    planned_micros: int
    found_micros: int


def planned_by_key(totals: PlannedTotals) -> dict[Key, int]:
    """Planned totals in micros, by brand, campaign, period and its first day."""
    return {_key(total): total.micros for total in totals.all()}


def ledger_differences(database_url: str, totals: PlannedTotals) -> list[PlanDifference]:
    """The ledger's totals that differ, of the plan's brands: each day and month, and all time of each campaign. Rows
    that were not planned count too."""
    planned = planned_by_key(totals)
    stored = _stored_totals(database_url, sorted({key[0] for key in planned}))
    return _differences("ledger", planned, stored, planned.keys() | stored.keys())


async def controller_differences(settings: Settings, totals: PlannedTotals) -> list[PlanDifference]:
    """The controller's totals that differ, of the plan's brands: open day, open month, and all time of each
    campaign."""
    planned = planned_by_key(totals)
    found = await controller_totals(settings, {key[0] for key in planned})
    missing = {key for key in planned if key[2] == "total"}
    return _differences("controller", planned, found, found.keys() | missing)


async def controller_totals(settings: Settings, brand_ids: set[str]) -> dict[Key, int]:
    """The controller's totals of these brands, in micros."""
    async with LiveState(settings) as live:
        reads = [live.brand(brand_id) for brand_id in sorted(brand_ids)]
    return {key: micros for reads in reads if reads for key, micros in brand_totals(reads.state)}


def brand_totals(brand: BrandState) -> Iterator[tuple[Key, int]]:
    """The totals that the controller holds of a brand: open day, open month, and all time of each campaign."""
    if brand.day is None or brand.month is None:
        return
    brand_id, day = brand.brand_id, brand.day.date
    yield (brand_id, None, "day", day), brand.daily_micros
    yield (brand_id, None, "month", brand.month.first), brand.monthly_micros
    for campaign in brand.campaigns.values():
        yield (brand_id, campaign.campaign_id, "day", day), campaign.daily_micros
        yield (brand_id, campaign.campaign_id, "total", None), campaign.total_micros


def _stored_totals(database_url: str, brand_ids: list[str]) -> dict[Key, int]:
    connection = connect(database_url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(_STORED, [brand_ids])
            return {_key_of_row(*row[:4]): row[4] for row in cursor.fetchall()}
    finally:
        connection.close()


def _key_of_row(brand_id: str, campaign_id: str | None, day: date | None, month: date | None) -> Key:
    if day is not None:
        return brand_id, campaign_id, "day", day
    return (brand_id, campaign_id, "total", None) if month is None else (brand_id, campaign_id, "month", month)


def _key(total: PlannedTotal) -> Key:
    return total.brand_id, total.campaign_id, total.period, total.starts_on


def _differences(where: str, planned: dict[Key, int], found: dict[Key, int], keys: set[Key]) -> list[PlanDifference]:
    compared = [PlanDifference(where, key, planned.get(key, 0), found.get(key, 0)) for key in keys]
    wrong = [it for it in compared if it.planned_micros != it.found_micros]
    return sorted(wrong, key=lambda it: tuple(map(str, it.key)))
