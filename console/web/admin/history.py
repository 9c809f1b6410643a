"""The change history in words: what a field is called, and what its values mean. No I/O."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from console.web.admin.fields import NEW_BRAND, NEW_CAMPAIGN
from console.web.schedule.week import in_words
from models.change import Change, Json
from streams.core.dayparting import window_from_document

__all__ = ["FieldChange", "Told", "told"]

_LABELS: Final = {field.name: field.label for field in (*NEW_BRAND, *NEW_CAMPAIGN)} | {
    "windows": "Windows",
    "enabled": "Paused by hand",
    "archived": "Archived",
    "epoch": "Epoch",
}
_BUDGETS: Final = {name for name in _LABELS if name.endswith("_budget")}
_DATES: Final = {"starts_on", "ends_on"}
#: Neither ever changes: a brand's first change has the one, a campaign's the other.
_ONLY_WHEN_NEW: Final = {"currency", "brand_id"}


class FieldChange(NamedTuple):
    """`before` is None where the thing was new."""

    label: str
    before: str | None
    after: str


class Told(NamedTuple):
    """One edit. `actor` as the program wrote it, such as `cli:alice`."""

    changed_at: int
    actor: str
    thing: str
    brand_id: str
    campaign_id: str | None
    was_added: bool
    fields: list[FieldChange]


def told(change: Change) -> Told:
    added = not _ONLY_WHEN_NEW.isdisjoint(change.fields)
    return Told(
        change.changed_at,
        change.actor,
        change.campaign_id or change.brand_id,
        change.brand_id,
        change.campaign_id,
        added,
        [_field_change(name, values, added) for name, values in change.fields.items()],
    )


def _field_change(name: str, values: Mapping[str, Json], added: bool) -> FieldChange:
    before = None if added else _words(name, values["from"])
    return FieldChange(_LABELS.get(name, name), before, _words(name, values["to"]))


def _words(name: str, value: Json) -> str:
    if name == "windows" and isinstance(value, list):
        return _windows_words(value)
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
