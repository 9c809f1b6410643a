"""Holes of the ledger: records that Kafka removed before the ledger read them. Blocks."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from models.queries.ledger_holes import HoleKey, accept_holes, all_holes, open_holes
from models.session import session_scope
from models.tables.ledger_hole import LedgerHole
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["Hole", "accept", "holes", "holes_of_replay"]

#: Topics that sums depend on: spend, and the dead letters of spend that the controller refused.
_SUMMED: Final = (Topic.SPEND_EVENTS, Topic.DEAD_LETTERS)

_ADVICE: Final = (
    "Kafka had removed them before the ledger read them, as after a restore of a backup older than the topic's "
    "retention. Restore a newer backup; or, to take the rows that are there for all there was, run "
    "`spendgate reconcile --repair --accept-hole`."
)


@dataclass(frozen=True, slots=True)
class Hole:
    """The offsets `[begins_at, ends_at)` of a partition that the ledger never read."""

    topic: str
    incarnation: int
    partition: int
    begins_at: int
    ends_at: int
    #: Whether the sums of the partition's brands may be too low.
    is_of_sums: bool
    is_accepted: bool = False

    @property
    def key(self) -> HoleKey:
        return self.incarnation, self.partition, self.begins_at, self.ends_at

    @property
    def where(self) -> str:
        return f"{self.topic}, partition {self.partition}, offsets {self.begins_at} to {self.ends_at - 1}"

    @property
    def sentence(self) -> str:
        return f"The ledger lacks {self.where}: {_ADVICE}"


def holes(settings: Settings) -> list[Hole]:
    """The holes in today's topics that no operator has accepted. Raises ModelError while the database is away."""
    summed = {settings.topic(topic) for topic in _SUMMED}
    with session_scope(settings.database) as session:
        return [_hole(topic, it, topic in summed) for topic, it in open_holes(session)]


def holes_of_replay(url: str, spend_topic_id: str) -> list[Hole]:
    """The holes that make the ledger's sums wrong, accepted or not, of every topic prefix and incarnation, because a
    replay sends the rows of all. Without those of the spend topic that the replay fills, whose id is `spend_topic_id`.
    Raises ModelError while the database is away."""
    suffixes = tuple(topic.value for topic in _SUMMED)
    with session_scope(url) as session:
        return [_hole(topic, it, True) for topic, it in all_holes(session, spend_topic_id) if topic.endswith(suffixes)]


def _hole(topic: str, row: LedgerHole, is_of_sums: bool) -> Hole:
    span = row.from_offset, row.to_offset
    return Hole(topic, row.incarnation, row.partition, *span, is_of_sums, row.accepted_at is not None)


def accept(settings: Settings, accepted: Iterable[Hole], by: str) -> None:
    """Record that `by` accepts these holes: they are not reported again."""
    with session_scope(settings.database) as session:
        accept_holes(session, by, [it.key for it in accepted])
