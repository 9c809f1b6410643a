"""A brand: an advertiser with its currency, its budgets and the time zones it has lived in."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.overrides import Overrides
from models.tables.base import Base, budget_check, id_check, overrides_check, text_check
from models.tables.catalog_outbox import record_key
from models.tables.types import MomentColumn, MoneyColumn, OverridesColumn

__all__ = ["Brand", "BrandZone"]

_PERCENTS = (
    "cardinality(alert_percents) <= 10 AND array_position(alert_percents, NULL) IS NULL"
    " AND 1 <= ALL (alert_percents) AND 1000 >= ALL (alert_percents)"
)
#: A comparison with NULL is neither true nor false, and so passes.
_RISING = " AND ".join(f"alert_percents[{n}] < alert_percents[{n + 1}]" for n in range(1, 10))


class BrandZone(Base):
    """A time zone of a brand and the moment from which it is in force. Rows are added, never changed."""

    __tablename__ = "brand_zone"
    __table_args__ = (
        CheckConstraint("time_zone ~ '^[A-Za-z0-9._+/-]{1,64}$'", "time_zone_is_a_name_of_the_iana_database"),
        CheckConstraint("isfinite(starts_at)", "starts_at_is_finite"),
        UniqueConstraint("brand_id", "starts_at"),
        Index("uq_brand_zone_first", "brand_id", unique=True, postgresql_where=text("starts_at IS NULL")),
    )

    brand_zone_id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    brand_id: Mapped[str] = mapped_column(ForeignKey("brand.brand_id", ondelete="RESTRICT"))
    time_zone: Mapped[str]
    starts_at: Mapped[int | None] = mapped_column(MomentColumn)


class Brand(Base):
    """An advertiser. `revision` grows with every edit, so that an edit of an older revision is refused."""

    __tablename__ = "brand"
    __table_args__ = (
        id_check("brand_id"),
        text_check("name"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", "currency_is_three_capital_letters"),
        budget_check("daily_budget"),
        budget_check("monthly_budget"),
        overrides_check(),
        CheckConstraint("pacing IN ('none', 'even')", "pacing_is_none_or_even"),
        CheckConstraint("pacing <> 'even' OR monthly_budget IS NOT NULL", "pacing_even_needs_a_monthly_budget"),
        CheckConstraint("epoch >= 1", "epoch_is_at_least_1"),
        CheckConstraint(_PERCENTS, "alert_percents_are_up_to_10_of_1_to_1000"),
        CheckConstraint(_RISING, "alert_percents_rise"),
        CheckConstraint("silent_after_minutes BETWEEN 5 AND 10080", "silent_after_minutes_is_5_to_10080"),
    )

    brand_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(server_default="")
    currency: Mapped[str]
    daily_budget_micros: Mapped[int | None] = mapped_column("daily_budget", MoneyColumn)
    monthly_budget_micros: Mapped[int | None] = mapped_column("monthly_budget", MoneyColumn)
    budget_overrides: Mapped[Overrides] = mapped_column(OverridesColumn, server_default=text("'[]'"))
    pacing: Mapped[str] = mapped_column(server_default="none")
    enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    archived: Mapped[bool] = mapped_column(server_default=text("false"))
    epoch: Mapped[int] = mapped_column(server_default=text("1"))
    alert_percents: Mapped[list[int] | None] = mapped_column(ARRAY(SmallInteger))  # null: 80 and 100
    silent_after_minutes: Mapped[int | None]  # null: never
    revision: Mapped[int] = mapped_column(server_default=text("1"))

    #: In order: the first has no `starts_at`. Read only; `catalog.edit_brand` adds to it.
    zones: Mapped[list[BrandZone]] = relationship(
        viewonly=True, lazy="selectin", order_by=BrandZone.starts_at.nulls_first()
    )

    __mapper_args__ = {"version_id_col": revision}  # noqa: RUF012

    @property
    def record_key(self) -> str:
        """The key of its document on the catalog topic."""
        return record_key(self.brand_id)

    @property
    def time_zone(self) -> str:
        """The newest zone, which is in force or soon will be."""
        return self.zones[-1].time_zone
