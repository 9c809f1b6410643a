"""The relay's reads and writes in PostgreSQL: pending documents, and versions and positions of the catalog topic."""

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

#: One number for the relay of a database.
_LOCK = 7_305_821_002
#: Outbox rows of one round, so that a catalog of any size is published in little memory.
_ROUND = 2_000


@dataclass(frozen=True, slots=True)
class TopicPosition:
    """How far a topic is known: the next offset of each partition."""

    topic_id: str
    next_offsets: dict[int, int]


@dataclass(frozen=True, slots=True)
class RecordVersion:
    """A record of the topic, as much of it as the relay needs."""

    record_key: str
    version: int
    offset: int
    value: bytes = b""
    #: Outbox row and moment of the edit that the document was made from; None without the header.
    edit: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class PendingDocument:
    """A brand or campaign whose document has to be published, and the outbox rows that ask for it."""

    row: Brand | Campaign
    record_key: str
    outbox_ids: list[int]
    #: The last of them, and when it was written: a restored database gives its number to another edit.
    edit: tuple[int, int]


@dataclass(frozen=True, slots=True)
class PublishedDocument:
    """Where the broker has put a document."""

    pending: PendingDocument
    version: int
    partition: int
    offset: int


@contextmanager
def relay_store(url: str, topic: str) -> Iterator["RelayStore"]:
    """The store, for one process at a time. Waits for it up to the lock timeout, then raises DatabaseAway."""
    try:
        with engine_of(url).connect() as connection:
            connection.detach()  # so that closing it ends it, and the lock with it
            connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
            connection.commit()
            yield RelayStore(connection, topic)
    except DBAPIError as error:
        raise explained(error) from error


class RelayStore:
    """Every statement runs on the connection that holds the lock: who has lost the lock cannot write any more."""

    def __init__(self, connection: Connection, topic: str) -> None:
        self._connection = connection
        self._topic = topic

    def position(self) -> TopicPosition | None:
        """None for a topic of which nothing is known."""
        with self._transaction() as session:
            rows = session.scalars(select(CatalogPosition).where(CatalogPosition.topic == self._topic)).all()
            return TopicPosition(rows[0].topic_id, {row.partition: row.next_offset for row in rows}) if rows else None

    def start_anew(self, position: TopicPosition) -> None:
        """The topic is new or was made anew: every document becomes pending, above the versions known."""
        with self._transaction() as session:
            session.execute(delete(CatalogPosition).where(CatalogPosition.topic == self._topic))
            session.execute(update(CatalogRecord).where(CatalogRecord.topic == self._topic).values(record_offset=-1))
            self._keep_position(session, position)
            session.execute(insert(CatalogOutbox).from_select(["brand_id"], select(Brand.brand_id)))
            campaigns = select(Campaign.brand_id, Campaign.campaign_id)
            session.execute(insert(CatalogOutbox).from_select(["brand_id", "campaign_id"], campaigns))

    def save_versions(
        self,
        versions_read: Collection[RecordVersion],
        position: TopicPosition,
        adopt: Callable[[Session, RecordVersion], None],
    ) -> set[str]:
        """Take in what was found on the topic. A document that is not known to be ours is published again, except one
        that tells of an edit which this database had and has lost, because a backup was restored: that one is in force
        and is handed to `adopt`.

        Returns the keys of the others that no row of this database has.
        """
        with self._transaction() as session:
            known = self._records(session, {record.record_key for record in versions_read})
            foreign = [
                r for r in versions_read if r.record_key not in known or r.offset > known[r.record_key].record_offset
            ]
            self._keep_records(session, foreign)
            self._keep_position(session, position)
            lost = _lost(session, foreign)
            for record in lost:
                adopt(session, record)
            keys = {record.record_key for record in foreign} - {record.record_key for record in lost}
            return _request_again(session, keys)

    def is_being_filled(self, topic_id: str) -> bool:
        """Whether a replay has yet to put the ledger's spend on this broker."""
        with self._transaction() as session:
            filling = select(ReplayRun).where(ReplayRun.catalog_topic_id == topic_id, ReplayRun.filled_at.is_(None))
            return session.scalar(filling) is not None

    def pending(self, *, brands_alone: bool = False, but: Collection[int] = ()) -> list[PendingDocument]:
        """The next round of documents, brands first, all of one snapshot: none is half of an edit. `but` are outbox
        rows that have been tried already."""
        waiting = _WAITING.where(CatalogOutbox.campaign_id.is_(None)) if brands_alone else _WAITING
        if but:
            waiting = waiting.where(CatalogOutbox.outbox_id.not_in(but))
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
        """The highest version that the topic is known to have held of each key; of others nothing."""
        with self._transaction() as session:
            return {key: record.version for key, record in self._records(session, record_keys).items()}

    def mark_published(self, published: Sequence[PublishedDocument], position: TopicPosition) -> None:
        """Note that the broker has acknowledged these documents, and how far the topic is known now."""
        with self._transaction() as session:
            session.execute(_MARK, self._marks(published))
            self._keep_records(session, [RecordVersion(p.pending.record_key, p.version, p.offset) for p in published])
            self._keep_position(session, position)

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        """Read committed: what writes waits for an edit of the same row instead of failing by it."""
        with Session(self._connection, expire_on_commit=False) as session, session.begin():
            yield session

    def _records(self, session: Session, record_keys: Collection[str]) -> dict[str, CatalogRecord]:
        query = select(CatalogRecord).where(
            CatalogRecord.topic == self._topic, CatalogRecord.record_key.in_(record_keys)
        )
        return {record.record_key: record for record in session.scalars(query)}

    def _keep_records(self, session: Session, versions_read: Collection[RecordVersion]) -> None:
        highest: dict[str, RecordVersion] = {}
        for record in versions_read:
            before = highest.get(record.record_key, record)
            highest[record.record_key] = RecordVersion(
                record.record_key, max(record.version, before.version), max(record.offset, before.offset)
            )
        if highest:
            session.execute(_KEEP_RECORD, [self._record_values(record) for record in highest.values()])

    def _keep_position(self, session: Session, position: TopicPosition) -> None:
        rows = [
            {"topic": self._topic, "partition": partition, "topic_id": position.topic_id, "next_offset": offset}
            for partition, offset in position.next_offsets.items()
        ]
        session.execute(_KEEP_POSITION, rows)

    def _record_values(self, record: RecordVersion) -> dict[str, object]:
        return {
            "topic": self._topic,
            "record_key": record.record_key,
            "version": record.version,
            "record_offset": record.offset,
        }

    def _marks(self, published: Sequence[PublishedDocument]) -> dict[str, object]:
        """One element for each outbox row."""
        marks = [(it, outbox_id) for it in published for outbox_id in it.pending.outbox_ids]
        return {
            "topic": self._topic,
            "outbox_ids": [outbox_id for _, outbox_id in marks],
            "partitions": [it.partition for it, _ in marks],
            "offsets": [it.offset for it, _ in marks],
            "versions": [it.version for it, _ in marks],
        }


