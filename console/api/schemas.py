"""The schemas of answers: the OpenAPI document is generated from them, and tests validate every answer by it."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from core.records import AckOutcome, Action, CauseKind, CommandBrand, CommandCampaign, CommandCatalog
from models.tables.reconcile_run import ReconcileOutcome

__all__ = [
    "Ack",
    "Acks",
    "BrandPage",
    "BrandRow",
    "BrandView",
    "CampaignPage",
    "CampaignRow",
    "CampaignView",
    "CatalogApplied",
    "CatalogPlan",
    "ChangePage",
    "ChannelAdded",
    "ChannelPage",
    "ChannelView",
    "Command",
    "CommandPage",
    "Letter",
    "LetterOutcome",
    "LetterPage",
    "NewSnapshot",
    "NewSpend",
    "Notification",
    "NotificationPage",
    "Problem",
    "Published",
    "PublishedSnapshots",
    "Reconciliation",
    "Report",
    "Schedule",
    "SpendPage",
    "SpendSums",
    "Status",
    "Timeline",
    "WhatIf",
    "Windows",
]

Money = Annotated[str, Meta(pattern=r"^-?[0-9]+\.[0-9]{2,6}$")]
Moment = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Day = Annotated[str, Meta(extra_json_schema={"format": "date"})]


class _Shown(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An answer has these fields and no others."""


class Problem(Struct, frozen=True, kw_only=True):
    """RFC 9457. Some problems have more members."""

    type: str
    title: str
    status: int
    detail: str


class Zone(_Shown, frozen=True, kw_only=True, rename={"from_": "from"}):
    time_zone: str
    from_: Moment | None


class CampaignCounts(_Shown, frozen=True, kw_only=True):
    """`unknown` are those that the controller does not hold yet."""

    running: int
    paused: int
    unknown: int


