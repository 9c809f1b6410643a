"""The relay's queries: pending documents, and the versions and positions of the catalog topic."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import (
    Connection,
    delete,
    func,
    insert,
    null,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.errors import explained
from models.session import engine_of
from models.tables.brand import Brand
from models.tables.campaign import Campaign
from models.tables.catalog_outbox import CatalogOutbox, CatalogPosition, CatalogRecord, record_key
from models.tables.replay_run import ReplayRun

__all__ = ["PendingDocument", "PublishedDocument", "RecordVersion", "RelayStore", "TopicPosition", "relay_store"]

#: The key of the relay's advisory lock.
_LOCK = 7_305_821_002
#: The most outbox rows of one round, so that a catalog of any size is published in bounded memory.
_ROUND = 2_000


@dataclass(frozen=True, slots=True)
class TopicPosition:
    """How far the relay has read a topic: the next offset of each partition."""

    topic_id: str
    next_offsets: dict[int, int]


@dataclass(frozen=True, slots=True)
class RecordVersion:
    """The fields of a record of the topic that the relay needs."""

    record_key: str
    version: int
    offset: int
    value: bytes = b""
    #: Outbox id and moment of the edit that the document was made from; None without the header.
    edit: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class PendingDocument:
    """A brand or campaign whose document has to be published, and the outbox rows that ask for it."""

    row: Brand | Campaign
    record_key: str
    outbox_ids: list[int]
    #: The last outbox id and its moment: a restored database gives the id to another edit.
    edit: tuple[int, int]


@dataclass(frozen=True, slots=True)
class PublishedDocument:
    """A document with its version and its position on the broker."""

    pending: PendingDocument
    version: int
    partition: int
    offset: int


@contextmanager
def relay_store(url: str, topic: str) -> Iterator["RelayStore"]:
    """Hold the relay's lock, so that one process at a time relays. Raises DatabaseAway after the lock timeout."""
    try:
        with engine_of(url).connect() as connection:
            connection.detach()  # so that closing it ends it, and the lock with it
            connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
            connection.commit()
            yield RelayStore(connection, topic)
    except DBAPIError as error:
        raise explained(error) from error


