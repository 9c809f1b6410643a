"""Where the ledger reads on: after what the database has, of the topics as they are now.

The group's committed offsets show the lag and nothing else. They outlive a topic that is made anew under its name, and
would then skip its first records; a position in the database belongs to an incarnation and was saved with its rows.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeAlias, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import IllegalStateError

from streams.errors import ConfigurationError, Unreachable
from streams.ledger.database import LedgerDatabase
from streams.topic_ids import topic_ids

__all__ = ["Fetched", "InDatabase", "Places", "Positions"]

log = structlog.get_logger()

_T = TypeVar("_T")

Fetched: TypeAlias = Mapping[TopicPartition, Sequence[ConsumerRecord]]
Positions: TypeAlias = dict[TopicPartition, int]


class InDatabase(Protocol):
    """Does the work in the database's thread, and again until the database is there."""

    def __call__(self, work: Callable[[], _T]) -> Awaitable[_T]: ...


class Places(ConsumerRebalanceListener):  # type: ignore[misc]
    """A poll is used only of partitions that were placed before it, of topics that were the same after it."""

    def __init__(
        self, consumer: AIOKafkaConsumer, topics: Sequence[str], database: LedgerDatabase, in_database: InDatabase
    ) -> None:
        #: Topic -> the number of its present life.
        self.incarnations: dict[str, int] = {}
        self._consumer = consumer
        self._topics = topics
        self._database = database
        self._in_database = in_database
        self._ids: dict[str, str] = {}
        #: Topics whose rows of before ids were kept go on where the group stands.
        self._adopted: set[str] = set()
        self._placed: set[TopicPartition] = set()
        self._session = 0

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        self._begin_session()

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._begin_session()

    async def recognise(self) -> None:
        """Look at the ids of the topics. One that was made anew ends the process, whose next life begins with what is
        there: consumers, and what the catalog told, are of the old one."""
        ids = await topic_ids(self._consumer._client, self._topics)
        for topic in self._topics:
            if topic not in ids:
                raise Unreachable(f"The topic {topic} is not there: run `spendgate topics create`.")
        if ids == self._ids:
            return
        for topic, known in self._ids.items():
            if ids[topic] != known:
                raise ConfigurationError(
                    f"The topic {topic} was made anew: start the ledger again, and it reads that one."
                )
        self.incarnations, self._adopted = await self._in_database(lambda: self._database.incarnations(ids))
        self._ids = ids

    def unplaced(self) -> set[TopicPartition]:
        return set(self._consumer.assignment()) - self._placed

    def usable(self, fetched: Fetched) -> Fetched:
        return {part: records for part, records in fetched.items() if part in self._placed}

    async def place(self, parts: set[TopicPartition]) -> None:
        """Nothing of these partitions may be on its way to the database."""
        session = self._session
        saved = await self._in_database(self._database.positions)
        beginnings = await self._consumer.beginning_offsets(parts)
        if session != self._session:
            return  # a rebalance came between; the next round looks again
        for part in parts:
            position = saved.get((self.incarnations[part.topic], part.partition))
            if position is not None or part.topic not in self._adopted:
                self._seek(part, position or 0, beginnings[part])
            self._placed.add(part)

    def _seek(self, part: TopicPartition, position: int, beginning: int) -> None:
        if 0 < position < beginning:
            log.error(
                "records_gone_before_they_were_read",
                topic=part.topic,
                partition=part.partition,
                position=position,
                begins_at=beginning,
            )
        self._consumer.seek(part, max(position, beginning))

    async def positions(self) -> Positions:
        """What is read next; beyond the last record where marks of transactions follow. Empty during a rebalance."""
        session = self._session
        try:
            found = {part: await self._consumer.position(part) for part in sorted(self._placed)}
        except IllegalStateError:
            return {}
        return found if session == self._session else {}

    def _begin_session(self) -> None:
        self._placed.clear()
        self._session += 1
