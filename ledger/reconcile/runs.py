"""Records the results of reconciles in the database. Blocks."""

from core.moment import Moment
from core.money import format_money
from ledger.reconcile.comparison import TotalDifference
from ledger.reconcile.reconciliation import Reconciliation
from models.session import session_scope
from models.tables.catalog_change import Json
from models.tables.reconcile_run import ReconcileOutcome, ReconcileRun
from streams.settings import Settings

__all__ = ["difference_view", "record_failure", "record_run"]


def record_run(settings: Settings, found: Reconciliation, *, started_by: str) -> ReconcileRun:
    """Record what a reconcile has found; `started_by` is an actor, as in the change history."""
    run = ReconcileRun(
        started_at=found.started_at,
        finished_at=found.finished_at,
        started_by=started_by,
        brand_id=found.brand_id,
        outcome=ReconcileOutcome.DIFFERS if found.differences else ReconcileOutcome.AGREES,
        brands=found.brands,
        campaigns=found.campaigns,
        positions=found.positions,
        differences=[difference_view(difference) for difference in found.differences],
    )
    with session_scope(settings.database) as session:
        session.add(run)
    return run


def record_failure(settings: Settings, why: str, *, started_by: str, started_at: Moment, finished_at: Moment) -> None:
    """Record that a reconcile failed, with the error's message."""
    run = ReconcileRun(
        started_at=started_at,
        finished_at=finished_at,
        started_by=started_by,
        outcome=ReconcileOutcome.FAILED,
        failure=why,
        brands=0,
        campaigns=0,
        positions={},
        differences=[],
    )
    with session_scope(settings.database) as session:
        session.add(run)


def difference_view(it: TotalDifference) -> dict[str, Json]:
    """A difference as JSON, in the table and in responses; `missing` is what the controller would have to add."""
    return {
        "brand_id": it.brand_id,
        "campaign_id": it.campaign_id,
        "total": it.total.value,
        "period": it.period or None,
        "controller": format_money(it.controller_micros),
        "ledger": format_money(it.ledger_micros),
        "missing": format_money(it.ledger_micros - it.controller_micros),
    }
