"""A list of the console that a user wants to come back to: a name and the query of its address."""

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base

__all__ = ["SavedView"]


class SavedView(Base):
    """A view of the overview, each user's own."""

    __tablename__ = "saved_view"
    __table_args__ = (
        CheckConstraint("length(title) BETWEEN 1 AND 60 AND title !~ '[[:cntrl:]]'", "title_is_1_to_60_characters"),
        CheckConstraint("length(query) <= 1000", "query_is_up_to_1000_characters"),
    )

    name: Mapped[str] = mapped_column(ForeignKey("account.name", ondelete="RESTRICT"), primary_key=True)
    title: Mapped[str] = mapped_column(primary_key=True)
    query: Mapped[str]
