"""A daypart window: weekdays and the wall clock minutes between which a campaign may run."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.windows import Window
from models.tables.base import Base

__all__ = ["DaypartWindow", "window_columns"]


class DaypartWindow(Base):
    __tablename__ = "daypart_window"
    __table_args__ = (
        CheckConstraint("weekdays BETWEEN 1 AND 127", "weekdays_are_one_to_seven_days"),
        CheckConstraint("from_minute BETWEEN 0 AND 1439", "from_is_00:00_to_23:59"),
        CheckConstraint("to_minute BETWEEN 0 AND 1440", "to_is_00:00_to_24:00"),
        CheckConstraint("from_minute <> to_minute", "from_and_to_differ"),
        UniqueConstraint("campaign_id", "weekdays", "from_minute", "to_minute"),
    )

    daypart_window_id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    campaign_id: Mapped[str] = mapped_column(ForeignKey("campaign.campaign_id", ondelete="RESTRICT"))
    weekdays: Mapped[int] = mapped_column(SmallInteger)
    from_minute: Mapped[int] = mapped_column(SmallInteger)
    to_minute: Mapped[int] = mapped_column(SmallInteger)

    @property
    def window(self) -> Window:
        days = tuple(day for day in range(7) if self.weekdays >> day & 1)
        return Window(days, self.from_minute, self.to_minute)


def window_columns(window: Window) -> dict[str, int]:
    """A window as columns of its row; bit n of `weekdays` is day n, and day 0 is Monday."""
    return {
        "weekdays": sum(1 << day for day in window.days),
        "from_minute": window.from_minute,
        "to_minute": window.to_minute,
    }
