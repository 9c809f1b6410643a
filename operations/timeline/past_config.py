"""The configuration of a campaign at a past moment, by its rows and the changes since. Pure: no I/O."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

import msgspec

from core.dayparting import Schedule
from core.moment import ALWAYS, Moment
from core.money import parse_money
from core.overrides import NO_OVERRIDES, Overrides, budget_on, read_overrides
from core.records import BudgetOverrideDocument
from core.refusal import Refusal
from core.windows import window_from_document
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from models.tables.catalog_change import CatalogChange
from operations.schedule_preview import schedule_of

__all__ = ["Budgets", "PastConfig", "PastConfigs", "past_configs_of"]

_ON_OR_OFF: Final = ("enabled", "archived")


class Budgets(NamedTuple):
    """The budgets of a brand or a campaign, without those that it does not have; micros, None = unlimited."""

    daily: int | None = None
    monthly: int | None = None
    overrides: Overrides = NO_OVERRIDES

    def daily_on(self, day: date) -> int | None:
        return budget_on(day, self.daily, self.overrides.daily)

    def monthly_on(self, day: date) -> int | None:
        return budget_on(day, self.monthly, self.overrides.monthly)


_NO_BUDGETS: Final = Budgets()


@dataclass(frozen=True, slots=True)
class PastConfig:
    """The configuration of a campaign, its brand's part included, that was in force from `since` until the next one."""

    since: Moment
    enabled: bool
    archived: bool
    schedule: Schedule
    of_brand: Budgets = _NO_BUDGETS
    of_campaign: Budgets = _NO_BUDGETS


class PastConfigs:
    """The configurations that a campaign has had, in order of time."""

    def __init__(self, configs: Sequence[PastConfig]) -> None:
        self._configs = list(configs)
        self._since = [it.since for it in configs]

    def at(self, moment: Moment) -> PastConfig:
        return self._configs[max(0, bisect_right(self._since, moment) - 1)]

    def changes_between(self, starts_at: Moment, ends_at: Moment) -> list[Moment]:
        return [it for it in self._since if starts_at < it < ends_at]


def past_configs_of(brand: Brand, campaign: Campaign, changes: Sequence[CatalogChange]) -> PastConfigs:
    """The campaign's configurations. `changes` are all of the brand and of the campaign, newest first; each is undone
    to show what was before it."""
    of_brand: dict[str, Any] = {name: getattr(brand, name) for name in _ON_OR_OFF}
    of_brand |= {
        "daily_budget": brand.daily_budget_micros,
        "monthly_budget": brand.monthly_budget_micros,
        "budget_overrides": brand.budget_overrides or NO_OVERRIDES,
    }
    schedule = schedule_of(campaign)
    of_campaign: dict[str, Any] = {
        **{name: getattr(campaign, name) for name in _ON_OR_OFF},
        "starts_on": schedule.starts_on,
        "ends_on": schedule.ends_on,
        "windows": schedule.windows,
        "daily_budget": campaign.daily_budget_micros,
        "budget_overrides": campaign.budget_overrides or NO_OVERRIDES,
    }
    found = []
    for change in changes:
        mine = of_brand if change.campaign_id is None else of_campaign
        undone = {name: _value(name, it["from"]) for name, it in change.fields.items() if name in mine}
        if not undone:
            continue
        found.append(_past_config(change.changed_at, of_brand, of_campaign))
        if "brand_id" not in change.fields and "currency" not in change.fields:  # those of what was added are its first
            mine |= undone
    found.append(_past_config(ALWAYS, of_brand, of_campaign))
    return PastConfigs(found[::-1])


def _past_config(since: Moment, of_brand: Mapping[str, Any], of_campaign: Mapping[str, Any]) -> PastConfig:
    return PastConfig(
        since,
        enabled=of_brand["enabled"] and of_campaign["enabled"],
        archived=of_brand["archived"] or of_campaign["archived"],
        schedule=Schedule(of_campaign["windows"], of_campaign["starts_on"], of_campaign["ends_on"]),
        of_brand=Budgets(of_brand["daily_budget"], of_brand["monthly_budget"], of_brand["budget_overrides"]),
        of_campaign=Budgets(of_campaign["daily_budget"], overrides=of_campaign["budget_overrides"]),
    )


def _value(name: str, value: Any) -> Any:
    if name == "windows":
        return tuple(window_from_document(it["days"], it["from"], it["to"]) for it in value or ())
    if name in ("starts_on", "ends_on"):
        return None if value is None else date.fromisoformat(value)
    if name in ("daily_budget", "monthly_budget"):
        micros = None if value is None else parse_money(value)
        assert not isinstance(micros, Refusal), "the history has what the database has accepted"
        return micros
    if name == "budget_overrides":
        return read_overrides(msgspec.convert(value or [], list[BudgetOverrideDocument]))
    return bool(value)
