"""Acknowledgements of commands by their consumers. The database refuses to change or delete a row."""

from sqlalchemy import BigInteger, Integer, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base
from models.tables.types import MomentColumn

__all__ = ["ControlAck"]


class ControlAck(Base):
    """The first acknowledgement of a command by a consumer with this outcome. The journal need not have the command:
    its record may come later."""

    __tablename__ = "control_ack"

    command_id: Mapped[str] = mapped_column(primary_key=True)
    consumer: Mapped[str] = mapped_column(primary_key=True)
    #: `applied` or `failed`; a consumer that tries again may send both.
    outcome: Mapped[str] = mapped_column(primary_key=True)
    campaign_id: Mapped[str]
    #: By the consumer's clock.
    applied_at: Mapped[int] = mapped_column(MomentColumn)
    detail: Mapped[str | None]
    arrived_at: Mapped[int] = mapped_column(MomentColumn)
    incarnation: Mapped[int] = mapped_column(SmallInteger)
    partition: Mapped[int] = mapped_column(Integer)
    record_offset: Mapped[int] = mapped_column(BigInteger)
