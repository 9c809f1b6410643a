"""Every message of the topics, as CONTRACT names its fields. Data alone: rules live in the files that decide."""

from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

import msgspec

__all__ = [
    "Action",
    "BrandDocument",
    "BudgetReset",
    "CampaignDocument",
    "CauseKind",
    "CauseRecord",
    "CommandBrand",
    "CommandCampaign",
    "CommandCatalog",
    "ControlCommand",
    "DaypartingTick",
    "ResetKind",
    "SpendCorrection",
    "SpendEvent",
    "WindowDocument",
    "ZoneDocument",
]


class Action(StrEnum):
    PAUSE = "pause"
    RESUME = "resume"


class CauseKind(StrEnum):
    """What kind of record made the controller decide."""

    SPEND = "spend"
    CORRECTION = "correction"
    CATALOG = "catalog"
    DAYPARTING_TICK = "dayparting_tick"
    BUDGET_RESET = "budget_reset"


class ResetKind(StrEnum):
    DAILY = "daily"
    MONTHLY = "monthly"


class SpendEvent(msgspec.Struct, frozen=True, gc=False):
    """spend-events: money gone. `amount` is read exactly by core.spend, never through a float."""

    event_id: str
    brand_id: str
    campaign_id: str
    amount: str | int | float
    currency: str | None = None
    occurred_at: str | None = None
    attributes: msgspec.Raw = msgspec.Raw(b"")


class SpendCorrection(msgspec.Struct, frozen=True):
    """spend-corrections: changes the controller's totals, never the ledger's rows."""

    correction_id: str
    brand_id: str
    campaign_id: str
    amount: str
    booked_on: str
    opening: bool = False
    reason: str = ""


class ZoneDocument(msgspec.Struct, frozen=True):
    time_zone: str
    from_: str | None = msgspec.field(default=None, name="from")


class WindowDocument(msgspec.Struct, frozen=True):
    days: list[str]
    from_: str = msgspec.field(name="from")
    to: str


#: Grows with each document of a key. The bound keeps room above every version that is taken.
Version: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=1 << 62)]


class BrandDocument(msgspec.Struct, frozen=True):
    """catalog, key brand_id."""

    brand_id: str
    version: Version
    zones: list[ZoneDocument]
    currency: str
    kind: Literal["brand"] = "brand"
    name: str = ""
    daily_budget: str | None = None
    monthly_budget: str | None = None
    enabled: bool = True
    archived: bool = False
    epoch: int = 1


class CampaignDocument(msgspec.Struct, frozen=True):
    """catalog, key brand_id/campaign_id."""

    brand_id: str
    campaign_id: str
    version: Version
    kind: Literal["campaign"] = "campaign"
    name: str = ""
    external_id: str | None = None
    enabled: bool = True
    archived: bool = False
    daily_budget: str | None = None
    total_budget: str | None = None
    starts_on: str | None = None
    ends_on: str | None = None
    windows: list[WindowDocument] = []


class DaypartingTick(msgspec.Struct, frozen=True):
    tick_id: str
    due_at: str


class BudgetReset(msgspec.Struct, frozen=True):
    reset_id: str
    kind: ResetKind
    time_zone: str
    period: str
    due_at: str


class CauseRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The record that made the decision; `event_id` and `amount` only where it has them."""

    kind: CauseKind
    event_id: str | None = None
    amount: str | None = None
    topic: str
    partition: int
    offset: int


class CommandCatalog(msgspec.Struct, frozen=True):
    brand_version: int
    campaign_version: int


class CommandBrand(msgspec.Struct, frozen=True):
    """The brand's totals and budgets that the decision was made on."""

    day: str
    daily_spent: str
    daily_budget: str | None
    month: str
    monthly_spent: str
    monthly_budget: str | None


class CommandCampaign(msgspec.Struct, frozen=True):
    daily_spent: str
    daily_budget: str | None
    total_spent: str
    total_budget: str | None


class ControlCommand(msgspec.Struct, frozen=True):
    """campaign-control, key campaign_id: told once each time a campaign starts or stops being allowed to run."""

    schema: int
    command_id: str
    action: Action
    campaign_id: str
    external_id: str | None
    brand_id: str
    epoch: int
    sequence: int
    reasons: list[str]
    decided_at: str
    resumes_at: str | None
    pauses_at: str | None
    cause: CauseRecord
    catalog: CommandCatalog
    currency: str
    time_zone: str
    brand: CommandBrand
    campaign: CommandCampaign
