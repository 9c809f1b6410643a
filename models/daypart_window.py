"""A daypart window: weekdays and the wall clock minutes between which a campaign may run."""

from typing import NamedTuple

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base

__all__ = ["WEEKDAYS", "DaypartWindow", "Window", "clock_text", "weekday_names"]

#: Bit n of `weekdays` is the n-th of these.
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Window(NamedTuple):
    """The value of a row. `to_minute` at or below `from_minute` runs past midnight; 1440 is "24:00"."""

    weekdays: int
    from_minute: int
    to_minute: int


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
        return Window(self.weekdays, self.from_minute, self.to_minute)


def weekday_names(weekdays: int) -> list[str]:
    """The names of the days that are set, from Monday."""
    return [name for bit, name in enumerate(WEEKDAYS) if weekdays >> bit & 1]


def clock_text(minute: int) -> str:
    """Minutes since midnight as people write them: 540 is "09:00", 1440 is "24:00"."""
    return f"{minute // 60:02d}:{minute % 60:02d}"
