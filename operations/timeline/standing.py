"""What the catalog said of a campaign at a past moment, from its rows and the changes since. No I/O."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from core.dayparting import Schedule
from core.moment import ALWAYS, Moment
from core.windows import window_from_document
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from models.tables.catalog_change import CatalogChange
from operations.schedule_preview import schedule_of

__all__ = ["Standing", "Standings", "standings_of"]

_ON_OR_OFF: Final = ("enabled", "archived")
_CAMPAIGN: Final = (*_ON_OR_OFF, "starts_on", "ends_on", "windows")


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds from `since` on, until the next one."""

    since: Moment
    enabled: bool
    archived: bool
    schedule: Schedule


class Standings:
    """Of one campaign, in order of time."""

    def __init__(self, standings: Sequence[Standing]) -> None:
        self._standings = list(standings)
        self._since = [it.since for it in standings]

    def at(self, moment: Moment) -> Standing:
        return self._standings[max(0, bisect_right(self._since, moment) - 1)]

    def changes_between(self, starts_at: Moment, ends_at: Moment) -> list[Moment]:
        return [it for it in self._since if starts_at < it < ends_at]


def standings_of(brand: Brand, campaign: Campaign, changes: Sequence[CatalogChange]) -> Standings:
    """`changes` are all of the brand and of the campaign, newest first: each is undone to show what was before it."""
    of_brand: dict[str, Any] = {name: getattr(brand, name) for name in _ON_OR_OFF}
    schedule = schedule_of(campaign)
    of_campaign: dict[str, Any] = {
        **{name: getattr(campaign, name) for name in _ON_OR_OFF},
        "starts_on": schedule.starts_on,
        "ends_on": schedule.ends_on,
        "windows": schedule.windows,
    }
    found = []
    for change in changes:
        mine = of_brand if change.campaign_id is None else of_campaign
        undone = {name: _value(name, it["from"]) for name, it in change.fields.items() if name in mine}
        if not undone:
            continue
        found.append(_standing(change.changed_at, of_brand, of_campaign))
        if "brand_id" not in change.fields and "currency" not in change.fields:  # those of what was added are its first
            mine |= undone
    found.append(_standing(ALWAYS, of_brand, of_campaign))
    return Standings(found[::-1])


def _standing(since: Moment, of_brand: Mapping[str, Any], of_campaign: Mapping[str, Any]) -> Standing:
    return Standing(
        since,
        enabled=of_brand["enabled"] and of_campaign["enabled"],
        archived=of_brand["archived"] or of_campaign["archived"],
        schedule=Schedule(of_campaign["windows"], of_campaign["starts_on"], of_campaign["ends_on"]),
    )


def _value(name: str, value: Any) -> Any:
    if name == "windows":
        return tuple(window_from_document(it["days"], it["from"], it["to"]) for it in value or ())
    if name in ("starts_on", "ends_on"):
        return None if value is None else date.fromisoformat(value)
    return bool(value)
