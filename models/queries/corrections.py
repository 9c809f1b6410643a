"""Queries of the journal of corrections."""

from sqlalchemy import select, true
from sqlalchemy.orm import Session

from models.tables.spend_correction import SpendCorrection

__all__ = ["corrections_between"]


def corrections_between(session: Session, brand_id: str, since: int | None, until: int) -> list[SpendCorrection]:
    """A brand's corrections with `since <= arrival < until`, each id once, as the controller applies them. Opening
    balances of a replay are left out: they are sums of rows that the ledger has."""
    began = true() if since is None else SpendCorrection.arrived_at >= since
    query = (
        select(SpendCorrection)
        .where(SpendCorrection.brand_id == brand_id, began, SpendCorrection.arrived_at < until)
        .where(~SpendCorrection.opening)
        .order_by(SpendCorrection.incarnation, SpendCorrection.record_offset)
    )
    first: dict[str, SpendCorrection] = {}
    for correction in session.scalars(query):
        first.setdefault(correction.correction_id, correction)
    return list(first.values())
