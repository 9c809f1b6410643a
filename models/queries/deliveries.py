"""Deliveries: added in the order of their records, taken in that order, and what became of them."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import bindparam, column, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.errors import WentBack
from models.errors import RowNotFound
from models.queries.paging import Page, decode_cursor, encode_cursor, storable
from models.tables.channel import Channel, Delivery, NotifierPosition
from models.tables.types import MomentColumn

__all__ = [
    "DIGEST_WINDOW_SECONDS",
    "DeliveryQueue",
    "NewDelivery",
    "Waiting",
    "add_deliveries",
    "delete_finished",
    "delivered",
    "failed",
    "get_delivery",
    "get_delivery_of",
    "list_deliveries",
    "read_positions",
    "save_positions",
    "waiting_in_queue",
    "waiting_queues",
]

_KIND: Final = "deliveries"
_ADDED_AT_ONCE: Final = 1_000
#: So long lies between two messages to people of a channel.
DIGEST_WINDOW_SECONDS: Final = 60


class NewDelivery(NamedTuple):
    channel: str
    message_id: str
    source: str
    subject: str
    brand_id: str
    body: str


class DeliveryQueue(NamedTuple):
    """Deliveries that wait and are sent one after the other: those of one brand for a webhook, or all for a channel to
    people. Moments are milliseconds. `brand_id` is None for a channel to people, of which tests are left out;
    `last_sent_at` is then when people last got a message, if that was within `DIGEST_WINDOW_SECONDS`."""

    channel: str
    kind: str
    brand_id: str | None
    oldest_at: int
    newest_at: int
    next_attempt_at: int | None
    last_sent_at: int | None


class Waiting(NamedTuple):
    """A waiting delivery with the present fields of its channel."""

    delivery_id: int
    message_id: str
    source: str
    body: str
    attempts: int
    due_since: int
    address: str
    secret: str | None


#: One row for each receiver that is sent to on its own: the first that waits of a brand, or all of a channel.
_QUEUES: Final = text(
    """
    SELECT * FROM (
        SELECT DISTINCT ON (d.channel, d.brand_id) d.channel, c.kind, d.brand_id, d.created_at AS oldest_at,
            d.created_at AS newest_at, d.next_attempt_at, NULL::timestamptz AS last_sent_at
        FROM channel c JOIN delivery d ON d.channel = c.name AND d.state = 'waiting'
        WHERE c.removed_at IS NULL AND (d.source = 'test' OR NOT c.paused AND c.kind = 'webhook')
        ORDER BY d.channel, d.brand_id, d.delivery_id) single
    UNION ALL
    SELECT d.channel, c.kind, NULL, min(d.created_at), max(d.created_at), max(d.next_attempt_at), (
        SELECT max(sent.finished_at) FROM delivery sent
        WHERE sent.channel = d.channel AND sent.state = 'delivered' AND sent.source <> 'test'
            AND sent.finished_at > clock_timestamp() - make_interval(secs => :window_seconds))
    FROM channel c JOIN delivery d ON d.channel = c.name AND d.state = 'waiting'
    WHERE c.removed_at IS NULL AND NOT c.paused AND c.kind = 'message' AND d.source <> 'test'
    GROUP BY d.channel, c.kind
    """
).columns(
    column("channel"),
    column("kind"),
    column("brand_id"),
    column("oldest_at", MomentColumn),
    column("newest_at", MomentColumn),
    column("next_attempt_at", MomentColumn),
    column("last_sent_at", MomentColumn),
)


def waiting_queues(session: Session) -> list[DeliveryQueue]:
    return [DeliveryQueue(*row) for row in session.execute(_QUEUES, {"window_seconds": DIGEST_WINDOW_SECONDS})]


def waiting_in_queue(session: Session, channel: str, brand_id: str | None, limit: int) -> list[Waiting]:
    """The first `limit` deliveries of a queue; none where its channel is paused or removed by now. `brand_id` as in
    `DeliveryQueue`."""
    query = (
        select(
            Delivery.delivery_id,
            Delivery.message_id,
            Delivery.source,
            Delivery.body,
            Delivery.attempts,
            func.greatest(Delivery.created_at, Channel.resumed_at, type_=MomentColumn),
            Channel.address,
            Channel.secret,
        )
        .join(Channel, Channel.name == Delivery.channel)
        .where(Delivery.channel == channel, Delivery.state == "waiting", Channel.removed_at.is_(None))
        .where((Delivery.source == "test") | ~Channel.paused)
        .order_by(Delivery.delivery_id)
        .limit(limit)
    )
    mine = Delivery.source != "test" if brand_id is None else Delivery.brand_id == brand_id
    return [Waiting(*row) for row in session.execute(query.where(mine))]


def add_deliveries(session: Session, new: Sequence[NewDelivery]) -> int:
    """Add deliveries and return how many were added: one that its channel has, or had, is not added again."""
    added = 0
    for start in range(0, len(new), _ADDED_AT_ONCE):
        rows = [one._asdict() for one in new[start : start + _ADDED_AT_ONCE]]
        result = session.execute(insert(Delivery).values(rows).on_conflict_do_nothing())
        added += result.rowcount  # type: ignore[attr-defined]
    return added


def delivered(session: Session, delivery_ids: Collection[int]) -> None:
    session.execute(
        update(Delivery)
        .where(Delivery.delivery_id.in_(delivery_ids))
        .values(
            state="delivered",
            finished_at=func.clock_timestamp(),
            attempts=Delivery.attempts + 1,
            next_attempt_at=None,
            last_error=None,
        )
    )


def failed(session: Session, attempts: Iterable[tuple[int, int | None]], why: str) -> None:
    """Record a failed attempt of each delivery, with the moment of its next one; None: it is given up. A delivery that
    was dropped meanwhile stays dropped."""
    for delivery_id, next_at in attempts:
        given_up = {"state": "given_up", "finished_at": func.clock_timestamp()} if next_at is None else {}
        session.execute(
            update(Delivery)
            .where(Delivery.delivery_id == delivery_id, Delivery.state == "waiting")
            .values(attempts=Delivery.attempts + 1, next_attempt_at=next_at, last_error=why, **given_up)
        )


def get_delivery(session: Session, delivery_id: int) -> Delivery:
    delivery = session.get(Delivery, delivery_id)
    if delivery is None:
        raise RowNotFound(f"There is no delivery {delivery_id}.")
    return delivery


def get_delivery_of(session: Session, channel: str, message_id: str) -> Delivery:
    """The delivery of a message to a channel; it must be there."""
    query = select(Delivery).where(Delivery.channel == channel, Delivery.message_id == message_id)
    return session.scalars(query).one()


def list_deliveries(
    session: Session,
    *,
    channel: str | None = None,
    brand_id: str | None = None,
    state: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> Page[Delivery]:
    """A page of deliveries, newest first."""
    query = select(Delivery).order_by(Delivery.delivery_id.desc()).limit(limit + 1)
    for wanted, of, name in (
        (channel, Delivery.channel, "channel"),
        (brand_id, Delivery.brand_id, "brand id"),
        (state, Delivery.state, "state"),
    ):
        if wanted is not None:
            query = query.where(of == storable(name, wanted))
    if after is not None:
        query = query.where(Delivery.delivery_id < decode_cursor(_KIND, after, (int,))[0])
    rows = list(session.scalars(query))
    more = len(rows) > limit
    return Page(rows[:limit], encode_cursor(_KIND, (rows[limit - 1].delivery_id,)) if more else None)


def delete_finished(session: Session, before: int) -> int:
    """Delete the deliveries that ended before this moment."""
    result = session.execute(delete(Delivery).where(Delivery.finished_at < bindparam("before", before, MomentColumn())))
    return int(result.rowcount)  # type: ignore[attr-defined]


def read_positions(session: Session, topic: str, topic_id: str) -> dict[int, int]:
    """The next offset of each partition of this incarnation of the topic; partitions without a saved offset are left
    out."""
    query = select(NotifierPosition.partition, NotifierPosition.next_offset).where(
        NotifierPosition.topic == topic, NotifierPosition.topic_id == topic_id
    )
    return dict(session.execute(query).all())


def save_positions(
    session: Session, topic: str, topic_id: str, expected: dict[int, int], positions: dict[int, int]
) -> None:
    """Save positions in the transaction that adds the deliveries. Raises WentBack where the database has not the
    `expected` ones: it was restored, or another notifier reads too."""
    for partition, next_offset in positions.items():
        row: dict[str, Any] = {
            "topic": topic,
            "topic_id": topic_id,
            "partition": partition,
            "next_offset": next_offset,
        }
        if partition in expected:
            query: Any = (
                update(NotifierPosition)
                .where(
                    NotifierPosition.topic == topic,
                    NotifierPosition.topic_id == topic_id,
                    NotifierPosition.partition == partition,
                    NotifierPosition.next_offset == expected[partition],
                )
                .values(next_offset=next_offset)
            )
        else:
            query = insert(NotifierPosition).values(row).on_conflict_do_nothing()
        if session.execute(query).rowcount != 1:  # type: ignore[attr-defined]
            raise WentBack
