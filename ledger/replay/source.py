"""Reads the ledger for a replay: counts, sums for opening balances, and the spend in order of arrival. Blocks.

Rows of the broker that is being filled are left out, so that spend which producers send meanwhile is not published
a second time.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date
from itertools import groupby
from typing import Any, Final, NamedTuple

from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ
from psycopg2.extensions import connection as PsycopgConnection
from psycopg2.extensions import cursor as Cursor

from core.moment import HOUR, Moment, format_moment, parse_moment
from core.records import SpendSnapshot
from core.snapshot import DAYS_HELD, counted_snapshot
from models.connection import connect

__all__ = [
    "CampaignSums",
    "CountedSnapshot",
    "Extent",
    "LedgerSource",
    "ReplayCursor",
    "ReplayedSpend",
    "UnbookedSpend",
    "ledger_source",
]

#: Rows of one chunk; two are in memory, because one is read while the other is sent.
CHUNK_ROWS: Final = 20_000

#: Sort key of a row: by arrival; within a millisecond, in the order of Kafka.
ReplayCursor = tuple[Moment, int, str, str]


class Extent(NamedTuple):
    """The number of rows to replay, and the arrivals of the first and the last."""

    spend: int
    #: Rows that arrived before `since`, which become opening balances.
    earlier: int
    first_arrived_at: Moment | None
    last_arrived_at: Moment | None


class CampaignSums(NamedTuple):
    brand_id: str
    campaign_id: str
    micros_by_day: dict[date, int]


class ReplayedSpend(NamedTuple):
    """A counted row of the ledger."""

    brand_id: str
    event_id: str
    campaign_id: str
    amount_micros: int
    currency: str
    occurred_at: Moment
    booked_day: date
    arrived_at: Moment
    record_offset: int
    #: JSON, as PostgreSQL writes it.
    attributes: str | None

    @property
    def cursor(self) -> ReplayCursor:
        return self.arrived_at, self.record_offset, self.brand_id, self.event_id


class CountedSnapshot(NamedTuple):
    """A total of a platform, and when the spend arrived that it made."""

    snapshot: SpendSnapshot
    arrived_at: Moment


class UnbookedSpend(NamedTuple):
    """A spend record whose brand was not in the catalog, and that no controller has refused yet."""

    brand_id: str
    value: bytes
    arrived_at: Moment


_COUNTED: Final = """
FROM spend_counted WHERE brand_id <> ALL(%(left_out)s)
  AND incarnation <> ALL(ARRAY(SELECT incarnation FROM topic_incarnation WHERE topic_id = %(topic_id)s::uuid))
"""

_EXTENT: Final = f"""
SELECT count(*) FILTER (WHERE arrived_at >= %(since)s), count(*) FILTER (WHERE arrived_at < %(since)s),
       (extract(epoch FROM min(arrived_at) FILTER (WHERE arrived_at >= %(since)s)) * 1000)::bigint,
       (extract(epoch FROM max(arrived_at)) * 1000)::bigint
{_COUNTED}
"""  # noqa: S608

_SUMS: Final = f"""
SELECT brand_id, campaign_id, booked_day, (sum(amount) * 1000000)::bigint
{_COUNTED} AND arrived_at < %(since)s GROUP BY brand_id, campaign_id, booked_day ORDER BY brand_id, campaign_id
"""

_SPEND: Final = f"""
SELECT brand_id, event_id, campaign_id, (amount * 1000000)::bigint, currency,
       (extract(epoch FROM occurred_at) * 1000)::bigint, booked_day,
       (extract(epoch FROM arrived_at) * 1000)::bigint, record_offset, attributes::text
{_COUNTED} AND (arrived_at, record_offset, brand_id, event_id) > (%(after)s, %(offset)s, %(brand)s, %(event)s)
ORDER BY arrived_at, record_offset, brand_id, event_id
"""  # noqa: S608

#: What a snapshot has made was booked to the snapshot's own day.
_OF_SNAPSHOTS: Final = f"""
SELECT event_id, brand_id, campaign_id, attributes::text, (extract(epoch FROM arrived_at) * 1000)::bigint
{_COUNTED} AND booked_day >= %(first_day)s AND attributes ? 'snapshot' AND event_id LIKE 'snapshot:%%'
"""  # noqa: S608

_UNBOOKED: Final = """
SELECT brand_id, value, (extract(epoch FROM arrived_at) * 1000)::bigint FROM spend_unbooked u
WHERE incarnation <> ALL(ARRAY(SELECT incarnation FROM topic_incarnation WHERE topic_id = %(topic_id)s::uuid))
  AND NOT EXISTS (
    SELECT FROM spend_refusal r
    WHERE r.incarnation = u.incarnation AND r.partition = u.partition AND r.record_offset = u.record_offset)
