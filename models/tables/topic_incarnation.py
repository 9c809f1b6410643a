"""Which topic a position of the ledger is of, and how far the ledger has read it.

A rebuilt broker has the old names and counts offsets from zero again, so a name is not enough.
"""

from uuid import UUID

from sqlalchemy import BigInteger, Identity, Integer, SmallInteger, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base
from models.tables.types import MomentColumn

__all__ = ["LedgerPosition", "TopicIncarnation"]


class TopicIncarnation(Base):
    """One life of a topic, by Kafka's id of it; null for rows of before ids were kept, until the topic is seen."""

    __tablename__ = "topic_incarnation"
    __table_args__ = (UniqueConstraint("topic", "topic_id", postgresql_nulls_not_distinct=True),)

    #: In the order in which the ledger saw them.
    incarnation: Mapped[int] = mapped_column(SmallInteger, Identity(always=True), primary_key=True)
    topic: Mapped[str]
    topic_id: Mapped[UUID | None]
    first_seen_at: Mapped[int] = mapped_column(MomentColumn, server_default=func.clock_timestamp())


class LedgerPosition(Base):
    """The offset that the ledger reads next: saved with the rows below it, and so exactly as true as they are."""

    __tablename__ = "ledger_position"

    incarnation: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    partition: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(BigInteger)
