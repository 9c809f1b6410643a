"""A brand: an advertiser with its currency, its budgets and the time zones it has lived in."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, budget_check, id_check, text_check
from models.types import MomentColumn, MoneyColumn

__all__ = ["Brand", "BrandZone"]


class BrandZone(Base):
    """A time zone of a brand and the moment from which it is in force: rows are added, never changed."""

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
    """What the catalog says of an advertiser. `revision` grows with every edit, so that a stale one is noticed."""

    __tablename__ = "brand"
    __table_args__ = (
        id_check("brand_id"),
        text_check("name"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", "currency_is_three_capital_letters"),
        budget_check("daily_budget"),
        budget_check("monthly_budget"),
        CheckConstraint("epoch >= 1", "epoch_is_at_least_1"),
    )

    brand_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(server_default="")
    currency: Mapped[str]
    daily_budget_micros: Mapped[int | None] = mapped_column("daily_budget", MoneyColumn)
    monthly_budget_micros: Mapped[int | None] = mapped_column("monthly_budget", MoneyColumn)
    enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    archived: Mapped[bool] = mapped_column(server_default=text("false"))
    epoch: Mapped[int] = mapped_column(server_default=text("1"))
    revision: Mapped[int] = mapped_column(server_default=text("1"))

    #: In order: the first has no `starts_at`. Read only; `catalog.edit_brand` adds to it.
    zones: Mapped[list[BrandZone]] = relationship(
        viewonly=True, lazy="selectin", order_by=BrandZone.starts_at.nulls_first()
    )

    __mapper_args__ = {"version_id_col": revision}  # noqa: RUF012

    @property
    def time_zone(self) -> str:
        """The zone in force, or the one that was decided on and soon will be."""
        return self.zones[-1].time_zone
