"""Brands, campaigns, their schedules and the history of their edits."""

from typing import Any

from msgspec import UNSET, UnsetType

from console.api.schemas.common import Answer, Day, Moment, Money
from core.records import Action

__all__ = [
    "BrandPage",
    "BrandRow",
    "BrandView",
    "BudgetOverride",
    "CampaignCounts",
    "CampaignPage",
    "CampaignRow",
    "CampaignSchedule",
    "CampaignView",
    "CampaignWindow",
    "ChangePage",
    "ClockChange",
    "HistoryRow",
    "OverrideAhead",
    "ScheduleChange",
    "SpendAfterPause",
    "Windows",
    "Zone",
]


class Zone(Answer, frozen=True, kw_only=True, rename={"from_": "from"}):
    time_zone: str
    from_: Moment | None


class CampaignCounts(Answer, frozen=True, kw_only=True):
    """`unknown` are those that the controller does not hold yet."""

    running: int
    paused: int
    unknown: int


class BudgetOverride(Answer, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Budgets on the dates `from` to `to` of the brand, both inclusive. An absent one is not overridden; null is
    unlimited."""

    from_: Day
    to: Day
    daily_budget: Money | UnsetType | None = UNSET
    monthly_budget: Money | UnsetType | None = UNSET


class BrandRow(Answer, frozen=True, kw_only=True):
    """What was decided on."""

    brand_id: str
    name: str
    time_zone: str
    zones: list[Zone]
    currency: str
    daily_budget: Money | None
    monthly_budget: Money | None
    alert_percents: list[int]
    silent_after_minutes: int | None
    pacing: str
    budget_overrides: list[BudgetOverride]
    enabled: bool
    archived: bool
    revision: int


class BrandView(Answer, frozen=True, kw_only=True):
    """What the controller holds; spend is null while it holds nothing. Budgets are those in force on `day`.
    `up_to_date`: it decides by the last edit."""

    brand_id: str
    state: str
    name: str | UnsetType = UNSET
    time_zone: str | None
    zones: list[Zone] | UnsetType = UNSET
    currency: str | None
    day: Day | None
    day_ends_at: Moment | UnsetType | None = UNSET
    daily_spent: Money | None
    daily_budget: Money | None
    month: str | None
    monthly_spent: Money | None
    monthly_budget: Money | None
    alert_percents: list[int] | UnsetType = UNSET
    silent_after_minutes: int | UnsetType | None = UNSET
    daily_allowance: Money | None
    allowance_words: str | None
    pacing: str | UnsetType = UNSET
    budget_overrides: list[BudgetOverride] | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    archived: bool | UnsetType = UNSET
    version: int | UnsetType = UNSET
    clock: Moment | UnsetType = UNSET
    up_to_date: bool
    revision: int | None
    campaigns: CampaignCounts


class BrandPage(Answer, frozen=True, kw_only=True):
    items: list[BrandView]
    next: str | None


class CampaignWindow(Answer, frozen=True, kw_only=True, rename={"from_": "from"}):
    days: list[str]
    from_: str
    to: str


class Windows(Answer, frozen=True, kw_only=True):
    windows: list[CampaignWindow]


class CampaignRow(Answer, frozen=True, kw_only=True):
    """What was decided on."""

    campaign_id: str
    brand_id: str
    name: str
    external_id: str | None
    daily_budget: Money | None
    total_budget: Money | None
    budget_overrides: list[BudgetOverride]
    starts_on: Day | None
    ends_on: Day | None
    windows: list[CampaignWindow]
    enabled: bool
    archived: bool
    revision: int


class SpendAfterPause(Answer, frozen=True, kw_only=True):
    """Net spend of a campaign that occurred after its pause was decided."""

    spent: Money
    events: int
    last_occurred_at: Moment | None


class CampaignView(Answer, frozen=True, kw_only=True):
    """What the controller holds. `state` is running, paused, or unknown while it holds nothing yet."""

    campaign_id: str
    brand_id: str
    state: str
    reasons: list[str]
    sequence: int
    resumes_at: Moment | None
    pauses_at: Moment | None
    after_pause: SpendAfterPause | None
    daily_spent: Money | None
    daily_budget: Money | None
    total_spent: Money | None
    total_budget: Money | None
    budget_overrides: list[BudgetOverride] | UnsetType = UNSET
    name: str | UnsetType = UNSET
    external_id: str | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET
    archived: bool | UnsetType = UNSET
    starts_on: Day | UnsetType | None = UNSET
    ends_on: Day | UnsetType | None = UNSET
    windows: list[CampaignWindow] | UnsetType = UNSET
    version: int | UnsetType = UNSET
    epoch: int | UnsetType = UNSET
    up_to_date: bool
    revision: int | None


class CampaignPage(Answer, frozen=True, kw_only=True):
    items: list[CampaignView]
    next: str | None


class ScheduleChange(Answer, frozen=True, kw_only=True):
    action: Action
    at: Moment
    local: str
    weekday: str
    time_zone: str
    remark: str | None


class ClockChange(Answer, frozen=True, kw_only=True):
    date: Day
    time_zone: str
    remark: str


class OverrideAhead(BudgetOverride, frozen=True, kw_only=True, rename={"from_": "from"}):
    """`of` says whose budget it is, `brand` or `campaign`."""

    of: str


class CampaignSchedule(Answer, frozen=True, kw_only=True, rename={"from_": "from"}):
    campaign_id: str
    brand_id: str
    from_: Moment
    until: Moment
    time_zone: str
    is_open: bool
    changes: list[ScheduleChange]
    clock_changes: list[ClockChange]
    budget_overrides: list[OverrideAhead]


class HistoryRow(Answer, frozen=True, kw_only=True):
    """`fields` has of each field that was changed what it was and became; `note` why, where somebody wrote it."""

    changed_at: Moment
    actor: str
    kind: str
    brand_id: str
    campaign_id: str | None
    fields: dict[str, dict[str, Any]]
    note: str | None


class ChangePage(Answer, frozen=True, kw_only=True):
    items: list[HistoryRow]
    next: str | None
