"""Results of reconciles. The database refuses to change or delete a row."""

from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Identity, Integer, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.tables.base import Base
from models.tables.catalog_change import Json
from models.tables.types import MomentColumn

__all__ = ["ReconcileOutcome", "ReconcileRun", "last_reconcile"]


class ReconcileOutcome(StrEnum):
    AGREES = "agrees"
    DIFFERS = "differs"
    FAILED = "failed"  # nothing was compared, `failure` says why


class ReconcileRun(Base):
    """One comparison of the controller's totals with the ledger's sums."""

    __tablename__ = "reconcile_run"
    __table_args__ = (CheckConstraint("outcome IN ('agrees', 'differs', 'failed')", "outcome_is_one_of_three"),)

    run_id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    started_at: Mapped[int] = mapped_column(MomentColumn)
    finished_at: Mapped[int] = mapped_column(MomentColumn)
    started_by: Mapped[str]
    #: Null when all brands were compared.
    brand_id: Mapped[str | None]
    outcome: Mapped[str]
    failure: Mapped[str | None]
    brands: Mapped[int] = mapped_column(Integer)
    campaigns: Mapped[int] = mapped_column(Integer)
    #: Partition -> topic -> the offset up to which both sides were compared.
    positions: Mapped[dict[str, Json]] = mapped_column(JSONB)
    differences: Mapped[list[Json]] = mapped_column(JSONB)


def last_reconcile(session: Session) -> ReconcileRun | None:
    """The newest run over all brands, failed or not."""
    newest = select(ReconcileRun).where(ReconcileRun.brand_id.is_(None)).order_by(ReconcileRun.run_id.desc()).limit(1)
    return session.scalars(newest).first()
