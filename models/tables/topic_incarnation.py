"""Incarnations of topics, and the ledger's positions in them.

A topic that was created again has the old name and counts offsets from zero, so a name does not identify an offset.
"""

from uuid import UUID

from sqlalchemy import BigInteger, Identity, Integer, SmallInteger, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base
from models.tables.types import MomentColumn

__all__ = ["LedgerPosition", "TopicIncarnation"]


class TopicIncarnation(Base):
    """A topic with Kafka's id. The id is null for rows that are older than stored ids, until the ledger reads the
    topic."""

    __tablename__ = "topic_incarnation"
    __table_args__ = (UniqueConstraint("topic", "topic_id", postgresql_nulls_not_distinct=True),)

    #: In the order in which the ledger saw them.
    incarnation: Mapped[int] = mapped_column(SmallInteger, Identity(always=True), primary_key=True)
    topic: Mapped[str]
    topic_id: Mapped[UUID | None]
    first_seen_at: Mapped[int] = mapped_column(MomentColumn, server_default=func.clock_timestamp())


class LedgerPosition(Base):
    """The offset that the ledger reads next, saved in the transaction of the rows below it."""

    __tablename__ = "ledger_position"

    incarnation: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    partition: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(BigInteger)
