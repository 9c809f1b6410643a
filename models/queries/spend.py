"""Queries of the ledger's spend: pages, newest first, and single events."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Unpack

from sqlalchemy import Row, Select, Subquery, literal, select, tuple_, union_all
from sqlalchemy.orm import Session

from models.queries.paging import Page, damaged, decode_cursor, encode_cursor, storable
from models.queries.spend_rows import Branch, SpendFilter, again, conditions, first, refused
from models.tables.catalog_change import Json
from models.tables.topic_incarnation import TopicIncarnation

__all__ = ["SpendEntry", "find_spend_at", "list_spend"]

_KIND: Final = "spend"
#: Newest first by booked day and arrival; the other columns make the order unique.
_ORDER: Final = ("booked_day", "arrived_at", "brand_id", "event_id", "incarnation", "partition", "record_offset")
#: The types of the order's parts in a cursor; the day is a number of days.
_SHAPE: Final = (int, int, str, str, int, int, int)


@dataclass(frozen=True, slots=True)
class SpendEntry:
    """A spend record as it was booked. Moments are milliseconds since the epoch, money is micros."""

    brand_id: str
    event_id: str
    campaign_id: str
    amount_micros: int
    currency: str
    occurred_at: int
    booked_day: date
    booked_month: date
    arrived_at: int
    #: The topic's name, and its incarnation: a topic that was created again counts offsets from zero.
    topic: str
    incarnation: int
    partition: int
    record_offset: int
    attributes: dict[str, Json] | None
    #: Why the controller refused it, None where it was counted.
    refused_reason: str | None
    refused_message: str | None


def list_spend(
    session: Session,
    *,
    counted: bool = True,
    only_refused: bool = False,
    after: str | None = None,
    limit: int = 100,
    **wanted: Unpack[SpendFilter],
) -> Page[SpendEntry]:
    """A page of the spend that counts, as in the view spend_counted. `counted=False` adds refused spend, `only_refused`
    returns it alone. Duplicates of an event that counts are never listed."""
    branches = refused() if only_refused else [first(), again()] if counted else [first(), again(), *refused()]
    key = None if after is None else _key(after)
    pages = [_page(branch, wanted, key, limit + 1).subquery() for branch in branches]
    merged = union_all(*(page.select() for page in pages)).subquery()
    query = _with_topic(merged).order_by(*(merged.c[name].desc() for name in _ORDER)).limit(limit + 1)
    entries = [_entry(row) for row in session.execute(query)]
    more = len(entries) > limit
    return Page(entries[:limit], _cursor(entries[limit - 1]) if more else None)


def find_spend_at(
    session: Session, brand_id: str, event_id: str, topic: str, partition: int, offset: int
) -> SpendEntry | None:
    """The record of an event at a position in Kafka, whether it counts or not. The event is needed for an index, and to
    tell the record from one at the same position of another incarnation of the topic."""
    incarnations = select(TopicIncarnation.incarnation).where(TopicIncarnation.topic == storable("topic", topic))
    found = []
    for columns, query in (first(), again(), *refused()):
        at = (
            columns["incarnation"].in_(incarnations),
            columns["partition"] == partition,
            columns["record_offset"] == offset,
        )
        placed = query.where(*conditions(columns, {"brand_id": brand_id, "event_id": event_id}), *at).subquery()
        found += [_entry(row) for row in session.execute(_with_topic(placed))]
    return max(found, key=lambda entry: entry.incarnation, default=None)


def _with_topic(rows: Subquery) -> Select[Any]:
    named = TopicIncarnation.__table__
    return select(rows, named.c.topic).join(named, named.c.incarnation == rows.c.incarnation)


def _page(branch: Branch, wanted: SpendFilter, key: tuple[Any, ...] | None, limit: int) -> Select[Any]:
    columns, query = branch
    order = [columns[name] for name in _ORDER]
    query = query.where(*conditions(columns, wanted))
    if key is not None:
        behind = tuple_(*(literal(part, column.type) for part, column in zip(key, order, strict=True)))
        query = query.where(tuple_(*order) < behind)
    return query.order_by(*(column.desc() for column in order)).limit(limit)


def _entry(row: Row[Any]) -> SpendEntry:
    fields = row._asdict()
    amount, reason, message = fields.pop("amount"), fields.pop("reason"), fields.pop("message")
    return SpendEntry(amount_micros=amount, refused_reason=reason, refused_message=message, **fields)


def _cursor(last: SpendEntry) -> str:
    return encode_cursor(_KIND, [last.booked_day.toordinal(), *(getattr(last, name) for name in _ORDER[1:])])


def _key(cursor: str) -> tuple[Any, ...]:
    ordinal, arrived_at, *rest = decode_cursor(_KIND, cursor, _SHAPE)
    assert isinstance(ordinal, int)
    try:
        return date.fromordinal(ordinal), arrived_at, *rest
    except (ValueError, OverflowError) as error:
        raise damaged() from error
