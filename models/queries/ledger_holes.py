"""Queries of the ledger's holes: records that Kafka removed before the ledger read them."""

from collections.abc import Iterable
from typing import TypeAlias

from sqlalchemy import Text, cast, func, select, update
from sqlalchemy.orm import Session, aliased

from models.tables.ledger_hole import LedgerHole
from models.tables.topic_incarnation import TopicIncarnation

__all__ = ["HoleKey", "accept_holes", "all_holes", "open_holes"]

#: incarnation, partition, from_offset, to_offset
HoleKey: TypeAlias = tuple[int, int, int, int]


def open_holes(session: Session) -> list[tuple[str, LedgerHole]]:
    """The holes that nobody has accepted, of the present incarnation of each topic, with the topic's name."""
    newer = aliased(TopicIncarnation)
    followed = (
        select(newer.incarnation)
        .where(newer.topic == TopicIncarnation.topic, newer.incarnation > TopicIncarnation.incarnation)
        .exists()
    )
    found = session.execute(
        select(TopicIncarnation.topic, LedgerHole)
        .join(TopicIncarnation, TopicIncarnation.incarnation == LedgerHole.incarnation)
        .where(LedgerHole.accepted_at.is_(None), ~followed)
        .order_by(TopicIncarnation.topic, LedgerHole.partition, LedgerHole.from_offset)
    )
    return [(topic, hole) for topic, hole in found]


def all_holes(session: Session, excluded_topic_id: str) -> list[tuple[str, LedgerHole]]:
    """All holes with the topic's name, accepted ones and those of earlier incarnations too, except holes of the topic
    with the id `excluded_topic_id`."""
    found = session.execute(
        select(TopicIncarnation.topic, LedgerHole)
        .join(TopicIncarnation, TopicIncarnation.incarnation == LedgerHole.incarnation)
        .where(func.coalesce(cast(TopicIncarnation.topic_id, Text), "") != excluded_topic_id)
        .order_by(TopicIncarnation.topic, LedgerHole.incarnation, LedgerHole.partition, LedgerHole.from_offset)
    )
    return [(topic, hole) for topic, hole in found]


def accept_holes(session: Session, by: str, keys: Iterable[HoleKey]) -> None:
    """Record who accepts these holes, and when. A hole that is accepted already stays as it is."""
    for incarnation, partition, from_offset, to_offset in keys:
        session.execute(
            update(LedgerHole)
            .where(
                LedgerHole.incarnation == incarnation,
                LedgerHole.partition == partition,
                LedgerHole.from_offset == from_offset,
                LedgerHole.to_offset == to_offset,
                LedgerHole.accepted_at.is_(None),
            )
            .values(accepted_at=func.clock_timestamp(), accepted_by=by)
        )
