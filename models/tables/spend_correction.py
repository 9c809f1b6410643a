"""The journal of corrections: every change of the controller's totals that is not spend. The database refuses to change
or delete a row."""

from datetime import date

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base
from models.tables.types import MomentColumn, MoneyColumn

__all__ = ["SpendCorrection"]


class SpendCorrection(Base):
    """A record of `spend-corrections`; of records with the same id the controller applies the first."""

    __tablename__ = "spend_correction"
    __table_args__ = (Index("ix_spend_correction_brand", "brand_id", "arrived_at"),)

    incarnation: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    partition: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    record_offset: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    correction_id: Mapped[str]
    brand_id: Mapped[str]
    campaign_id: Mapped[str]
    amount: Mapped[int] = mapped_column(MoneyColumn)
    booked_on: Mapped[date]
    opening: Mapped[bool]
    reason: Mapped[str]
    arrived_at: Mapped[int] = mapped_column(MomentColumn)
    #: The exact bytes.
    value: Mapped[bytes] = mapped_column(LargeBinary)
