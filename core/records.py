"""Every message of the topics, with the fields of docs/contract.md, "Topics". Types alone, no rules."""

from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

import msgspec

__all__ = [
    "AckOutcome",
    "Action",
    "AfterPause",
    "AlertKind",
    "AlertState",
    "BrandDocument",
    "Budget",
    "BudgetAlert",
    "BudgetOverrideDocument",
    "BudgetReset",
    "CampaignDocument",
    "CauseKind",
    "CauseRecord",
    "CommandBrand",
    "CommandCampaign",
    "CommandCatalog",
    "ControlAck",
    "ControlCommand",
    "ControlHeartbeat",
    "DaypartingTick",
    "ResetKind",
    "Severity",
    "SnapshotAttributes",
    "SpendCorrection",
    "SpendEvent",
    "SpendSnapshot",
    "WindowDocument",
    "ZoneDocument",
]


class Action(StrEnum):
    """What a command asks of ad servers."""

    PAUSE = "pause"
    RESUME = "resume"


class CauseKind(StrEnum):
    """What kind of record made the controller decide."""

    SPEND = "spend"
    CORRECTION = "correction"
    CATALOG = "catalog"
    DAYPARTING_TICK = "dayparting_tick"
    BUDGET_RESET = "budget_reset"


class AckOutcome(StrEnum):
    """What a consumer says became of a command."""

    APPLIED = "applied"
    FAILED = "failed"


class ResetKind(StrEnum):
    """What begins anew in a time zone."""

    DAILY = "daily"
    MONTHLY = "monthly"


class AlertKind(StrEnum):
    """What an alert is about."""

    THRESHOLD = "threshold"
    SPEND_WHILE_PAUSED = "spend_while_paused"
    UNKNOWN_CAMPAIGN = "unknown_campaign"
    SILENT = "silent"


class AlertState(StrEnum):
    """Whether an alert begins or is over."""

    RAISED = "raised"
    RESOLVED = "resolved"


class Severity(StrEnum):
    """How urgent an alert is."""

    WARNING = "warning"
    CRITICAL = "critical"


class Budget(StrEnum):
    """The budgets whose thresholds raise alerts."""

    DAILY = "daily_budget"
    MONTHLY = "monthly_budget"
    ALLOWANCE = "daily_allowance"
    CAMPAIGN_DAILY = "campaign_daily_budget"
    CAMPAIGN_TOTAL = "campaign_total_budget"


class SpendEvent(msgspec.Struct, frozen=True, gc=False):
    """spend-events: money gone. `amount` is read exactly by core.spend, never through a float."""

    event_id: str
    brand_id: str
    campaign_id: str
    amount: str | int | float
    currency: str | None = None
    occurred_at: str | None = None
    attributes: msgspec.Raw = msgspec.Raw(b"")


class SpendSnapshot(msgspec.Struct, frozen=True):
    """spend-snapshots: a platform's total of one campaign and day so far. `cost` is read exactly by core.snapshot."""

    source: str
    brand_id: str
    campaign_id: str
    day: str
    cost: str | int | float
    as_of: str
    currency: str | None = None


class SnapshotAttributes(msgspec.Struct, frozen=True):
    """What a spend event that a snapshot made has in `attributes.snapshot`."""

    source: str
    day: str
    as_of: str
    cost: str


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
    """A time zone of a brand and the moment from which it is in force; null for a brand's first."""

    time_zone: str
    from_: str | None = msgspec.field(default=None, name="from")


class WindowDocument(msgspec.Struct, frozen=True):
    """A daypart window: weekdays such as `mon`, and local times as `HH:MM`; `to` is the first minute after it."""

    days: list[str]
    from_: str = msgspec.field(name="from")
    to: str


class BudgetOverrideDocument(msgspec.Struct, frozen=True):
    """A budget on the dates `from` to `to`, both inclusive. An absent budget is not overridden, null is unlimited."""

    from_: str = msgspec.field(name="from")
    to: str
    daily_budget: str | msgspec.UnsetType | None = msgspec.UNSET
    monthly_budget: str | msgspec.UnsetType | None = msgspec.UNSET


#: Grows with each document of a key. The bound keeps room above every version that is taken.
Version: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=1 << 62)]
#: What the catalog's table and the command's journal have room for.
Epoch: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=(1 << 31) - 1)]
#: The same limit as in API and CLI: it is part of every command, which has to fit its topic and the journal.
ExternalId: TypeAlias = Annotated[str, msgspec.Meta(max_length=200)]


