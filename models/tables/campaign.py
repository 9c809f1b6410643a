"""A campaign of one brand, which never changes, with its own budgets, flight and daypart windows."""

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.overrides import Overrides
from models.tables.base import Base, budget_check, id_check, overrides_check, text_check
from models.tables.catalog_outbox import record_key
from models.tables.daypart_window import DaypartWindow
from models.tables.types import MoneyColumn, OverridesColumn

__all__ = ["Campaign"]

_DATES = "BETWEEN DATE '1970-01-01' AND DATE '9999-12-31'"


class Campaign(Base):
    """A campaign. `revision` grows with every edit, also of its windows."""

    __tablename__ = "campaign"
    __table_args__ = (
        id_check("campaign_id"),
        text_check("name"),
        text_check("external_id"),
        budget_check("daily_budget"),
        budget_check("total_budget"),
        overrides_check(),
        CheckConstraint(f"starts_on {_DATES} AND ends_on {_DATES}", "flight_is_within_1970_to_9999"),
        CheckConstraint("ends_on >= starts_on", "ends_on_is_not_before_starts_on"),
    )

    campaign_id: Mapped[str] = mapped_column(primary_key=True)
    brand_id: Mapped[str] = mapped_column(ForeignKey("brand.brand_id", ondelete="RESTRICT"), index=True)
    name: Mapped[str] = mapped_column(server_default="")
    external_id: Mapped[str | None]
    daily_budget_micros: Mapped[int | None] = mapped_column("daily_budget", MoneyColumn)
    total_budget_micros: Mapped[int | None] = mapped_column("total_budget", MoneyColumn)
    budget_overrides: Mapped[Overrides] = mapped_column(OverridesColumn, server_default=text("'[]'"))
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    archived: Mapped[bool] = mapped_column(server_default=text("false"))
    revision: Mapped[int] = mapped_column(server_default=text("1"))

    #: Read only; `catalog.set_windows` replaces them.
    windows: Mapped[list[DaypartWindow]] = relationship(
        viewonly=True,
        lazy="selectin",
        order_by=(DaypartWindow.weekdays, DaypartWindow.from_minute, DaypartWindow.to_minute),
    )

    __mapper_args__ = {"version_id_col": revision}  # noqa: RUF012

    @property
    def record_key(self) -> str:
        """The key of its document on the catalog topic."""
        return record_key(self.brand_id, self.campaign_id)