class RelayStore:
    """Runs every statement on the connection that holds the lock, so that a process which lost it cannot write."""

    def __init__(self, connection: Connection, topic: str) -> None:
        self._connection = connection
        self._topic = topic

    def position(self) -> TopicPosition | None:
        """The stored position; None for a topic that was never read."""
        with self._transaction() as session:
            rows = session.scalars(select(CatalogPosition).where(CatalogPosition.topic == self._topic)).all()
            return TopicPosition(rows[0].topic_id, {row.partition: row.next_offset for row in rows}) if rows else None

    def start_over(self, position: TopicPosition) -> None:
        """Store the position of a topic that was created (again), and make every document pending; versions
        continue."""
        with self._transaction() as session:
            session.execute(delete(CatalogPosition).where(CatalogPosition.topic == self._topic))
            session.execute(update(CatalogRecord).where(CatalogRecord.topic == self._topic).values(record_offset=-1))
            self._store_position(session, position)
            session.execute(insert(CatalogOutbox).from_select(["brand_id"], select(Brand.brand_id)))
            campaigns = select(Campaign.brand_id, Campaign.campaign_id)
            session.execute(insert(CatalogOutbox).from_select(["brand_id", "campaign_id"], campaigns))

    def save_versions(
        self,
        versions_read: Collection[RecordVersion],
        position: TopicPosition,
        adopt: Callable[[Session, RecordVersion], None],
    ) -> set[str]:
        """Store the versions found on the topic. A document that another program wrote is published again from its row,
        except one that was made from an edit which this database has lost, because a backup was restored: that document
        is in force and is passed to `adopt`.

        Returns the keys of the others that no row of this database has.
        """
        with self._transaction() as session:
            known = self._records(session, {record.record_key for record in versions_read})
            foreign = [
                r for r in versions_read if r.record_key not in known or r.offset > known[r.record_key].record_offset
            ]
            self._store_records(session, foreign)
            self._store_position(session, position)
            lost = _lost(session, foreign)
            for record in lost:
                adopt(session, record)
            keys = {record.record_key for record in foreign} - {record.record_key for record in lost}
            return _request_again(session, keys)

    def is_being_filled(self, topic_id: str) -> bool:
        """Whether an unfinished replay fills this broker with the ledger's spend."""
        with self._transaction() as session:
            filling = select(ReplayRun).where(ReplayRun.catalog_topic_id == topic_id, ReplayRun.filled_at.is_(None))
            return session.scalar(filling) is not None

    def pending(self, *, brands_alone: bool = False, excluded: Collection[int] = ()) -> list[PendingDocument]:
        """The next documents to publish, brands first, read in one snapshot, so that no edit is read half. `excluded`
        are ids of outbox rows that have been tried already."""
        waiting = _WAITING.where(CatalogOutbox.campaign_id.is_(None)) if brands_alone else _WAITING
        if excluded:
            waiting = waiting.where(CatalogOutbox.outbox_id.not_in(excluded))
        with self._transaction() as session:
            session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            requested: dict[tuple[str, str | None], list[int]] = {}
            edits: dict[tuple[str, str | None], tuple[int, int]] = {}
            for row in session.execute(waiting):
                requested.setdefault((row.brand_id, row.campaign_id), []).append(row.outbox_id)
                edits[row.brand_id, row.campaign_id] = row.outbox_id, row.created_at
            brands = session.scalars(select(Brand).where(Brand.brand_id.in_(_brands_of(requested))))
            campaigns = session.scalars(select(Campaign).where(Campaign.campaign_id.in_(_campaigns_of(requested))))
            rows: dict[tuple[str, str | None], Brand | Campaign] = {(row.brand_id, None): row for row in brands}
            rows |= {(row.brand_id, row.campaign_id): row for row in campaigns}
            in_order = sorted(requested, key=lambda ids: ids[1] is not None)
            return [PendingDocument(rows[ids], record_key(*ids), requested[ids], edits[ids]) for ids in in_order]

    def versions(self, record_keys: Collection[str]) -> Mapping[str, int]:
        """The highest known version of each key; keys that were never on the topic are left out."""
        with self._transaction() as session:
            return {key: record.version for key, record in self._records(session, record_keys).items()}

    def mark_published(self, published: Sequence[PublishedDocument], position: TopicPosition) -> None:
        """Mark the outbox rows of acknowledged documents as published, and store versions and position."""
        with self._transaction() as session:
            session.execute(_MARK_PUBLISHED, self._published_values(published))
            self._store_records(session, [RecordVersion(p.pending.record_key, p.version, p.offset) for p in published])
            self._store_position(session, position)

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        """A transaction in READ COMMITTED, so that a write waits for an edit of the same row instead of failing."""
        with Session(self._connection, expire_on_commit=False) as session, session.begin():
            yield session

    def _records(self, session: Session, record_keys: Collection[str]) -> dict[str, CatalogRecord]:
        query = select(CatalogRecord).where(
            CatalogRecord.topic == self._topic, CatalogRecord.record_key.in_(record_keys)
        )
        return {record.record_key: record for record in session.scalars(query)}

    def _store_records(self, session: Session, versions_read: Collection[RecordVersion]) -> None:
        highest: dict[str, RecordVersion] = {}
        for record in versions_read:
            before = highest.get(record.record_key, record)
            highest[record.record_key] = RecordVersion(
                record.record_key, max(record.version, before.version), max(record.offset, before.offset)
            )
        if highest:
            session.execute(_UPSERT_RECORD, [self._record_values(record) for record in highest.values()])

    def _store_position(self, session: Session, position: TopicPosition) -> None:
        rows = [
            {"topic": self._topic, "partition": partition, "topic_id": position.topic_id, "next_offset": offset}
            for partition, offset in position.next_offsets.items()
        ]
        session.execute(_UPSERT_POSITION, rows)

    def _record_values(self, record: RecordVersion) -> dict[str, object]:
        return {
            "topic": self._topic,
            "record_key": record.record_key,
            "version": record.version,
            "record_offset": record.offset,
        }

    def _published_values(self, published: Sequence[PublishedDocument]) -> dict[str, object]:
        """The parameters of `_MARK_PUBLISHED`: arrays with one element for each outbox row."""
        rows = [(it, outbox_id) for it in published for outbox_id in it.pending.outbox_ids]
        return {
            "topic": self._topic,
            "outbox_ids": [outbox_id for _, outbox_id in rows],
            "partitions": [it.partition for it, _ in rows],
            "offsets": [it.offset for it, _ in rows],
            "versions": [it.version for it, _ in rows],
        }


