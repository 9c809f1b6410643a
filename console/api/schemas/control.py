"""Commands of the journal, their acks, and the overspend after them."""

from msgspec import UNSET, UnsetType

from console.api.schemas.catalog import SpendAfterPause
from console.api.schemas.common import Answer, Moment, Money
from core.records import AckOutcome, Action, CauseKind, CommandBrand, CommandCampaign, CommandCatalog

__all__ = [
    "Ack",
    "Acks",
    "AfterCommand",
    "BudgetCrossing",
    "CampaignCommand",
    "CommandCause",
    "CommandOverspend",
    "CommandPage",
    "ConsumerOverspend",
    "JournaledCommand",
]


class CommandCause(Answer, frozen=True, kw_only=True):
    kind: CauseKind
    event_id: str | UnsetType | None = UNSET  # null where it has none, absent in commands of older releases
    amount: Money | UnsetType | None = UNSET
    topic: str
    partition: int
    offset: int


class CampaignCommand(Answer, frozen=True, kw_only=True):
    """A command as on the topic campaign-control."""

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
    cause: CommandCause
    catalog: CommandCatalog
    currency: str
    time_zone: str
    brand: CommandBrand
    campaign: CommandCampaign
    after_pause: SpendAfterPause | None = None


class JournaledCommand(Answer, frozen=True, kw_only=True):
    """`follows_a_gap`: the journal does not have the command with the sequence before it."""

    command: CampaignCommand
    topic: str
    partition: int
    offset: int
    follows_a_gap: bool


class CommandPage(Answer, frozen=True, kw_only=True):
    items: list[JournaledCommand]
    next: str | None


class Ack(Answer, frozen=True, kw_only=True):
    """`delay_ms` is from the decision, by the consumer's clock; `spent` in that time, of a pause that was applied."""

    consumer: str
    outcome: AckOutcome
    applied_at: Moment
    delay_ms: int
    spent: Money | None
    detail: str | None


class Acks(Answer, frozen=True, kw_only=True):
    items: list[Ack]


class BudgetCrossing(Answer, frozen=True, kw_only=True):
    """The spend that used a budget up, and how far beyond it that led. `budget` is the one exceeded by most."""

    event_id: str
    amount: Money
    budget: str
    over: Money


class AfterCommand(Answer, frozen=True, kw_only=True):
    """What occurred after the decision, by the ledger; `until` is the next command's decision, `null` before it."""

    spent: Money
    events: int
    last_occurred_at: Moment | None
    until: Moment | None


class ConsumerOverspend(Answer, frozen=True, kw_only=True):
    """Split at the moment at which the consumer applied the pause, by its own clock."""

    consumer: str
    applied_at: Moment
    reaction_seconds: float
    spent_until_applied: Money
    spent_later: Money


class CommandOverspend(Answer, frozen=True, kw_only=True):
    """The overspend after a pause. `crossing` is `null` where no spend or no budget made it."""

    currency: str
    crossing: BudgetCrossing | None
    after_pause: AfterCommand
    consumers: list[ConsumerOverspend]
