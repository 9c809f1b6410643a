"""The ledger's read positions: those in the database, for the topics that exist now.

The group's committed offsets only show the lag. They survive when a topic is deleted and created again, and would then
skip its first records; a position in the database belongs to one incarnation of a topic and was saved with its rows.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import IllegalStateError, NoOffsetForPartitionError, OffsetOutOfRangeError
from typing_extensions import override

from core.errors import ConfigurationError, Unreachable
from ledger.ingest.database import LedgerDatabase, NewHole
from streams.kafka.metadata import topic_ids

__all__ = ["ConsumerPositions", "Fetched", "InDatabase", "LedgerOffsets"]

log = structlog.get_logger()

_T = TypeVar("_T")

Fetched: TypeAlias = Mapping[TopicPartition, Sequence[ConsumerRecord]]
ConsumerPositions: TypeAlias = dict[TopicPartition, int]


class InDatabase(Protocol):
    """Runs `work` in the thread of the database connection, retried until the database answers."""

    def __call__(self, work: Callable[[], _T]) -> Awaitable[_T]: ...


class LedgerOffsets(ConsumerRebalanceListener):  # type: ignore[misc]
    """Positions partitions. The records of a poll count only for partitions that were positioned before the poll, of
    topics whose ids are the same after it."""

    def __init__(
        self, consumer: AIOKafkaConsumer, topics: Sequence[str], database: LedgerDatabase, in_database: InDatabase
    ) -> None:
        #: Topic -> the number of its present incarnation (`topic_incarnation`).
        self.incarnations: dict[str, int] = {}
        self._consumer: AIOKafkaConsumer = consumer
        self._topics: Sequence[str] = topics
        self._database: LedgerDatabase = database
        self._in_database: InDatabase = in_database
        self._ids: dict[str, str] = {}
        #: Topics whose rows have no topic id in the database yet: their positions are the group's offsets.
        self._adopted: set[str] = set()
        self._positioned: set[TopicPartition] = set()
        self._session: int = 0

    @override
    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        self._begin_session()

    @override
    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._begin_session()

    async def refresh_incarnations(self) -> None:
        """Read the topics' ids. Raises ConfigurationError where a topic was created again, because consumers and the
        catalog in memory belong to the old topic, and Unreachable where one is missing."""
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

    def forget(self) -> None:
        """Drop ids and positions: a restored database may have other incarnations."""
        self._ids = {}
        self._begin_session()

    def unpositioned(self) -> set[TopicPartition]:
        """The assigned partitions that have no position yet."""
        return set(self._consumer.assignment()) - self._positioned

    async def poll(self, timeout_ms: int, max_records: int) -> Fetched:
        """The next records by partition; `usable` says which count. A partition whose position the log does not have,
        because retention removed it or the log was truncated, becomes unpositioned: `seek_to_stored` records what is
        missing and positions it again."""
        try:
            fetched: Fetched = await self._consumer.getmany(timeout_ms=timeout_ms, max_records=max_records)
        except OffsetOutOfRangeError as error:
            self._positioned -= error.args[0].keys()
            return {}
        except NoOffsetForPartitionError:  # of a new partition, which `seek_to_stored` positions next
            return {}
        return fetched

    def usable(self, fetched: Fetched) -> Fetched:
        """The records of partitions that were positioned before the poll."""
        return {part: records for part, records in fetched.items() if part in self._positioned}

    async def seek_to_stored(self, parts: set[TopicPartition]) -> None:
        """Seek to the stored positions, and record as holes what Kafka has removed after them. No batch with records of
        these partitions may be on its way to the database."""
        session = self._session
        stored = await self._stored_positions(parts)
        beginnings = await self._consumer.beginning_offsets(parts)
        ends = await self._consumer.end_offsets(parts)
        holes = [
            NewHole(self.incarnations[part.topic], part.partition, stored[part], beginnings[part])
            for part in sorted(stored)
            if stored[part] < beginnings[part]
        ]
        if session != self._session:
            return  # a rebalance came between; the next round tries again
        if holes:  # committed before any position passes them
            await self._in_database(lambda: self._database.add_holes(holes))
            self._log_holes(holes)
        for part in parts:
            position = max(stored.get(part, 0), beginnings[part])
            if position > ends[part]:
                log.error("log_ends_before_what_was_read", **_log_fields(part), position=position, ends_at=ends[part])
                position = beginnings[part]  # records that are in the database are not added again
            self._consumer.seek(part, position)
            self._positioned.add(part)

    async def _stored_positions(self, parts: set[TopicPartition]) -> ConsumerPositions:
        """The position of each partition in the database; the group's offset where the rows are older than positions.

        A partition that no ledger has read is left out: it begins where its log begins, because the controller has not
        seen earlier records either. A group offset without a position in the database was committed for a database that
        is lost, so that partition is read from 0.
        """
        saved = await self._in_database(self._database.positions)
        found: ConsumerPositions = {}
        for part in parts:
            position = saved.get((self.incarnations[part.topic], part.partition))
            if position is None and (committed := await self._consumer.committed(part)) is not None:
                position = committed if part.topic in self._adopted else 0
            if position is not None:
                found[part] = position
        return found

    def _log_holes(self, holes: Iterable[NewHole]) -> None:
        topics = {number: topic for topic, number in self.incarnations.items()}
        for it in holes:
            log.error(
                "records_gone_before_they_were_read",
                topic=topics[it.incarnation],
                partition=it.partition,
                position=it.from_offset,
                begins_at=it.to_offset,
            )

    async def positions(self) -> ConsumerPositions:
        """The next offset of each positioned partition, which is beyond transaction markers; empty during a
        rebalance."""
        session = self._session
        try:
            found = {part: await self._consumer.position(part) for part in sorted(self._positioned)}
        except IllegalStateError:
            return {}
        return found if session == self._session else {}

    def _begin_session(self) -> None:
        self._positioned.clear()
        self._session += 1


def _log_fields(part: TopicPartition) -> dict[str, Any]:
    return {"topic": part.topic, "partition": part.partition}
