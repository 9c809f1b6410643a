"""Queries of the actions on dead letters. A dead letter is identified by topic id, partition and offset."""

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import and_, func, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from models.tables.brand import Brand
from models.tables.dead_letter_action import DeadLetterAction

__all__ = ["DeadLetterPosition", "count_handled", "currencies_of", "last_actions", "lock_dead_letters", "note"]

#: Partition and offset.
DeadLetterPosition = tuple[int, int]

#: The key of the advisory lock for all who replay or drop; a number that nobody is likely to use by hand.
_LOCK = 7_305_821_004
_PATIENCE = "60s"


def lock_dead_letters(session: Session) -> None:
    """Hold the lock of dead letters until the end of the transaction; waits up to 60 seconds."""
    session.execute(text("SELECT set_config('lock_timeout', :patience, true)"), {"patience": _PATIENCE})
    session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def last_actions(
    session: Session, topic_id: str, positions: Collection[DeadLetterPosition]
) -> dict[DeadLetterPosition, DeadLetterAction]:
    """The last action on each of these dead letters; those without one are left out."""
    position = (DeadLetterAction.partition, DeadLetterAction.record_offset)
    query = (
        select(DeadLetterAction)
        .where(DeadLetterAction.topic_id == topic_id, tuple_(*position).in_(positions))
        .order_by(*position, DeadLetterAction.action_id.desc())
        .ext(distinct_on(*position))
    )
    return {(row.partition, row.record_offset): row for row in session.scalars(query)}


def note(session: Session, actions: Iterable[DeadLetterAction]) -> None:
    session.add_all(actions)
    session.flush()


def count_handled(session: Session, topic_id: str, since: Mapping[int, int]) -> int:
    """The number of dead letters that were replayed or dropped, from the offset `since` of each partition on."""
    position = (DeadLetterAction.partition, DeadLetterAction.record_offset)
    kept = or_(False, *(and_(position[0] == number, position[1] >= first) for number, first in since.items()))
    dead_letters = select(*position).where(DeadLetterAction.topic_id == topic_id, kept).distinct()
    return session.scalar(select(func.count()).select_from(dead_letters.subquery())) or 0


def currencies_of(session: Session, brand_ids: Collection[str]) -> dict[str, str]:
    """Currency by brand; a brand that is not there is left out."""
    rows = session.execute(select(Brand.brand_id, Brand.currency).where(Brand.brand_id.in_(brand_ids)))
    return {row.brand_id: row.currency for row in rows}
