"""Where alerts and commands go, and what became of each."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    String,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base
from models.tables.types import MomentColumn

__all__ = ["Channel", "Delivery", "NotifierPosition"]

_NAME_PATTERN = "^[a-z0-9._@-]{1,64}$"


class Channel(Base):
    """A receiver with its filters; an empty list lets all pass. A removed one stays, without address and secret, so
    that its deliveries and the history can name it."""

    __tablename__ = "channel"
    __table_args__ = (
        CheckConstraint(f"name ~ '{_NAME_PATTERN}'", "name_is_1_to_64_of_a-z_0-9_._@_-"),
        CheckConstraint("kind IN ('webhook', 'message')", "kind_is_webhook_or_message"),
    )

    name: Mapped[str] = mapped_column(primary_key=True)
    #: `webhook`: a signed POST for each; `message`: words to people, several of them in one digest.
    kind: Mapped[str]
    #: A URL, which may hold passwords: shown to nobody again.
    address: Mapped[str]
    #: The address as people see it.
    shown_address: Mapped[str]
    #: The key that webhooks are signed with.
    secret: Mapped[str | None]
    alert_kinds: Mapped[list[str]] = mapped_column(ARRAY(String))
    severities: Mapped[list[str]] = mapped_column(ARRAY(String))
    brand_ids: Mapped[list[str]] = mapped_column(ARRAY(String))
    commands: Mapped[bool] = mapped_column(server_default=text("false"))
    paused: Mapped[bool] = mapped_column(server_default=text("false"))
    created_by: Mapped[str]
    created_at: Mapped[int] = mapped_column(MomentColumn, server_default=func.clock_timestamp())
    #: The time in which a delivery is tried begins no earlier.
    resumed_at: Mapped[int] = mapped_column(MomentColumn, server_default=func.clock_timestamp())
    removed_at: Mapped[int | None] = mapped_column(MomentColumn)


class Delivery(Base):
    """One alert or command for one channel."""

    __tablename__ = "delivery"
    __table_args__ = (
        CheckConstraint("source IN ('alert', 'command', 'test')", "source_is_alert_command_or_test"),
        CheckConstraint(
            "state IN ('waiting', 'delivered', 'given_up', 'dropped')",
            "state_is_waiting_delivered_given_up_or_dropped",
        ),
        UniqueConstraint("channel", "message_id"),
        Index("ix_delivery_waiting", "channel", "brand_id", "delivery_id", postgresql_where=text("state = 'waiting'")),
    )

    #: Grows in the order in which the deliveries of a brand go out.
    delivery_id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    channel: Mapped[str] = mapped_column(ForeignKey("channel.name", ondelete="RESTRICT"))
    #: Made of the record's own id, so the same at every attempt and of every reading.
    message_id: Mapped[str]
    source: Mapped[str]
    #: The alert's or command's own id.
    subject: Mapped[str]
    #: Empty of a test.
    brand_id: Mapped[str]
    #: The JSON that a webhook gets, byte for byte at every attempt.
    body: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=text("'waiting'"))
    created_at: Mapped[int] = mapped_column(MomentColumn, server_default=func.clock_timestamp())
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    #: None: at once.
    next_attempt_at: Mapped[int | None] = mapped_column(MomentColumn)
    finished_at: Mapped[int | None] = mapped_column(MomentColumn, index=True)
    last_error: Mapped[str | None]


class NotifierPosition(Base):
    """The offset that is read next of a partition; it changes in the transaction that adds the deliveries."""

    __tablename__ = "notifier_position"

    topic: Mapped[str] = mapped_column(primary_key=True)
    topic_id: Mapped[str] = mapped_column(primary_key=True)
    partition: Mapped[int] = mapped_column(Integer, primary_key=True)
    next_offset: Mapped[int] = mapped_column(BigInteger)
