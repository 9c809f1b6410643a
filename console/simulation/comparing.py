"""A plan's totals against what the controller holds and what the ledger has kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from console.simulation.totals import Total, Totals
from models.session import connect
from streams.core.state import BrandState
from streams.live import LiveState
from streams.settings import Settings

__all__ = ["Difference", "Key", "books", "controller_differences", "held", "ledger_differences"]

#: Brand, campaign or None for all of them, "day", "month" or "total", and the first day of that.
Key = tuple[str, str | None, str, date | None]

#: Every total of some brands in one pass, in micros; the period of a row is the one that is not null.
_KEPT: Final = """
SELECT brand_id, campaign_id, booked_day, booked_month, (sum(amount) * 1000000)::bigint
FROM spend_counted WHERE brand_id = ANY(%s)
GROUP BY GROUPING SETS (
    (brand_id, booked_day), (brand_id, booked_month),
    (brand_id, campaign_id, booked_day), (brand_id, campaign_id, booked_month), (brand_id, campaign_id))
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """A total that is not what was planned."""

    where: str  # "controller" or "ledger"
    key: Key
    planned_micros: int
    found_micros: int


def books(totals: Totals) -> dict[Key, int]:
    """All that a ledger must have kept."""
    return {_key(total): total.micros for total in totals.all()}


def ledger_differences(database_url: str, totals: Totals) -> list[Difference]:
    """Of the plan's brands, each day and month, and all time of each campaign; rows that are not planned count too."""
    planned = books(totals)
    kept = _kept(database_url, sorted({key[0] for key in planned}))
    return _differences("ledger", planned, kept, planned.keys() | kept.keys())


async def controller_differences(settings: Settings, totals: Totals) -> list[Difference]:
    """Of the plan's brands what the controller holds: open day, open month, and all time of each campaign."""
    planned = books(totals)
    found = await held(settings, {key[0] for key in planned})
    missing = {key for key in planned if key[2] == "total"}
    return _differences("controller", planned, found, found.keys() | missing)


async def held(settings: Settings, brand_ids: set[str]) -> dict[Key, int]:
    """What the controller holds of these brands now."""
    async with LiveState(settings) as live:
        looks = [live.brand(brand_id) for brand_id in sorted(brand_ids)]
    return {key: micros for look in looks if look for key, micros in _held(look.state)}


def _held(brand: BrandState) -> Iterator[tuple[Key, int]]:
    if brand.day is None or brand.month is None:
        return
    brand_id, day = brand.brand_id, brand.day.date
    yield (brand_id, None, "day", day), brand.daily_micros
    yield (brand_id, None, "month", brand.month.first), brand.monthly_micros
    for campaign in brand.campaigns.values():
        yield (brand_id, campaign.campaign_id, "day", day), campaign.daily_micros
        yield (brand_id, campaign.campaign_id, "total", None), campaign.total_micros


def _kept(database_url: str, brand_ids: list[str]) -> dict[Key, int]:
    connection = connect(database_url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(_KEPT, [brand_ids])
            return {_key_of_row(*row[:4]): row[4] for row in cursor.fetchall()}
    finally:
        connection.close()


def _key_of_row(brand_id: str, campaign_id: str | None, day: date | None, month: date | None) -> Key:
    if day is not None:
        return brand_id, campaign_id, "day", day
    return (brand_id, campaign_id, "total", None) if month is None else (brand_id, campaign_id, "month", month)


def _key(total: Total) -> Key:
    return total.brand_id, total.campaign_id, total.period, total.starts_on


def _differences(where: str, planned: dict[Key, int], found: dict[Key, int], keys: set[Key]) -> list[Difference]:
    compared = [Difference(where, key, planned.get(key, 0), found.get(key, 0)) for key in keys]
    wrong = [it for it in compared if it.planned_micros != it.found_micros]
    return sorted(wrong, key=lambda it: tuple(map(str, it.key)))
