"""The columns of a catalog file: each field of brands or campaigns is one element of COLUMNS. Pure: no I/O."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final, NamedTuple

from models.tables.brand import Brand
from models.tables.campaign import Campaign
from models.tables.catalog_change import CatalogEntity
from operations.catalog_file.kinds import (
    CURRENCY,
    DATE,
    MONEY,
    NAME,
    OVERRIDES,
    PACING,
    PERCENTS,
    SILENT_MINUTES,
    SWITCH,
    TEXT,
    WINDOWS,
    ZONE,
    ValueKind,
    windows_in_order,
)

__all__ = ["COLUMNS", "COLUMN_NAMES", "IDENTITY", "CatalogColumn", "columns_of", "value_in"]

#: The columns that identify a row and its revision; they are no fields.
IDENTITY: Final = ("kind", "brand_id", "campaign_id", "revision")
_BRAND: Final = (CatalogEntity.BRAND,)
_CAMPAIGN: Final = (CatalogEntity.CAMPAIGN,)
_BOTH: Final = (*_BRAND, *_CAMPAIGN)


class CatalogColumn(NamedTuple):
    """A field of brands, campaigns or both. `name` is also its name in documents and in the history."""

    name: str
    of: tuple[CatalogEntity, ...]
    kind: ValueKind
    #: The key in BrandChanges or CampaignChanges; None for a field that is edited in another way.
    attribute: str | None = None
    #: Reads the value from a row; by default its attribute of that name.
    value_in: Callable[[Any], Any] | None = None
    is_required: bool = False


COLUMNS: Final = (
    CatalogColumn("name", _BOTH, NAME, "name"),
    CatalogColumn("external_id", _CAMPAIGN, TEXT, "external_id"),
    CatalogColumn("time_zone", _BRAND, ZONE, is_required=True),
    CatalogColumn("currency", _BRAND, CURRENCY, "currency", is_required=True),
    CatalogColumn("daily_budget", _BOTH, MONEY, "daily_budget_micros"),
    CatalogColumn("monthly_budget", _BRAND, MONEY, "monthly_budget_micros"),
    CatalogColumn("pacing", _BRAND, PACING, "pacing"),
    CatalogColumn("alert_percents", _BRAND, PERCENTS, "alert_percents"),
    CatalogColumn("silent_after_minutes", _BRAND, SILENT_MINUTES, "silent_after_minutes"),
    CatalogColumn("total_budget", _CAMPAIGN, MONEY, "total_budget_micros"),
    CatalogColumn("budget_overrides", _BOTH, OVERRIDES, "budget_overrides"),
    CatalogColumn("starts_on", _CAMPAIGN, DATE, "starts_on"),
    CatalogColumn("ends_on", _CAMPAIGN, DATE, "ends_on"),
    CatalogColumn(
        "windows", _CAMPAIGN, WINDOWS, value_in=lambda row: windows_in_order([it.window for it in row.windows])
    ),
    CatalogColumn("enabled", _BOTH, SWITCH, "enabled"),
    CatalogColumn("archived", _BOTH, SWITCH, "archived"),
)
COLUMN_NAMES: Final = (*IDENTITY, *(column.name for column in COLUMNS))


def columns_of(kind: CatalogEntity) -> tuple[CatalogColumn, ...]:
    """The columns of brands or of campaigns."""
    return tuple(column for column in COLUMNS if kind in column.of)


def value_in(row: Brand | Campaign, column: CatalogColumn) -> Any:
    """The value of the column in a row of the database."""
    return (column.value_in or attrgetter(column.attribute or column.name))(row)