ORDER BY incarnation, partition, record_offset
"""

_UNKNOWN_BRANDS: Final = f"""
SELECT brand_id {_COUNTED} AND brand_id NOT IN (SELECT brand_id FROM brand) GROUP BY brand_id ORDER BY brand_id
"""  # noqa: S608


@contextmanager
def ledger_source(url: str, topic_id: str, left_out: Sequence[str] = ()) -> Iterator["LedgerSource"]:
    """A snapshot of the database, without the brands `left_out`. `topic_id` is the broker's id of the spend topic that
    is filled."""
    with closing(connect(url)) as connection:
        connection.set_session(isolation_level=ISOLATION_LEVEL_REPEATABLE_READ, readonly=True)
        yield LedgerSource(connection, topic_id, left_out)


class LedgerSource:
    def __init__(self, connection: PsycopgConnection, topic_id: str, left_out: Sequence[str]) -> None:
        self.left_out = list(left_out)
        self._connection = connection
        self._topic_id = topic_id
        self._spend: Cursor | None = None

    def unknown_brands(self) -> list[str]:
        """The brands that have spend and no row in the catalog."""
        with self._connection.cursor() as cursor:
            cursor.execute(_UNKNOWN_BRANDS, self._values())
            return [brand_id for (brand_id,) in cursor.fetchall()]

    def extent(self, since: Moment | None) -> Extent:
        with self._connection.cursor() as cursor:
            cursor.execute(_EXTENT, self._values(since=_text(since)))
            return Extent(*cursor.fetchall()[0])

    def sums(self, since: Moment) -> Iterator[CampaignSums]:
        """The sums of the spend that arrived before `since`, by campaign and booked day."""
        with self._streaming("sums", _SUMS, self._values(since=_text(since))) as rows:
            for (brand_id, campaign_id), days in groupby(rows, key=lambda row: (row[0], row[1])):
                yield CampaignSums(brand_id, campaign_id, {day: micros for _, _, day, micros in days})

    def open_spend(self, since: Moment | None, after: ReplayCursor | None) -> None:
        """Make `next_spend` begin at the arrival `since`, or after the cursor that a killed replay noted."""
        arrived_at, offset, brand_id, event_id = after or (since, -1, "", "")
        last = {"after": _text(arrived_at), "offset": offset, "brand": brand_id, "event": event_id}
        self._spend = self._cursor("spend", _SPEND, self._values(**last))

    def next_spend(self) -> list[ReplayedSpend]:
        """The next rows in order of arrival; empty at the end."""
        assert self._spend
        return [ReplayedSpend(*row) for row in self._spend.fetchmany(CHUNK_ROWS)]

    def counted_snapshots(self, last_arrived_at: Moment | None) -> list[CountedSnapshot]:
        """Of each campaign, source and day the snapshot of the highest `as_of`, for days that a worker holds costs of
        when it has read what arrived last."""
        if last_arrived_at is None:
            return []
        # Two days more than the controller holds: the brand's open day may lie on either side of the day in UTC.
        first_day = format_moment(last_arrived_at - (DAYS_HELD + 2) * 24 * HOUR)[:10]
        found: dict[tuple[str, str, str, str], tuple[Moment, CountedSnapshot]] = {}
        with self._streaming("snapshots", _OF_SNAPSHOTS, self._values(first_day=first_day)) as rows:
            for event_id, brand_id, campaign_id, attributes, arrived_at in rows:
                snapshot = counted_snapshot(event_id, brand_id, campaign_id, attributes)
                if snapshot is None:
                    continue
                key, as_of = (brand_id, campaign_id, snapshot.source, snapshot.day), parse_moment(snapshot.as_of)
                if key not in found or as_of > found[key][0]:
                    found[key] = as_of, CountedSnapshot(snapshot, arrived_at)
        return [counted for _, counted in found.values()]

    def unbooked(self) -> list[UnbookedSpend]:
        with self._connection.cursor() as cursor:
            cursor.execute(_UNBOOKED, self._values())
            return [UnbookedSpend(brand_id, bytes(value), at) for brand_id, value, at in cursor.fetchall()]

    def _values(self, **more: object) -> dict[str, object]:
        return {"topic_id": self._topic_id, "left_out": self.left_out, **more}

    @contextmanager
    def _streaming(self, name: str, query: str, values: dict[str, object]) -> Iterator[Iterator[Sequence[Any]]]:
        with closing(self._cursor(name, query, values)) as cursor:
            yield iter(cursor)

    def _cursor(self, name: str, query: str, values: dict[str, object]) -> Cursor:
        """A server-side cursor whose query is planned for reading all rows."""
        with self._connection.cursor() as settings:
            settings.execute("SET LOCAL cursor_tuple_fraction = 1")
            settings.execute("SET LOCAL work_mem = '256MB'")
        cursor = self._connection.cursor(name)
        cursor.itersize = CHUNK_ROWS
        cursor.execute(query, values)
        return cursor


def _text(moment: Moment | None) -> str:
    return "-infinity" if moment is None else format_moment(moment)
