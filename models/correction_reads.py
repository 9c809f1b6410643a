"""Reading the journal of corrections."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.spend_correction import SpendCorrection

__all__ = ["corrections_until"]


def corrections_until(session: Session, brand_id: str, arrived_until: int) -> list[SpendCorrection]:
    """A brand's corrections that arrived before a moment, each id once, as the controller applies them."""
    query = (
        select(SpendCorrection)
        .where(SpendCorrection.brand_id == brand_id, SpendCorrection.arrived_at < arrived_until)
        .order_by(SpendCorrection.incarnation, SpendCorrection.record_offset)
    )
    first: dict[str, SpendCorrection] = {}
    for correction in session.scalars(query):
        first.setdefault(correction.correction_id, correction)
    return list(first.values())
