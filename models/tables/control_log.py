"""The command journal: every pause and resume as it was published. The database refuses to change or delete a row."""

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, String
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base
from models.tables.catalog_change import Json
from models.tables.types import MomentColumn

__all__ = ["ControlLog"]


class ControlLog(Base):
    """One command. A copy by `control resend` has the same id, and is not added again."""

    __tablename__ = "control_log"
    __table_args__ = (
        Index("ix_control_log_campaign", "campaign_id", "epoch", "sequence"),
        Index("ix_control_log_brand", "brand_id", "decided_at"),
        Index("ix_control_log_decided_at", "decided_at"),
    )

    command_id: Mapped[str] = mapped_column(primary_key=True)
    campaign_id: Mapped[str]
    brand_id: Mapped[str]
    epoch: Mapped[int] = mapped_column(BigInteger)
    sequence: Mapped[int] = mapped_column(BigInteger)
    action: Mapped[str]
    reasons: Mapped[list[str]] = mapped_column(ARRAY(String))
    decided_at: Mapped[int] = mapped_column(MomentColumn)
    #: For queries; null where jsonb cannot hold it, such as U+0000 in a name.
    message: Mapped[dict[str, Json] | None] = mapped_column(JSONB)
    #: The exact bytes, which `control resend` publishes again.
    value: Mapped[bytes] = mapped_column(LargeBinary)
    topic: Mapped[str]
    partition: Mapped[int] = mapped_column(Integer)
    record_offset: Mapped[int] = mapped_column(BigInteger)
