"""The ledger's spend. Rows are added and never changed; refusals by the controller are in a table of their own."""

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer, LargeBinary, SmallInteger, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, column_property, declared_attr, mapped_column

from models.tables.base import Base
from models.tables.catalog_change import Json
from models.tables.topic_incarnation import TopicIncarnation
from models.tables.types import MomentColumn, MoneyColumn

__all__ = ["PARTITION_COUNT", "SpendLog", "SpendRefusal", "SpendRepeat", "SpendUnbooked", "partition_names"]

#: Of spend_log, by a hash of brand_id; fixed, because rows would have to move.
PARTITION_COUNT = 16


def partition_names() -> list[str]:
    return [f"spend_log_{number:02d}" for number in range(PARTITION_COUNT)]


class _Positioned:
    """Rows with the position of their record, in an incarnation of a topic."""

    @declared_attr
    def topic(cls) -> Mapped[str]:
        """The topic's name, looked up."""
        named = select(TopicIncarnation.topic).where(TopicIncarnation.incarnation == cls.incarnation)  # type: ignore[attr-defined]
        return column_property(named.correlate_except(TopicIncarnation).scalar_subquery())


class _Spend:
    """The fields of a spend record, and the days that it is booked to."""

    campaign_id: Mapped[str]
    amount: Mapped[int] = mapped_column(MoneyColumn)
    currency: Mapped[str]
    occurred_at: Mapped[int] = mapped_column(MomentColumn)
    booked_day: Mapped[date]
    #: The first of the month.
    booked_month: Mapped[date]
    arrived_at: Mapped[int] = mapped_column(MomentColumn)


class SpendLog(_Spend, _Positioned, Base):
    """The first record of each event. `spend_counted`, a view, leaves out what was refused."""

    __tablename__ = "spend_log"
    __table_args__ = (
        CheckConstraint("amount <> 0", "amount_is_not_zero"),
        Index(
            "ix_spend_log_brand_day",
            "brand_id",
            "booked_day",
            "arrived_at",
            postgresql_include=["campaign_id", "amount", "occurred_at", "incarnation", "record_offset"],
        ),
        Index(
            "ix_spend_log_campaign_day",
            "campaign_id",
            "booked_day",
            "arrived_at",
            postgresql_include=["amount", "incarnation", "record_offset"],
        ),
        Index("ix_spend_log_day", "booked_day", "arrived_at"),
        {"postgresql_partition_by": "HASH (brand_id)"},
    )

    brand_id: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    incarnation: Mapped[int] = mapped_column(SmallInteger)
    partition: Mapped[int] = mapped_column(Integer)
    record_offset: Mapped[int] = mapped_column(BigInteger)
    attributes: Mapped[dict[str, Json] | None] = mapped_column(JSONB)


class SpendRepeat(_Spend, _Positioned, Base):
    """Later records of an event that spend_log has. One of them counts when the first was refused: a replayed dead
    letter, or a producer's second try under the same id."""

    __tablename__ = "spend_repeat"
    __table_args__ = (Index("ix_spend_repeat_event", "brand_id", "event_id"),)

    brand_id: Mapped[str]
    event_id: Mapped[str]
    incarnation: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    partition: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    record_offset: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    attributes: Mapped[dict[str, Json] | None] = mapped_column(JSONB)


class SpendRefusal(_Positioned, Base):
    """The refusal of the record at this position by the controller, from its dead letter."""

    __tablename__ = "spend_refusal"
    __table_args__ = (Index("ix_spend_refusal_event", "brand_id", "event_id"),)

    incarnation: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
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


class SpendUnbooked(_Positioned, Base):
    """Spend of a brand that the catalog does not have, so that no day is known. It moves to spend_log when the brand is
    added, because a controller that is behind the ledger may still count it."""

    __tablename__ = "spend_unbooked"
    __table_args__ = (Index("ix_spend_unbooked_brand_id", "brand_id"),)

    incarnation: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    partition: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    record_offset: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    brand_id: Mapped[str]
    arrived_at: Mapped[int] = mapped_column(MomentColumn)
    value: Mapped[bytes] = mapped_column(LargeBinary)
