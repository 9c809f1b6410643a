"""The change history: who changed what, when, from what, to what. The database refuses to change or delete a row."""

from enum import StrEnum
from typing import TypeAlias

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base
from models.tables.types import MomentColumn

__all__ = ["CatalogChange", "CatalogEntity", "FieldChanges"]

Json: TypeAlias = "str | int | bool | list[Json] | dict[str, Json] | None"
#: Field name -> {"from": …, "to": …}, values as the catalog documents write them.
FieldChanges: TypeAlias = dict[str, dict[str, Json]]


class CatalogEntity(StrEnum):
    """The kind of row that was edited."""

    BRAND = "brand"
    CAMPAIGN = "campaign"


class CatalogChange(Base):
    """One edit. The first one of a brand or campaign has the fields that it was added with: every `from` is null."""

    __tablename__ = "change"
    __table_args__ = (
        CheckConstraint("kind IN ('brand', 'campaign')", "kind_is_brand_or_campaign"),
        CheckConstraint("(kind = 'campaign') = (campaign_id IS NOT NULL)", "kind_fits_the_ids"),
        CheckConstraint("actor <> '' AND length(actor) <= 200", "actor_is_1_to_200_characters"),
        CheckConstraint("note <> '' AND length(note) <= 500", "note_is_1_to_500_characters"),
        Index("ix_change_brand_id_change_id", "brand_id", "change_id"),
        Index("ix_change_campaign_id_change_id", "campaign_id", "change_id"),
    )

    change_id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    changed_at: Mapped[int] = mapped_column(MomentColumn, server_default=func.clock_timestamp())
    actor: Mapped[str]
    kind: Mapped[str]
    brand_id: Mapped[str] = mapped_column(ForeignKey("brand.brand_id", ondelete="RESTRICT"))
    campaign_id: Mapped[str | None] = mapped_column(ForeignKey("campaign.campaign_id", ondelete="RESTRICT"))
    fields: Mapped[FieldChanges] = mapped_column(JSONB)
    #: Why, in the words of whoever made the edit.
    note: Mapped[str | None]
