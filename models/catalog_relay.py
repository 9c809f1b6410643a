"""What the relay reads and writes in PostgreSQL: documents that wait, and what is known of the topic."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Connection,
    Table,
    any_,
    bindparam,
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

from models.brand import Brand
from models.campaign import Campaign
from models.catalog_outbox import CatalogOutbox, CatalogPosition, CatalogRecord
from models.errors import explained
from models.replay_run import ReplayRun
from models.session import engine_of

__all__ = ["Pending", "Published", "RelayStore", "Seen", "TopicPosition", "relay_store"]

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
class Seen:
    """A record of the topic, as much of it as the relay needs."""

    record_key: str
    version: int
    offset: int


@dataclass(frozen=True, slots=True)
class Pending:
    """A brand or campaign whose document has to be published, and the outbox rows that ask for it."""

    row: Brand | Campaign
    record_key: str
    outbox_ids: list[int]


@dataclass(frozen=True, slots=True)
class Published:
    """Where the broker has put a document."""

    pending: Pending
    version: int
    partition: int
    offset: int


@contextmanager
def relay_store(url: str, topic: str) -> Iterator["RelayStore"]:
    """Waits, as long as for any lock, until no other process has the store."""
    try:
        with engine_of(url).connect() as connection:
            connection.execution_options(isolation_level="REPEATABLE READ")
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
        """The topic is not the one it was, or new to us: everything is to be published, above the versions known."""
        with self._transaction() as session:
            session.execute(delete(CatalogPosition).where(CatalogPosition.topic == self._topic))
            session.execute(update(CatalogRecord).where(CatalogRecord.topic == self._topic).values(record_offset=-1))
            self._keep_position(session, position)
            session.execute(insert(CatalogOutbox).from_select(["brand_id"], select(Brand.brand_id)))
            campaigns = select(Campaign.brand_id, Campaign.campaign_id)
            session.execute(insert(CatalogOutbox).from_select(["brand_id", "campaign_id"], campaigns))

    def learn(self, seen: Collection[Seen], position: TopicPosition) -> set[str]:
        """Take in what was found on the topic. A document that is not known to be ours is published again.

        Returns the keys that no row of this database has, as after a backup was restored.
        """
        with self._transaction() as session:
            known = self._records(session, {record.record_key for record in seen})
            foreign = [r for r in seen if r.record_key not in known or r.offset > known[r.record_key].record_offset]
            self._keep_records(session, foreign)
            self._keep_position(session, position)
            return _ask_again(session, {record.record_key for record in foreign})

    def is_being_filled(self, topic_id: str) -> bool:
        """A replay has yet to put the ledger's spend on this broker."""
        with self._transaction() as session:
            filling = select(ReplayRun).where(ReplayRun.catalog_topic_id == topic_id, ReplayRun.filled_at.is_(None))
            return session.scalar(filling) is not None

    def pending(self, *, brands_alone: bool = False) -> list[Pending]:
        """The next round of documents, brands first, all of one snapshot: none is half of an edit."""
        waiting = _WAITING.where(CatalogOutbox.campaign_id.is_(None)) if brands_alone else _WAITING
        with self._transaction() as session:
            asked: dict[tuple[str, str | None], list[int]] = {}
            for row in session.execute(waiting):
                asked.setdefault((row.brand_id, row.campaign_id), []).append(row.outbox_id)
            brands = session.scalars(select(Brand).where(Brand.brand_id.in_(_brands_of(asked))))
            campaigns = session.scalars(select(Campaign).where(Campaign.campaign_id.in_(_campaigns_of(asked))))
            rows: dict[tuple[str, str | None], Brand | Campaign] = {(row.brand_id, None): row for row in brands}
            rows |= {(row.brand_id, row.campaign_id): row for row in campaigns}
            in_order = sorted(asked, key=lambda ids: ids[1] is not None)
            return [Pending(rows[ids], _record_key(*ids), asked[ids]) for ids in in_order]

    def versions(self, record_keys: Collection[str]) -> Mapping[str, int]:
        """The highest version that the topic is known to have held of each key; of others nothing."""
        with self._transaction() as session:
            return {key: record.version for key, record in self._records(session, record_keys).items()}

    def mark(self, published: Sequence[Published], position: TopicPosition) -> None:
        """The broker has these documents."""
        with self._transaction() as session:
            session.execute(_MARK, [self._marks(document) for document in published])
            self._keep_records(session, [Seen(p.pending.record_key, p.version, p.offset) for p in published])
            self._keep_position(session, position)

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        with Session(self._connection, expire_on_commit=False) as session, session.begin():
            yield session

    def _records(self, session: Session, record_keys: Collection[str]) -> dict[str, CatalogRecord]:
        query = select(CatalogRecord).where(
            CatalogRecord.topic == self._topic, CatalogRecord.record_key.in_(record_keys)
        )
        return {record.record_key: record for record in session.scalars(query)}

    def _keep_records(self, session: Session, seen: Collection[Seen]) -> None:
        highest: dict[str, Seen] = {}
        for record in seen:
            before = highest.get(record.record_key, record)
            highest[record.record_key] = Seen(
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

    def _record_values(self, record: Seen) -> dict[str, object]:
        return {
            "topic": self._topic,
            "record_key": record.record_key,
            "version": record.version,
            "record_offset": record.offset,
        }

    def _marks(self, published: Published) -> dict[str, object]:
        return {
            "asked": published.pending.outbox_ids,
            "told_topic": self._topic,
            "told_partition": published.partition,
            "told_offset": published.offset,
            "told_version": published.version,
        }


_WAITING = (
    select(CatalogOutbox.outbox_id, CatalogOutbox.brand_id, CatalogOutbox.campaign_id)
    .where(CatalogOutbox.published_at.is_(None))
    .order_by(CatalogOutbox.outbox_id)
    .limit(_ROUND)
)

_OUTBOX = cast(Table, CatalogOutbox.__table__)
_MARK = (
    update(_OUTBOX)
    .where(_OUTBOX.c.outbox_id == any_(bindparam("asked", type_=ARRAY(BigInteger))))
    .values(
        published_at=func.clock_timestamp(),
        topic=bindparam("told_topic"),
        partition=bindparam("told_partition"),
        record_offset=bindparam("told_offset"),
        version=bindparam("told_version"),
    )
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


def _ask_again(session: Session, record_keys: Collection[str]) -> set[str]:
    """Outbox rows for those keys that have a row; the others are returned."""
    brand_ids = {key for key in record_keys if "/" not in key}
    campaign_ids = {key.partition("/")[2] for key in record_keys if "/" in key}
    brands = session.execute(select(Brand.brand_id, null()).where(Brand.brand_id.in_(brand_ids)))
    campaigns = session.execute(
        select(Campaign.brand_id, Campaign.campaign_id).where(Campaign.campaign_id.in_(campaign_ids))
    )
    there = {_record_key(*ids): ids for ids in (tuple(row) for row in (*brands, *campaigns))}
    asked = [
        {"brand_id": brand_id, "campaign_id": campaign_id}
        for key, (brand_id, campaign_id) in there.items()
        if key in record_keys
    ]
    if asked:
        session.execute(insert(CatalogOutbox), asked)
    return set(record_keys) - there.keys()


def _record_key(brand_id: str, campaign_id: str | None) -> str:
    return brand_id if campaign_id is None else f"{brand_id}/{campaign_id}"


def _brands_of(asked: Collection[tuple[str, str | None]]) -> list[str]:
    return [brand_id for brand_id, campaign_id in asked if campaign_id is None]


def _campaigns_of(asked: Collection[tuple[str, str | None]]) -> list[str]:
    return [campaign_id for _, campaign_id in asked if campaign_id is not None]
