"""The change history in words: labels of fields and texts of values. Pure."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from console.pages.admin.fields import NEW_BRAND, NEW_CAMPAIGN
from console.pages.week import in_words
from core.windows import window_from_document
from models.tables.catalog_change import CatalogChange, Json
from operations import validation
from operations.catalog_views import override_text

__all__ = ["FIELD_LABELS", "MONEY_FIELDS", "FieldChange", "HistoryEntry", "field_change", "history_entry"]

#: Of every field that the history has, by its name there.
FIELD_LABELS: Final = {field.name: field.label for field in (*NEW_BRAND, *NEW_CAMPAIGN)} | {
    "windows": "Windows",
    "pacing": "Pacing",
    "budget_overrides": "Budgets for certain dates",
    "enabled": "Paused by hand",
    "archived": "Archived",
    "epoch": "Epoch",
}
_BUDGETS: Final = {name for name in FIELD_LABELS if name.endswith("_budget")}
#: Whose values are amounts, or have amounts in them.
MONEY_FIELDS: Final = _BUDGETS | {"budget_overrides"}
_DATES: Final = {"starts_on", "ends_on"}
#: In the first change of a brand and of a campaign alone, as neither ever changes.
_ONLY_WHEN_NEW: Final = {"currency", "brand_id"}


class FieldChange(NamedTuple):
    """`before` is None where the row was new."""

    label: str
    before: str | None
    after: str


class HistoryEntry(NamedTuple):
    """One edit; `actor` such as `cli:alice`."""

    changed_at: int
    actor: str
    thing: str
    brand_id: str
    campaign_id: str | None
    was_added: bool
    fields: list[FieldChange]
    note: str | None = None
    change_id: int = 0


def history_entry(change: CatalogChange, currency: str = "") -> HistoryEntry:
    """`currency` is that of the brand, where the page has edits of several brands."""
    added = not _ONLY_WHEN_NEW.isdisjoint(change.fields)
    return HistoryEntry(
        change.changed_at,
        change.actor,
        change.campaign_id or change.brand_id,
        change.brand_id,
        change.campaign_id,
        added,
        [field_change(name, values, added, currency) for name, values in change.fields.items()],
        change.note,
        change.change_id,
    )


def field_change(name: str, values: Mapping[str, Json], added: bool, currency: str = "") -> FieldChange:
    """The values `from` and `to` as in documents and history; `currency` stands beside amounts."""
    before = None if added else _with_currency(name, values["from"], currency)
    return FieldChange(FIELD_LABELS.get(name, name), before, _with_currency(name, values["to"], currency))


def _with_currency(name: str, value: Json, currency: str) -> str:
    words = _words(name, value)
    return f"{words} {currency}" if currency and value and name in MONEY_FIELDS else words


def _words(name: str, value: Json) -> str:
    if name == "windows" and isinstance(value, list):
        return _windows_words(value)
    if name == "alert_percents" and isinstance(value, list):
        return ", ".join(f"{percent} %" for percent in value) or "none"
    if name == "alert_percents":
        return "80 %, 100 %"
    if name == "silent_after_minutes" and isinstance(value, int):
        return validation.silent_after_text(value)
    if name == "budget_overrides" and isinstance(value, list):
        return "; ".join(override_text(it) for it in value) or "none"
    if value is None:
        return "unlimited" if name in _BUDGETS else "open" if name in _DATES else "none"
    if isinstance(value, bool):
        return "yes" if value is not (name == "enabled") else "no"
    return str(value) or "none"


def _windows_words(value: list[Json]) -> str:
    windows = []
    for it in value:
        assert isinstance(it, dict) and isinstance(it["days"], list)
        windows.append(window_from_document([str(day) for day in it["days"]], str(it["from"]), str(it["to"])))
    return in_words(windows)
