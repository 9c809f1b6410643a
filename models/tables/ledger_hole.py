"""Holes of the ledger: records that Kafka removed before the ledger read them."""

from sqlalchemy import BigInteger, CheckConstraint, Integer, SmallInteger, func
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base
from models.tables.types import MomentColumn

__all__ = ["LedgerHole"]


class LedgerHole(Base):
    """The offsets `[from_offset, to_offset)` of a partition. The hole is stored in the database that lacks the rows, so
    a newer backup has the rows and not the hole."""

    __tablename__ = "ledger_hole"
    __table_args__ = (
        CheckConstraint("from_offset < to_offset", "it_is_not_empty"),
        CheckConstraint("(accepted_at IS NULL) = (accepted_by IS NULL)", "who_accepts_is_named"),
    )

    incarnation: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    partition: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    from_offset: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    to_offset: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    found_at: Mapped[int] = mapped_column(MomentColumn, server_default=func.clock_timestamp())
    #: When an operator accepted the hole.
    accepted_at: Mapped[int | None] = mapped_column(MomentColumn)
    accepted_by: Mapped[str | None]