#: Of a budget, in the order of the document: rising, each once.
AlertPercents: TypeAlias = Annotated[
    list[Annotated[int, msgspec.Meta(ge=1, le=1000)]],
    msgspec.Meta(max_length=10, extra_json_schema={"uniqueItems": True}),
]
SilentAfterMinutes: TypeAlias = Annotated[int, msgspec.Meta(ge=5, le=10_080)]


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
    budget_overrides: list[BudgetOverrideDocument] = []
    pacing: Literal["none", "even"] = "none"
    enabled: bool = True
    archived: bool = False
    epoch: Epoch = 1
    alert_percents: AlertPercents | None = None  # null or absent: 80 and 100; []: none
    silent_after_minutes: SilentAfterMinutes | None = None  # null or absent: never


class CampaignDocument(msgspec.Struct, frozen=True):
    """catalog, key brand_id/campaign_id."""

    brand_id: str
    campaign_id: str
    version: Version
    kind: Literal["campaign"] = "campaign"
    name: str = ""
    external_id: ExternalId | None = None
    enabled: bool = True
    archived: bool = False
    daily_budget: str | None = None
    total_budget: str | None = None
    budget_overrides: list[BudgetOverrideDocument] = []
    starts_on: str | None = None
    ends_on: str | None = None
    windows: list[WindowDocument] = []


class DaypartingTick(msgspec.Struct, frozen=True):
    """dayparting-ticks, one in each partition: wakes decisions as of the moment `due_at`."""

    tick_id: str
    due_at: str


class BudgetReset(msgspec.Struct, frozen=True):
    """budget-resets, one in each partition: the day or month `period` of a time zone begins at `due_at`."""

    reset_id: str
    kind: ResetKind
    time_zone: str
    period: str
    due_at: str


class CauseRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The record that made the controller decide. `event_id` and `amount` are null unless it is of money."""

    kind: CauseKind
    event_id: str | None = None  # commands of older releases lack it and the amount
    amount: str | None = None
    topic: str
    partition: int
    offset: int


class CommandCatalog(msgspec.Struct, frozen=True):
    """The versions of the two documents that the decision was made by."""

    brand_version: int
    campaign_version: int


class CommandBrand(msgspec.Struct, frozen=True):
    """The brand's totals that the decision was made on, and its budgets in force; an allowance where it is paced."""

    day: str
    daily_spent: str
    daily_budget: str | None
    month: str
    monthly_spent: str
    monthly_budget: str | None
    daily_allowance: str | None = None  # absent in old ones


class CommandCampaign(msgspec.Struct, frozen=True):
    """The campaign's totals that the decision was made on, and its budgets in force; null is unlimited."""

    daily_spent: str
    daily_budget: str | None
    total_spent: str
    total_budget: str | None


class AfterPause(msgspec.Struct, frozen=True):
    """The campaign's net spend that occurred after its pause was decided, as counted by the end of the pause."""

    spent: str
    events: int
    last_occurred_at: str | None


class ControlCommand(msgspec.Struct, frozen=True):
    """campaign-control, key campaign_id: sent once each time a campaign starts or stops being allowed to run."""

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
    after_pause: AfterPause | None = None  # absent in old ones


class BudgetAlert(msgspec.Struct, frozen=True):
    """budget-alerts, key brand_id: raised once and, if it ever is, resolved once, with the same alert_id."""

    schema: int
    alert_id: str
    state: AlertState
    kind: AlertKind
    severity: Severity
    brand_id: str
    campaign_id: str | None  # null where it is about the brand
    budget: Budget | None  # of a threshold
    period: str | None  # day or month; null where it has none
    percent: int | None  # of a threshold
    spent: str | None  # in the period, or since the pause; null of a silent brand
    limit: str | None  # the budget of a threshold; null when it is unlimited now
    currency: str
    time_zone: str
    decided_at: str
    cause: CauseRecord


class ControlHeartbeat(msgspec.Struct, frozen=True):
    """control-heartbeat, key the partition number: on campaign-control, below `control_offsets`, is every command of
    records below `offsets` (of the inputs, by topic without prefix), or that arrived before `decided_up_to`."""

    schema: int
    partition: int
    decided_up_to: str
    offsets: dict[str, int]
    written_at: str
    worker: str
    control_offsets: tuple[int, ...] = ()  # by partition of campaign-control; absent in old ones


class ControlAck(msgspec.Struct, frozen=True):
    """control-acks, key campaign_id: a consumer has applied a command, or failed to."""

    command_id: str
    campaign_id: str
    applied_at: str
    consumer: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    outcome: AckOutcome
    detail: str | None = None
