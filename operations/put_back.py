"""Takes the last edit of a brand or campaign back, as a row of a catalog file. Pure."""

from typing import Final

from core.errors import RefusedValue
from models.tables.catalog_change import CatalogChange, Json
from operations.catalog_file.columns import COLUMN_NAMES, IDENTITY
from operations.catalog_file.rows import Value
from operations.catalog_views import override_text

__all__ = ["can_be_put_back", "row_that_puts_back"]

#: Only a new row has them.
_WHEN_ADDED: Final = frozenset({"currency", "brand_id"})
_FIELDS: Final = frozenset(COLUMN_NAMES) - frozenset(IDENTITY) - _WHEN_ADDED


def can_be_put_back(change: CatalogChange) -> bool:
    """Whether the edit can be taken back: one that added the row, or a replay's new epoch, cannot."""
    return change.fields.keys() <= _FIELDS


def row_that_puts_back(change: CatalogChange, revision: int) -> dict[str, Value]:
    """The row of a catalog file that gives each changed field its value before the edit; `revision` is that of the row
    now. Raises RefusedValue."""
    if not can_be_put_back(change):
        raise RefusedValue("What was added is not taken back: archive it instead.")
    row: dict[str, Value] = {"brand_id": change.brand_id, "revision": str(revision)}
    if change.campaign_id is not None:
        row["campaign_id"] = change.campaign_id
    return row | {name: _value(name, values["from"]) for name, values in change.fields.items()}


def _value(name: str, value: Json) -> Value:
    """A value of the history, as catalog files write it."""
    if name == "budget_overrides" and isinstance(value, list):
        return [override_text(it) for it in value]
    if isinstance(value, list):
        return [_value("", it) for it in value]
    if isinstance(value, dict):
        return {key: _value("", it) for key, it in value.items()}
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
