"""The catalog outbox: the documents to publish, and what the relay knows of the catalog topic."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Integer, func, text
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base
from models.tables.types import MomentColumn

__all__ = ["NOTIFY_CHANNEL", "CatalogOutbox", "CatalogPosition", "CatalogRecord", "record_key"]

#: PostgreSQL's channel of catalog edits: each commit notifies it with the record key. The relay and the console listen.
NOTIFY_CHANNEL = "spendgate_catalog"


def record_key(brand_id: str, campaign_id: str | None = None) -> str:
    """The key of a brand's or a campaign's document on the catalog topic (docs/contract.md, "catalog")."""
    return brand_id if campaign_id is None else f"{brand_id}/{campaign_id}"


class CatalogOutbox(Base):
    """A change of a brand or campaign, whose newest document has to be published."""

    __tablename__ = "catalog_outbox"
    __table_args__ = (
        CheckConstraint(
            "num_nulls(published_at, topic, partition, record_offset, version) IN (0, 5)",
            "published_whole_or_not_at_all",
        ),
        Index("ix_catalog_outbox_pending", "outbox_id", postgresql_where=text("published_at IS NULL")),
    )

    outbox_id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    brand_id: Mapped[str] = mapped_column(ForeignKey("brand.brand_id", ondelete="RESTRICT"))
    campaign_id: Mapped[str | None] = mapped_column(ForeignKey("campaign.campaign_id", ondelete="RESTRICT"))
    created_at: Mapped[int] = mapped_column(MomentColumn, server_default=func.clock_timestamp())
    published_at: Mapped[int | None] = mapped_column(MomentColumn)
    topic: Mapped[str | None]
    partition: Mapped[int | None] = mapped_column(Integer)
    record_offset: Mapped[int | None] = mapped_column(BigInteger)
    version: Mapped[int | None] = mapped_column(BigInteger)


class CatalogPosition(Base):
    """The relay's position in a partition of the catalog topic; `topic_id` differs once the topic was created again."""

    __tablename__ = "catalog_position"
    __table_args__ = (CheckConstraint("next_offset >= 0", "next_offset_is_not_negative"),)

    topic: Mapped[str] = mapped_column(primary_key=True)
    partition: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    topic_id: Mapped[str]
    next_offset: Mapped[int] = mapped_column(BigInteger)


class CatalogRecord(Base):
    """The highest known version of a key of the topic, also of keys without a row.

    `record_offset` is that of the newest known record, -1 after the topic was created again. Records above it were
    written by another program, or by a relay that was killed before it could commit.
    """

    __tablename__ = "catalog_record"

    topic: Mapped[str] = mapped_column(primary_key=True)
    record_key: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)
    record_offset: Mapped[int] = mapped_column(BigInteger)
