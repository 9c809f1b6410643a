"""The ledger's read positions: those that the database has for the present incarnations of the topics.

The group's committed offsets show the lag and nothing else. They outlive a topic that is made anew under its name, and
would then skip its first records; a position in the database belongs to an incarnation and was saved with its rows.
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
    """Of a poll only those partitions count that were positioned before it, of topics with the same ids after it."""

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
        #: Topics whose rows are older than topic ids in the database: their offsets are those of the group.
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
        """Read the topics' ids. Raises ConfigurationError where one was made anew, because consumers and the catalog in
        memory belong to the old topic, and Unreachable where one is missing."""
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
        return set(self._consumer.assignment()) - self._positioned

    async def poll(self, timeout_ms: int, max_records: int) -> Fetched:
        """The next records by partition; `usable` says which count. A partition whose position the log does not have,
        because retention passed it or the log was cut, becomes unpositioned: `seek_to_stored` says what is missing and
        where it goes on."""
        try:
            fetched: Fetched = await self._consumer.getmany(timeout_ms=timeout_ms, max_records=max_records)
        except OffsetOutOfRangeError as error:
            self._positioned -= error.args[0].keys()
            return {}
        except NoOffsetForPartitionError:  # of a partition that is new here, which `seek_to_stored` comes to next
            return {}
        return fetched

    def usable(self, fetched: Fetched) -> Fetched:
        """Of partitions that have stood at their stored position since before the poll."""
        return {part: records for part, records in fetched.items() if part in self._positioned}

    async def seek_to_stored(self, parts: set[TopicPartition]) -> None:
        """Seek to the stored positions and note what Kafka has removed below them as holes. No batch with records of
        these partitions may be on its way to the database."""
        session = self._session
        stored = await self._stored_positions(parts)
        beginnings = await self._consumer.beginning_offsets(parts)
        ends = await self._consumer.end_offsets(parts)
        gone = [
            NewHole(self.incarnations[part.topic], part.partition, stored[part], beginnings[part])
            for part in sorted(stored)
            if stored[part] < beginnings[part]
        ]
        if session != self._session:
            return  # a rebalance came between; the next round looks again
        if gone:  # committed before any position passes them
            await self._in_database(lambda: self._database.add_holes(gone))
            self._log_gone(gone)
        for part in parts:
            position = max(stored.get(part, 0), beginnings[part])
            if position > ends[part]:
                log.error("log_ends_before_what_was_read", **_place(part), position=position, ends_at=ends[part])
                position = beginnings[part]  # what was there is in the database, and is not added again
            self._consumer.seek(part, position)
            self._positioned.add(part)

    async def _stored_positions(self, parts: set[TopicPartition]) -> ConsumerPositions:
        """By the database; by the group where the rows are from before the database had positions. Without a partition
        that no ledger has ever read, by neither: it begins where its log begins, because the controller has not seen
        what was before either. A group that stands somewhere beside a database without a position read into a database
        that is gone, so that partition has to be read from 0."""
        saved = await self._in_database(self._database.positions)
        found: ConsumerPositions = {}
        for part in parts:
            position = saved.get((self.incarnations[part.topic], part.partition))
            if position is None and (committed := await self._consumer.committed(part)) is not None:
                position = committed if part.topic in self._adopted else 0
            if position is not None:
                found[part] = position
        return found

    def _log_gone(self, gone: Iterable[NewHole]) -> None:
        topics = {number: topic for topic, number in self.incarnations.items()}
        for it in gone:
            log.error(
                "records_gone_before_they_were_read",
                topic=topics[it.incarnation],
                partition=it.partition,
                position=it.from_offset,
                begins_at=it.to_offset,
            )

    async def positions(self) -> ConsumerPositions:
        """The next offset of each positioned partition; beyond transaction markers, which are no records. Empty during
        a rebalance."""
        session = self._session
        try:
            found = {part: await self._consumer.position(part) for part in sorted(self._positioned)}
        except IllegalStateError:
            return {}
        return found if session == self._session else {}

    def _begin_session(self) -> None:
        self._positioned.clear()
        self._session += 1


def _place(part: TopicPartition) -> dict[str, Any]:
    return {"topic": part.topic, "partition": part.partition}