_WAITING = (
    select(CatalogOutbox.outbox_id, CatalogOutbox.brand_id, CatalogOutbox.campaign_id, CatalogOutbox.created_at)
    .where(CatalogOutbox.published_at.is_(None))
    .order_by(CatalogOutbox.outbox_id)
    .limit(_ROUND)
)

#: All of them in one statement: thousands that were edited together are marked as fast as one.
_MARK = text(
    """
    UPDATE catalog_outbox
    SET published_at = clock_timestamp(), topic = :topic, partition = told.partition,
        record_offset = told.record_offset, version = told.version
    FROM unnest(
        CAST(:outbox_ids AS bigint[]), CAST(:partitions AS integer[]),
        CAST(:offsets AS bigint[]), CAST(:versions AS bigint[])
    ) AS told (outbox_id, partition, record_offset, version)
    WHERE catalog_outbox.outbox_id = told.outbox_id
    """
)

_inserted_record = upsert(CatalogRecord)
_KEEP_RECORD = _inserted_record.on_conflict_do_update(
    index_elements=["topic", "record_key"],
    set_={
        "version": func.greatest(CatalogRecord.version, _inserted_record.excluded.version),
        "record_offset": func.greatest(CatalogRecord.record_offset, _inserted_record.excluded.record_offset),
    },
)

_inserted_position = upsert(CatalogPosition)
_KEEP_POSITION = _inserted_position.on_conflict_do_update(
    index_elements=["topic", "partition"],
    set_={"topic_id": _inserted_position.excluded.topic_id, "next_offset": _inserted_position.excluded.next_offset},
)


def _lost(session: Session, foreign: Collection[RecordVersion]) -> list[RecordVersion]:
    """The documents in force, brands first, that were made from edits which the database does not have."""
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
    """Outbox rows for those keys that have a row; the others are returned."""
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
