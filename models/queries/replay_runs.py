"""Queries of the journal of replays: begins, progress, and the replay of a broker. A lock lets one run at a time."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from uuid import UUID

from sqlalchemy import func, insert, literal, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.errors import Refused, explained
from models.queries.ledger_holes import HoleKey, accept_holes
from models.session import engine_of, session_scope
from models.tables.brand import Brand
from models.tables.catalog_change import CatalogChange, CatalogEntity, Json
from models.tables.catalog_outbox import NOTIFY_CHANNEL, CatalogOutbox
from models.tables.replay_run import ReplayRun
from models.tables.topic_incarnation import TopicIncarnation

__all__ = ["alone", "begin", "find", "finish", "note_filled", "note_opened", "note_sent", "of_topic"]

#: The key of the advisory lock for replays.
_LOCK = 7_305_821_003
_LOCK_NOT_AVAILABLE = "55P03"
#: Replaces the missing id of a topic that no longer existed when ids were first stored.
_GONE = UUID(int=0)


@contextmanager
def alone(url: str) -> Iterator[None]:
    """Hold the lock of replays. Raises Refused where another replay holds it; PostgreSQL frees it when the process is
    gone."""
    try:
        with engine_of(url).connect() as connection:
            connection.detach()  # so that closing it ends it, and the lock with it
            connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
            connection.commit()
            yield
    except DBAPIError as error:
        if getattr(error.orig, "pgcode", None) == _LOCK_NOT_AVAILABLE:
            raise Refused("A replay runs already on this database: let it end, or stop it first.") from error
        raise explained(error) from error


def of_topic(url: str, topic: str, topic_id: str) -> ReplayRun | None:
    """The replay that filled or fills the topic with this name (without prefix) and id."""
    with session_scope(url) as session:
        return session.scalar(select(ReplayRun).where(ReplayRun.topic_ids[topic].astext == topic_id))


def find(url: str, topic_ids: Mapping[str, str]) -> ReplayRun | None:
    """The replay, finished or not, that fills exactly these topics."""
    with session_scope(url) as session:
        return session.scalar(select(ReplayRun).where(ReplayRun.topic_ids == dict(topic_ids)))


def begin(url: str, run: ReplayRun, topics: Collection[str], accepted_holes: Iterable[HoleKey] = ()) -> int:
    """Write a replay together with the raised epochs, which are so raised once however often it is killed; returns its
    id.

    `topics` are the names on the broker. They are empty, so rows without a topic id are of an earlier incarnation.
    `accepted_holes` are recorded as accepted by the actor of the run.
    """
    with session_scope(url) as session:
        unknown = (TopicIncarnation.topic.in_(topics), TopicIncarnation.topic_id.is_(None))
        session.execute(update(TopicIncarnation).where(*unknown).values(topic_id=_GONE))
        session.add(run)
        session.flush()
        accept_holes(session, run.actor, accepted_holes)
        _raise_epochs(session, run.actor)
        session.execute(text(f"NOTIFY {NOTIFY_CHANNEL}"))
        return run.replay_id


def note_opened(url: str, replay_id: int) -> None:
    _note(url, replay_id, opened_at=func.clock_timestamp())


def note_sent(url: str, replay_id: int, sent: int, up_to: Sequence[Json]) -> None:
    _note(url, replay_id, sent=sent, sent_up_to=list(up_to))


def note_filled(url: str, replay_id: int, ends: Mapping[int, int]) -> None:
    """Record that all spend is on the broker; `ends` are the ends of the spend topic, by partition."""
    filled_to = {str(partition): end for partition, end in ends.items()}
    _note(url, replay_id, filled_at=func.clock_timestamp(), filled_to=filled_to)


def finish(url: str, replay_id: int) -> ReplayRun:
    """Record the end of the replay; returns its row."""
    _note(url, replay_id, finished_at=func.clock_timestamp())
    with session_scope(url) as session:
        return session.get_one(ReplayRun, replay_id)


def _note(url: str, replay_id: int, **values: object) -> None:
    with session_scope(url) as session:
        session.execute(update(ReplayRun).where(ReplayRun.replay_id == replay_id).values(**values))


def _raise_epochs(session: Session, actor: str) -> None:
    """Raise the epoch of every brand, with history and outbox, in three statements: there may be tens of thousands."""
    change = func.jsonb_build_object("from", Brand.epoch, "to", Brand.epoch + 1)
    history = select(
        literal(actor),
        literal(CatalogEntity.BRAND.value),
        Brand.brand_id,
        func.jsonb_build_object("epoch", change, type_=JSONB),
    )
    session.execute(insert(CatalogChange).from_select(["actor", "kind", "brand_id", "fields"], history))
    session.execute(update(Brand).values(epoch=Brand.epoch + 1, revision=Brand.revision + 1))
    session.execute(insert(CatalogOutbox).from_select(["brand_id"], select(Brand.brand_id)))
