"""The journal of replays: the broker that was filled from the ledger, the progress, and the actor."""

from sqlalchemy import BigInteger, CheckConstraint, Identity, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base
from models.tables.catalog_change import Json
from models.tables.types import MomentColumn

__all__ = ["ReplayRun"]


class ReplayRun(Base):
    """One replay. It owns the records of the topics whose ids it has."""

    __tablename__ = "replay_run"
    __table_args__ = (
        CheckConstraint("sent >= 0", "sent_is_not_negative"),
        CheckConstraint("finished_at IS NULL OR filled_at IS NOT NULL", "only_what_is_filled_is_finished"),
    )

    replay_id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    begun_at: Mapped[int] = mapped_column(MomentColumn, server_default=func.clock_timestamp())
    actor: Mapped[str]
    #: The id of each of our topics, by name without prefix.
    topic_ids: Mapped[dict[str, str]] = mapped_column(JSONB)
    #: The id of the catalog topic, by which the relay knows that it must hold campaigns back.
    catalog_topic_id: Mapped[str] = mapped_column(unique=True)
    #: Spend that arrived before is replaced by opening balances; null without opening balances.
    since_at: Mapped[int | None] = mapped_column(MomentColumn)
    #: Brands with spend in the ledger that the catalog does not know.
    left_out: Mapped[list[str]] = mapped_column(JSONB)
    first_arrived_at: Mapped[int | None] = mapped_column(MomentColumn)
    last_arrived_at: Mapped[int | None] = mapped_column(MomentColumn)
    #: Rows that are part of opening balances, and rows to send.
    spend_before: Mapped[int] = mapped_column(BigInteger)
    spend_count: Mapped[int] = mapped_column(BigInteger)
    #: The broker has acknowledged all opening balances.
    opened_at: Mapped[int | None] = mapped_column(MomentColumn)
    #: The number of rows that the broker has acknowledged, and the sort key of the last one.
    sent: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    sent_up_to: Mapped[list[Json] | None] = mapped_column(JSONB(none_as_null=True))
    #: When the broker had acknowledged all rows: from then on the relay publishes campaigns.
    filled_at: Mapped[int | None] = mapped_column(MomentColumn)
    #: The end of the spend topic at that time, by partition: all replayed records are below.
    filled_to: Mapped[dict[str, int] | None] = mapped_column(JSONB(none_as_null=True))
    finished_at: Mapped[int | None] = mapped_column(MomentColumn)