class BudgetOverride(_Shown, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Budgets on the dates `from` to `to` of the brand, both inclusive. An absent one is not overridden; null is
    unlimited."""

    from_: Day
    to: Day
    daily_budget: Money | UnsetType | None = UNSET
    monthly_budget: Money | UnsetType | None = UNSET


class BrandRow(_Shown, frozen=True, kw_only=True):
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


class BrandView(_Shown, frozen=True, kw_only=True):
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


class BrandPage(_Shown, frozen=True, kw_only=True):
    items: list[BrandView]
    next: str | None


class Window(_Shown, frozen=True, kw_only=True, rename={"from_": "from"}):
    days: list[str]
    from_: str
    to: str


class Windows(_Shown, frozen=True, kw_only=True):
    windows: list[Window]


class CampaignRow(_Shown, frozen=True, kw_only=True):
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
    windows: list[Window]
    enabled: bool
    archived: bool
    revision: int


class AfterPause(_Shown, frozen=True, kw_only=True):
    """Net spend of a campaign that occurred after its pause was decided."""

    spent: Money
    events: int
    last_occurred_at: Moment | None


class CampaignView(_Shown, frozen=True, kw_only=True):
    """What the controller holds. `state` is running, paused, or unknown while it holds nothing yet."""

    campaign_id: str
    brand_id: str
    state: str
    reasons: list[str]
    sequence: int
    resumes_at: Moment | None
    pauses_at: Moment | None
    after_pause: AfterPause | None
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
    windows: list[Window] | UnsetType = UNSET
    version: int | UnsetType = UNSET
    epoch: int | UnsetType = UNSET
    up_to_date: bool
    revision: int | None


class CampaignPage(_Shown, frozen=True, kw_only=True):
    items: list[CampaignView]
    next: str | None


class ScheduleChange(_Shown, frozen=True, kw_only=True):
    action: Action
    at: Moment
    local: str
    weekday: str
    time_zone: str
    remark: str | None


class ClockChange(_Shown, frozen=True, kw_only=True):
    date: Day
    time_zone: str
    remark: str


class OverrideAhead(BudgetOverride, frozen=True, kw_only=True, rename={"from_": "from"}):
    """`of` says whose budget it is, `brand` or `campaign`."""

    of: str


class Schedule(_Shown, frozen=True, kw_only=True, rename={"from_": "from"}):
    campaign_id: str
    brand_id: str
    from_: Moment
    until: Moment
    time_zone: str
    is_open: bool
    changes: list[ScheduleChange]
    clock_changes: list[ClockChange]
    budget_overrides: list[OverrideAhead]


class Change(_Shown, frozen=True, kw_only=True):
    """`fields` has of each field that was changed what it was and became; `note` why, where somebody wrote it."""

    changed_at: Moment
    actor: str
    kind: str
    brand_id: str
    campaign_id: str | None
    fields: dict[str, dict[str, Any]]
    note: str | None


class CatalogDifference(_Shown, frozen=True, kw_only=True):
    """A row that says something else than the database; of a new one every `from` is null."""

    line: int
    kind: str
    brand_id: str
    campaign_id: str | None
    is_new: bool
    revision: int | None
    fields: dict[str, dict[str, Any]]


class CatalogEffect(_Shown, frozen=True, kw_only=True):
    """`reasons` of a pause are those that it would have, of a resume those that would end."""

    brand_id: str
    campaign_id: str
    reasons: list[str]


class CatalogLeftAlone(_Shown, frozen=True, kw_only=True):
    """How many no row speaks of."""

    brands: int
    campaigns: int


class CatalogPlan(_Shown, frozen=True, kw_only=True):
    """`unknown_brands`: the controller does not hold them yet, so what would pause and resume is not known of them."""

    differences: list[CatalogDifference]
    unchanged: int
    left_alone: CatalogLeftAlone
    pauses: list[CatalogEffect]
    resumes: list[CatalogEffect]
    unknown_brands: list[str]


class CatalogChanged(_Shown, frozen=True, kw_only=True):
    brand_id: str
    campaign_id: str | None
    revision: int


class CatalogApplied(_Shown, frozen=True, kw_only=True):
    """The rows that were added or changed."""

    changed: list[CatalogChanged]


class SpendSum(_Shown, frozen=True, kw_only=True):
    """`campaign_id` and `day` are null where sums are not `by` them."""

    campaign_id: str | None
    day: Day | None
    events: int
    spent: Money


class SpendSums(_Shown, frozen=True, kw_only=True):
    """Net spend that counts, of the ledger; `events` and `spent` are of all items together."""

    brand_id: str
    currency: str
    day_from: Day
    day_until: Day
    events: int
    spent: Money
    items: list[SpendSum]


class ReportDay(_Shown, frozen=True, kw_only=True):
    """A daily budget of null is unlimited, or not known. `variance` above zero: more was spent than budgeted."""

    day: Day
    budget: Money | None
    spent: Money
    variance: Money | None


class ReportCampaignDay(ReportDay, frozen=True, kw_only=True):
    """Time off for several reasons counts for each of them."""

    seconds_on: int
    seconds_off: int
    seconds_unknown: int
    seconds_off_by_reason: dict[str, int]


class ReportCampaign(_Shown, frozen=True, kw_only=True):
    """`is_known` is false where the catalog does not have it; its money counts to the brand all the same."""

    campaign_id: str
    name: str | None
    is_known: bool
    spent: Money
    days: list[ReportCampaignDay]


class Report(_Shown, frozen=True, kw_only=True):
    """Budgets are those in force when the day, or the month, ended."""

    brand_id: str
    month: str
    time_zone: str
    currency: str
    as_of: Moment
    monthly_budget: Money | None
    spent: Money
    variance: Money | None
    days: list[ReportDay]
    campaigns: list[ReportCampaign]


class WhatIfCommand(_Shown, frozen=True, kw_only=True):
    decided_at: Moment
    action: Action
    reasons: list[str]


class WhatIfStretch(_Shown, frozen=True, kw_only=True, rename={"from_": "from"}):
    """`now` and `then`: running, paused or absent, by the catalog as it is and with the rows. `spent` arrived in it."""

    from_: Moment
    to: Moment
    seconds: int
    now: str
    then: str
    spent: Money
    events: int


class WhatIfCampaign(_Shown, frozen=True, kw_only=True):
    """About which the two differ. `only_now` are commands that the rows would not have made, `only_then` others."""

    campaign_id: str
    commands_now: int
    commands_then: int
    only_now: list[WhatIfCommand]
    only_then: list[WhatIfCommand]
    spent_where_it_would_be_paused: Money
    spent_where_it_would_be_running: Money
    stretches: list[WhatIfStretch]


class WhatIfBrand(_Shown, frozen=True, kw_only=True, rename={"from_": "from"}):
    brand_id: str
    currency: str
    from_: Moment
    to: Moment
    events: int
    spent_where_it_would_be_paused: Money
    spent_where_it_would_be_running: Money
    campaigns: list[WhatIfCampaign]


class WhatIf(_Shown, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Of the brands that the rows change; `differences` are rows that say something else than the catalog."""

    from_: Day
    to: Day
    differences: int
    events: int
    brands: list[WhatIfBrand]


class TimelineBand(_Shown, frozen=True, kw_only=True, rename={"from_": "from"}):
    """`state` is running, paused or unknown. `begins_with_command`: whether the band begins with the
    command; else it begins with the period, or by time or an edit in the middle of a pause."""

    from_: Moment
    to: Moment
    local_from: Moment
    local_to: Moment
    time_zone: str
    seconds: int
    state: str
    reasons: list[str]
    words: str | None
    spent: Money
    command_id: str | None
    begins_with_command: bool
    follows_a_gap: bool
    cause: str | None
    event_id: str | None
    actor: str | None
    change: Change | None


class Timeline(_Shown, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Bands that touch, by the brand's clock. `spent` is what occurred in them."""

    campaign_id: str
    brand_id: str
    currency: str
    from_: Day
    to: Day
    running_seconds: int
    paused_seconds: int
    unknown_seconds: int
    paused_seconds_by_reason: dict[str, int]
    spent: Money
    spent_while_paused: Money
    bands: list[TimelineBand]


class ChangePage(_Shown, frozen=True, kw_only=True):
    items: list[Change]
    next: str | None


class SpendRow(_Shown, frozen=True, kw_only=True):
    """`refused` is null where the controller has counted it."""

    brand_id: str
    event_id: str
    campaign_id: str
    amount: Money
    currency: str
    occurred_at: Moment
    booked_day: Day
    arrived_at: Moment
    topic: str
    partition: int
    offset: int
    attributes: dict[str, Any] | None
    refused: str | None
    refused_because: str | None


class SpendPage(_Shown, frozen=True, kw_only=True):
    items: list[SpendRow]
    next: str | None


class NewSpend(Struct, frozen=True, kw_only=True):
    """Money gone, as on the topic; fields that are not known are ignored."""

    event_id: Annotated[str, Meta(min_length=1, max_length=128)]
    brand_id: Annotated[str, Meta(pattern="^[A-Za-z0-9._:-]{1,64}$")]
    campaign_id: Annotated[str, Meta(pattern="^[A-Za-z0-9._:-]{1,64}$")]
    amount: str | float
    currency: str | None = None
    occurred_at: Moment | None = None
    attributes: dict[str, Any] | None = None


class AcceptedSpend(_Shown, frozen=True, kw_only=True):
    index: int
    event_id: str
    topic: str
    partition: int
    offset: int


class RefusedSpend(_Shown, frozen=True, kw_only=True):
    index: int
    reason: str
    message: str


class Published(_Shown, frozen=True, kw_only=True):
    """`index` is the place in the array that was sent. The broker has what was accepted."""

    accepted: list[AcceptedSpend]
    refused: list[RefusedSpend]


class NewSnapshot(Struct, frozen=True, kw_only=True):
    """A platform's total of a campaign and a day so far, as on the topic; fields that are not known are ignored.
    `external_id` stands in place of `brand_id` and `campaign_id`."""

    source: Annotated[str, Meta(pattern="^[A-Za-z0-9._:-]{1,64}$")]
    brand_id: Annotated[str, Meta(pattern="^[A-Za-z0-9._:-]{1,64}$")] | None = None
    campaign_id: Annotated[str, Meta(pattern="^[A-Za-z0-9._:-]{1,64}$")] | None = None
    external_id: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    day: Day
    cost: str | float
    currency: str | None = None
    as_of: Moment


class AcceptedSnapshot(_Shown, frozen=True, kw_only=True):
    index: int
    brand_id: str
    campaign_id: str
    topic: str
    partition: int
    offset: int


class RefusedSnapshot(_Shown, frozen=True, kw_only=True):
    """`campaign_ids` are those that share an `external_id`."""

    index: int
    reason: str
    message: str
    campaign_ids: list[str] | UnsetType = UNSET


class PublishedSnapshots(_Shown, frozen=True, kw_only=True):
    """`index` is the place in the array that was sent. The broker has what was accepted."""

    accepted: list[AcceptedSnapshot]
    refused: list[RefusedSnapshot]


class Cause(_Shown, frozen=True, kw_only=True):
    kind: CauseKind
    event_id: str | UnsetType | None = UNSET  # null where it has none, absent in commands of older releases
    amount: Money | UnsetType | None = UNSET
    topic: str
    partition: int
    offset: int


class Command(_Shown, frozen=True, kw_only=True):
    """As on the topic campaign-control."""

    schema: int
    command_id: str
    action: Action
    campaign_id: str
    external_id: str | None
    brand_id: str
    epoch: int
    sequence: int
    reasons: list[str]
    decided_at: Moment
    resumes_at: Moment | None
    pauses_at: Moment | None
    cause: Cause
    catalog: CommandCatalog
    currency: str
    time_zone: str
    brand: CommandBrand
    campaign: CommandCampaign
    after_pause: AfterPause | None = None


class JournaledCommand(_Shown, frozen=True, kw_only=True):
    """`follows_a_gap`: the journal does not have the command with the sequence before it."""

    command: Command
    topic: str
    partition: int
    offset: int
    follows_a_gap: bool


class CommandPage(_Shown, frozen=True, kw_only=True):
    items: list[JournaledCommand]
    next: str | None


class Ack(_Shown, frozen=True, kw_only=True):
    """`delay_ms` is from the decision, by the consumer's clock; `spent` in that time, of a pause that was applied."""

    consumer: str
    outcome: AckOutcome
    applied_at: Moment
    delay_ms: int
    spent: Money | None
    detail: str | None


class Acks(_Shown, frozen=True, kw_only=True):
    items: list[Ack]


class Crossing(_Shown, frozen=True, kw_only=True):
    """The spend that used a budget up, and how far beyond it that led. `budget` is the one exceeded by most."""

    event_id: str
    amount: Money
    budget: str
    over: Money


class AfterCommand(_Shown, frozen=True, kw_only=True):
    """What occurred after the decision, by the ledger; `until` is the next command's decision, `null` before it."""

    spent: Money
    events: int
    last_occurred_at: Moment | None
    until: Moment | None


class ConsumerShare(_Shown, frozen=True, kw_only=True):
    """Split at the moment at which the consumer applied the pause, by its own clock."""

    consumer: str
    applied_at: Moment
    reaction_seconds: float
    spent_until_applied: Money
    spent_later: Money


class Overspend(_Shown, frozen=True, kw_only=True):
    """Of a pause. `crossing` is `null` where no spend or no budget made it."""

    currency: str
    crossing: Crossing | None
    after_pause: AfterCommand
    consumers: list[ConsumerShare]


class LetterSummary(_Shown, frozen=True, kw_only=True):
    """`standing` is waiting, replayed or dropped. What the original lacks is null."""

    id: str
    at: Moment
    reason: str | None
    message: str | None
    original: str
    original_topic: str | None
    original_partition: int | None
    original_offset: int | None
    original_arrived_at: Moment
    key: str | None
    brand_id: str | None
    event_id: str | None
    size: int
    standing: str
    since: Moment
    by: str | None
    because: str | None


class LetterHeader(_Shown, frozen=True, kw_only=True):
    name: str
    value: str | None


class Letter(LetterSummary, frozen=True, kw_only=True):
    """`value` is null where it is no text; `value_base64` is the exact bytes."""

    headers: list[LetterHeader]
    value: str | None
    value_base64: str | None


class LetterPage(_Shown, frozen=True, kw_only=True):
    items: list[LetterSummary]
    next: str | None


class Copy(_Shown, frozen=True, kw_only=True):
    topic: str
    partition: int
    offset: int


class LetterOutcome(_Shown, frozen=True, kw_only=True):
    """`result` is replayed, dropped, or already for one that was handled before."""

    id: str
    result: str
    dry_run: bool
    why: str | None
    reason: str | None
    brand_id: str | None
    event_id: str | None
    copy: Copy | None


class Difference(_Shown, frozen=True, kw_only=True):
    """`missing` is what the controller would have to add."""

    brand_id: str
    campaign_id: str | None
    total: str
    period: str | None
    controller: Money
    ledger: Money
    missing: Money


class Reconciliation(_Shown, frozen=True, kw_only=True):
    """`positions` has of each partition and topic the offset up to which both were compared."""

    brand_id: str | None
    brands: int
    campaigns: int
    positions: dict[str, dict[str, int]]
    differences: list[Difference]
    beyond_repair: dict[str, str]
    holes: list[str]


class GroupMember(_Shown, frozen=True, kw_only=True):
    """A worker or a ledger; `partitions` are by topic."""

    client_id: str
    host: str
    partitions: dict[str, list[int]]


class GroupStatus(_Shown, frozen=True, kw_only=True):
    """A consumer group; `lag` is the number of records not yet committed, by topic without the prefix."""

    group: str
    state: str
    members: list[GroupMember]
    lag: dict[str, int]


class LastTick(_Shown, frozen=True, kw_only=True):
    due_at: Moment
    arrived_at: Moment


class LastDecision(_Shown, frozen=True, kw_only=True):
    """The newest command on `campaign-control`."""

    command_id: str
    action: Action
    campaign_id: str
    brand_id: str
    reasons: list[str]
    decided_at: Moment


class LastReconcile(_Shown, frozen=True, kw_only=True):
    """The newest comparison of the controller with the ledger; `failure` says why it found nothing out."""

    finished_at: Moment
    outcome: ReconcileOutcome
    brands: int
    campaigns: int
    differences: int
    failure: str | None


class DuplicateWindow(_Shown, frozen=True, kw_only=True):
    """By the ids of the last `event_ids` spend events duplicates are known, in the partition that has most of at most
    `capacity`. `since` and `seconds`, how far back they go where that is least, are `null` while none was dropped."""

    event_ids: int
    capacity: int
    since: str | None
    seconds: float | None


class HeldResumes(_Shown, frozen=True, kw_only=True):
    """Resumes that are decided and wait for the spend before them, and since when the first of them does."""

    count: int
    since: str | None
    seconds: float | None


class Status(_Shown, frozen=True, kw_only=True):
    """As `spendgate status --json` prints it. `dead_letters` is the number that wait, `null` without the database;
    `restored` says that the database has less than the ledger had saved in it, `null` when it has all; `holes` has a
    sentence for each stretch of offsets that Kafka removed before the ledger read it."""

    groups: list[GroupStatus]
    last_tick: LastTick | None
    last_decision: LastDecision | None
    dead_letters: int | None
    last_reconcile: LastReconcile | None
    restored: str | None
    holes: list[str]
    duplicate_window: DuplicateWindow
    held_resumes: HeldResumes


class ChannelView(_Shown, frozen=True, kw_only=True):
    """`address` lacks what may be a secret; an empty list of `kinds`, `severities` or `brands` lets all pass."""

    name: str
    kind: str
    address: str
    kinds: list[str]
    severities: list[str]
    brands: list[str]
    commands: bool
    paused: bool
    created_by: str
    created_at: Moment


class ChannelAdded(ChannelView, frozen=True, kw_only=True):
    """`secret` is shown this once; `null` of a channel to people."""

    secret: str | None


class ChannelPage(_Shown, frozen=True, kw_only=True):
    items: list[ChannelView]
    next: str | None


class Notification(_Shown, frozen=True, kw_only=True):
    """One alert, command or test for one channel. `message_id` is the `webhook-id` of each attempt."""

    id: int
    channel: str
    message_id: str
    source: str
    subject: str
    brand_id: str | None
    state: str
    attempts: int
    created_at: Moment
    next_attempt_at: Moment | None
    finished_at: Moment | None
    last_error: str | None


class NotificationPage(_Shown, frozen=True, kw_only=True):
    items: list[Notification]
    next: str | None