_WAITING = (
    select(CatalogOutbox.outbox_id, CatalogOutbox.brand_id, CatalogOutbox.campaign_id, CatalogOutbox.created_at)
    .where(CatalogOutbox.published_at.is_(None))
    .order_by(CatalogOutbox.outbox_id)
    .limit(_ROUND)
)

#: One statement for all: thousands of rows that were edited together are marked as fast as one.
_MARK_PUBLISHED = text(
    """
    UPDATE catalog_outbox
    SET published_at = clock_timestamp(), topic = :topic, partition = published.partition,
        record_offset = published.record_offset, version = published.version
    FROM unnest(
        CAST(:outbox_ids AS bigint[]), CAST(:partitions AS integer[]),
        CAST(:offsets AS bigint[]), CAST(:versions AS bigint[])
    ) AS published (outbox_id, partition, record_offset, version)
    WHERE catalog_outbox.outbox_id = published.outbox_id
    """
)

_inserted_record = upsert(CatalogRecord)
_UPSERT_RECORD = _inserted_record.on_conflict_do_update(
    index_elements=["topic", "record_key"],
    set_={
        "version": func.greatest(CatalogRecord.version, _inserted_record.excluded.version),
        "record_offset": func.greatest(CatalogRecord.record_offset, _inserted_record.excluded.record_offset),
    },
)

_inserted_position = upsert(CatalogPosition)
_UPSERT_POSITION = _inserted_position.on_conflict_do_update(
    index_elements=["topic", "partition"],
    set_={"topic_id": _inserted_position.excluded.topic_id, "next_offset": _inserted_position.excluded.next_offset},
)


def _lost(session: Session, foreign: Collection[RecordVersion]) -> list[RecordVersion]:
    """The documents in force, brands first, that were made from edits which the database lacks."""
    newest: dict[str, RecordVersion] = {}
    for record in foreign:
        if record.record_key not in newest or record.version >= newest[record.record_key].version:
            newest[record.record_key] = record
    edits = {record.edit for record in newest.values() if record.edit is not None}
    query = select(CatalogOutbox.outbox_id, CatalogOutbox.created_at).where(
        CatalogOutbox.outbox_id.in_([outbox_id for outbox_id, _ in edits])
    )
    had = {(row.outbox_id, row.created_at) for row in session.execute(query)}
    lost = [it for it in newest.values() if it.edit is not None and it.edit not in had]
    return sorted(lost, key=lambda it: ("/" in it.record_key, it.record_key))


def _request_again(session: Session, record_keys: Collection[str]) -> set[str]:
    """Add outbox rows for the keys that have a row; return the other keys."""
    brand_ids = {key for key in record_keys if "/" not in key}
    campaign_ids = {key.partition("/")[2] for key in record_keys if "/" in key}
    brands = session.execute(select(Brand.brand_id, null()).where(Brand.brand_id.in_(brand_ids)))
    campaigns = session.execute(
        select(Campaign.brand_id, Campaign.campaign_id).where(Campaign.campaign_id.in_(campaign_ids))
    )
    there = {record_key(*ids): ids for ids in (tuple(row) for row in (*brands, *campaigns))}
    requested = [
        {"brand_id": brand_id, "campaign_id": campaign_id}
        for key, (brand_id, campaign_id) in there.items()
        if key in record_keys
    ]
    if requested:
        session.execute(insert(CatalogOutbox), requested)
    return set(record_keys) - there.keys()


def _brands_of(requested: Collection[tuple[str, str | None]]) -> list[str]:
    return [brand_id for brand_id, campaign_id in requested if campaign_id is None]


def _campaigns_of(requested: Collection[tuple[str, str | None]]) -> list[str]:
    return [campaign_id for _, campaign_id in requested if campaign_id is not None]
