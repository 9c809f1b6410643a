"""The ledger's spend: rows are added and never changed, so what the controller refused stands in a table of its own."""

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.change import Json
from models.types import MomentColumn, MoneyColumn

__all__ = ["PARTITION_COUNT", "SpendLog", "SpendRefusal", "SpendRepeat", "SpendUnbooked", "partition_names"]

#: Of spend_log, by a hash of brand_id; fixed, because rows would have to move.
PARTITION_COUNT = 16


def partition_names() -> list[str]:
    return [f"spend_log_{number:02d}" for number in range(PARTITION_COUNT)]


class _Spend:
    """What a spend record says, where it was booked, and where it stood in Kafka."""

    campaign_id: Mapped[str]
    amount: Mapped[int] = mapped_column(MoneyColumn)
    currency: Mapped[str]
    occurred_at: Mapped[int] = mapped_column(MomentColumn)
    booked_day: Mapped[date]
    #: The first of the month.
    booked_month: Mapped[date]
    arrived_at: Mapped[int] = mapped_column(MomentColumn)


class SpendLog(_Spend, Base):
    """The first record of each event. `spend_counted`, a view, leaves out what was refused."""

    __tablename__ = "spend_log"
    __table_args__ = (
        CheckConstraint("amount <> 0", "amount_is_not_zero"),
        Index("ix_spend_log_brand_day", "brand_id", "booked_day", postgresql_include=["campaign_id", "amount"]),
        Index("ix_spend_log_campaign_month", "campaign_id", "booked_month", postgresql_include=["amount"]),
        {"postgresql_partition_by": "HASH (brand_id)"},
    )

    brand_id: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    topic: Mapped[str]
    partition: Mapped[int] = mapped_column(Integer)
    record_offset: Mapped[int] = mapped_column(BigInteger)
    attributes: Mapped[dict[str, Json] | None] = mapped_column(JSONB)


class SpendRepeat(_Spend, Base):
    """Later records of an event that spend_log has. One of them counts when the first was refused: a replayed dead
    letter, or a producer's second try under the same id."""

    __tablename__ = "spend_repeat"
    __table_args__ = (Index("ix_spend_repeat_event", "brand_id", "event_id"),)

    brand_id: Mapped[str]
    event_id: Mapped[str]
    topic: Mapped[str] = mapped_column(primary_key=True)
    partition: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    record_offset: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    attributes: Mapped[dict[str, Json] | None] = mapped_column(JSONB)


class SpendRefusal(Base):
    """The controller did not count the record at this position; its dead letter says why."""

    __tablename__ = "spend_refusal"
    __table_args__ = (Index("ix_spend_refusal_event", "brand_id", "event_id"),)

    topic: Mapped[str] = mapped_column(primary_key=True)
    partition: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    record_offset: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    #: Null, like the event's, where the value cannot be read.
    brand_id: Mapped[str | None]
    event_id: Mapped[str | None]
    reason: Mapped[str]
    message: Mapped[str]
    refused_at: Mapped[int] = mapped_column(MomentColumn)
    letter_partition: Mapped[int] = mapped_column(Integer)
    letter_offset: Mapped[int] = mapped_column(BigInteger)


class SpendUnbooked(Base):
    """Spend of a brand that the catalog does not tell: without its time zone there is no day. It moves to spend_log
    when the brand is there, because the controller, when it is behind the ledger, may still count it."""

    __tablename__ = "spend_unbooked"
    __table_args__ = (Index("ix_spend_unbooked_brand_id", "brand_id"),)

    topic: Mapped[str] = mapped_column(primary_key=True)
    partition: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    record_offset: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    brand_id: Mapped[str]
    arrived_at: Mapped[int] = mapped_column(MomentColumn)
    value: Mapped[bytes] = mapped_column(LargeBinary)
