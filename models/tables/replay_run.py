"""The journal of replays: which broker was filled from the ledger, how far that is, and by whom."""

from sqlalchemy import BigInteger, CheckConstraint, Identity, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base
from models.tables.catalog_change import Json
from models.tables.types import MomentColumn

__all__ = ["ReplayRun"]


class ReplayRun(Base):
    """One replay. Kafka's ids of the topics show whether records on them are its own."""

    __tablename__ = "replay_run"
    __table_args__ = (
        CheckConstraint("sent >= 0", "sent_is_not_negative"),
        CheckConstraint("finished_at IS NULL OR filled_at IS NOT NULL", "only_what_is_filled_is_finished"),
    )

    replay_id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    begun_at: Mapped[int] = mapped_column(MomentColumn, server_default=func.clock_timestamp())
    actor: Mapped[str]
    #: Name without prefix -> id, of every topic of ours.
    topic_ids: Mapped[dict[str, str]] = mapped_column(JSONB)
    #: One of them, by which the relay knows whether it must hold campaigns back.
    catalog_topic_id: Mapped[str] = mapped_column(unique=True)
    #: Spend that arrived before it went over as opening balances; null when there are none.
    since_at: Mapped[int | None] = mapped_column(MomentColumn)
    #: Brands with spend in the ledger that the catalog does not know.
    left_out: Mapped[list[str]] = mapped_column(JSONB)
    first_arrived_at: Mapped[int | None] = mapped_column(MomentColumn)
    last_arrived_at: Mapped[int | None] = mapped_column(MomentColumn)
    #: Rows that went into opening balances, and rows to send.
    spend_before: Mapped[int] = mapped_column(BigInteger)
    spend_count: Mapped[int] = mapped_column(BigInteger)
    #: The broker has acknowledged all opening balances.
    opened_at: Mapped[int | None] = mapped_column(MomentColumn)
    #: The broker has acknowledged so much of the spend, up to this place in its order.
    sent: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    sent_up_to: Mapped[list[Json] | None] = mapped_column(JSONB(none_as_null=True))
    #: It has acknowledged all of it: the relay may publish the campaigns.
    filled_at: Mapped[int | None] = mapped_column(MomentColumn)
    #: By partition, the end of the spend topic then: below it lies everything that was replayed.
    filled_to: Mapped[dict[str, int] | None] = mapped_column(JSONB(none_as_null=True))
    finished_at: Mapped[int | None] = mapped_column(MomentColumn)
