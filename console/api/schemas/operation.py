"""The state of the installation, and what reconcile found."""

from console.api.schemas.common import Answer, Moment, Money
from core.records import Action
from models.tables.reconcile_run import ReconcileOutcome

__all__ = [
    "DuplicateWindowStatus",
    "GroupMember",
    "GroupStatus",
    "HeldResumes",
    "LastDecision",
    "LastReconcile",
    "LastTick",
    "ReconcileDifference",
    "ReconcileResult",
    "Status",
]


class ReconcileDifference(Answer, frozen=True, kw_only=True):
    """`missing` is what the controller would have to add."""

    brand_id: str
    campaign_id: str | None
    total: str
    period: str | None
    controller: Money
    ledger: Money
    missing: Money


class ReconcileResult(Answer, frozen=True, kw_only=True):
    """`positions` has of each partition and topic the offset up to which both were compared."""

    brand_id: str | None
    brands: int
    campaigns: int
    positions: dict[str, dict[str, int]]
    differences: list[ReconcileDifference]
    beyond_repair: dict[str, str]
    holes: list[str]


class GroupMember(Answer, frozen=True, kw_only=True):
    """A worker or a ledger; `partitions` are by topic."""

    client_id: str
    host: str
    partitions: dict[str, list[int]]


class GroupStatus(Answer, frozen=True, kw_only=True):
    """A consumer group; `lag` is the number of records not yet committed, by topic without the prefix."""

    group: str
    state: str
    members: list[GroupMember]
    lag: dict[str, int]


class LastTick(Answer, frozen=True, kw_only=True):
    due_at: Moment
    arrived_at: Moment


class LastDecision(Answer, frozen=True, kw_only=True):
    """The newest command on `campaign-control`."""

    command_id: str
    action: Action
    campaign_id: str
    brand_id: str
    reasons: list[str]
    decided_at: Moment


class LastReconcile(Answer, frozen=True, kw_only=True):
    """The newest comparison of the controller with the ledger; `failure` says why it found nothing out."""

    finished_at: Moment
    outcome: ReconcileOutcome
    brands: int
    campaigns: int
    differences: int
    failure: str | None


class DuplicateWindowStatus(Answer, frozen=True, kw_only=True):
    """How far back duplicates are known: by the ids of the last `event_ids` spend events, in the partition that has
    most of at most `capacity`. `since` and `seconds`, of the partition that reaches back least, are `null` while no id
    was dropped."""

    event_ids: int
    capacity: int
    since: str | None
    seconds: float | None


class HeldResumes(Answer, frozen=True, kw_only=True):
    """Resumes that are decided and wait for the spend before them, and since when the first of them does."""

    count: int
    since: str | None
    seconds: float | None


class Status(Answer, frozen=True, kw_only=True):
    """As `spendgate status --json` prints it. `dead_letters` is the number that wait, `null` without the database;
    `restored` says that the database has less than the ledger had saved in it, `null` when it has all; `holes` has a
    sentence for each stretch of offsets that Kafka removed before the ledger read it, `hidden_state` one for each
    partition on whose state a transaction has been open for more than 2 s, which decides nothing if that stays."""

    groups: list[GroupStatus]
    last_tick: LastTick | None
    last_decision: LastDecision | None
    dead_letters: int | None
    last_reconcile: LastReconcile | None
    restored: str | None
    holes: list[str]
    hidden_state: list[str]
    duplicate_window: DuplicateWindowStatus
    held_resumes: HeldResumes
