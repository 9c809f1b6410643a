"""What a reconcile has found, written down for those who ask later."""

from models.change import Json
from models.reconcile_run import Outcome, ReconcileRun
from models.session import session_scope
from streams.core.moment import Moment
from streams.core.money import format_money
from streams.ledger.comparison import Difference
from streams.ledger.reconcile import Reconciliation
from streams.settings import Settings

__all__ = ["difference_view", "record_failure", "record_run"]


def record_run(settings: Settings, found: Reconciliation, *, started_by: str) -> ReconcileRun:
    """Blocks."""
    run = ReconcileRun(
        started_at=found.started_at,
        finished_at=found.finished_at,
        started_by=started_by,
        brand_id=found.brand_id,
        outcome=Outcome.DIFFERS if found.differences else Outcome.AGREES,
        brands=found.brands,
        campaigns=found.campaigns,
        positions=found.positions,
        differences=[difference_view(difference) for difference in found.differences],
    )
    with session_scope(settings.database) as session:
        session.add(run)
    return run


def record_failure(settings: Settings, why: str, *, started_by: str, started_at: Moment, finished_at: Moment) -> None:
    """Blocks."""
    run = ReconcileRun(
        started_at=started_at,
        finished_at=finished_at,
        started_by=started_by,
        outcome=Outcome.FAILED,
        failure=why,
        brands=0,
        campaigns=0,
        positions={},
        differences=[],
    )
    with session_scope(settings.database) as session:
        session.add(run)


def difference_view(it: Difference) -> dict[str, Json]:
    """As JSON tells it, here and in every answer: `missing` is what the controller would have to add."""
    return {
        "brand_id": it.brand_id,
        "campaign_id": it.campaign_id,
        "total": it.total.value,
        "period": it.period or None,
        "controller": format_money(it.controller_micros),
        "ledger": format_money(it.ledger_micros),
        "missing": format_money(it.ledger_micros - it.controller_micros),
    }
