"""Actions on dead letters. The database refuses to change or delete a row."""

from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, Integer, Uuid, func
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base
from models.tables.types import MomentColumn

__all__ = ["DeadLetterAction", "Handling"]


class Handling(StrEnum):
    """An operator's action on a dead letter."""

    REPLAYED = "replayed"
    DROPPED = "dropped"


class DeadLetterAction(Base):
    """One replay or drop of one dead letter; the last row of a dead letter is its state.

    `topic_id` is the broker's: in a topic that was created again the same offsets are other dead letters. The fields of
    the dead letter are stored too, because the topic deletes it after its retention.
    """

    __tablename__ = "dead_letter_action"
    __table_args__ = (
        CheckConstraint("action IN ('replayed', 'dropped')", "action_is_replayed_or_dropped"),
        CheckConstraint("actor <> '' AND length(actor) <= 200", "actor_is_1_to_200_characters"),
        CheckConstraint("length(because) <= 1000", "because_is_up_to_1000_characters"),
        CheckConstraint("action <> 'dropped' OR because <> ''", "who_drops_says_why"),
        CheckConstraint(
            "num_nulls(copy_topic, copy_partition, copy_offset) = CASE action WHEN 'replayed' THEN 0 ELSE 3 END",
            "a_replay_has_its_copy",
        ),
        Index("ix_dead_letter_action_letter", "topic_id", "partition", "record_offset", "action_id"),
    )

    action_id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    topic_id: Mapped[str] = mapped_column(Uuid(as_uuid=False))
    partition: Mapped[int] = mapped_column(Integer)
    record_offset: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str | None]
    brand_id: Mapped[str | None]
    event_id: Mapped[str | None]
    action: Mapped[str]
    actor: Mapped[str]
    acted_at: Mapped[int] = mapped_column(MomentColumn, server_default=func.clock_timestamp())
    because: Mapped[str] = mapped_column(server_default="")
    #: The position of the replayed copy on the broker.
    copy_topic: Mapped[str | None]
    copy_partition: Mapped[int | None] = mapped_column(Integer)
    copy_offset: Mapped[int | None] = mapped_column(BigInteger)
