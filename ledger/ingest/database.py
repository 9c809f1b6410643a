"""The ledger's reads and writes in PostgreSQL. Everything here blocks: it is called in a thread."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Final, NamedTuple

import psycopg2
from psycopg2.extensions import connection as PsycopgConnection
from psycopg2.extensions import cursor as Cursor

from core.errors import WentBack
from core.moment import Moment
from ledger.ingest.gaps import Gap, count_gaps, new_gaps
from ledger.ingest.rows import (
    AckRow,
    CommandRow,
    CorrectionRow,
    LedgerRow,
    RefusalRow,
    ReplayedRow,
    SpendRow,
    UnbookedRow,
)
from models.connection import connect

__all__ = ["LedgerDatabase", "NewHole"]

#: In the order of saving: replayed spend after other spend, so that an event of both is added once.
_KINDS: Final = (SpendRow, ReplayedRow, CommandRow, RefusalRow, UnbookedRow, CorrectionRow, AckRow)

#: The offset read next of each (incarnation, partition).
StoredPositions = Mapping[tuple[int, int], int]

#: Spend whose event is in spend_log goes to spend_repeat, unless it is the same record read again. The subquery is one
#: that the planner cannot turn into a join, which for a batch without statistics might read the whole table.
#: Rows are inserted in the order of the index, so that its pages are touched one after the other, which saves a third
#: of the time. Records of one event are in one partition, so the first of them is kept.
_ADD_SPEND: Final = f"""
WITH added AS (
    INSERT INTO spend_log ({SpendRow.columns}) SELECT {SpendRow.columns} FROM staged_spend_log
    ORDER BY brand_id, event_id, incarnation, record_offset
    ON CONFLICT (brand_id, event_id) DO NOTHING RETURNING incarnation, partition, record_offset
), left_over AS MATERIALIZED (
    SELECT * FROM staged_spend_log s WHERE NOT EXISTS (
        SELECT FROM added a
        WHERE a.record_offset = s.record_offset AND a.partition = s.partition AND a.incarnation = s.incarnation)
)
INSERT INTO spend_repeat ({SpendRow.columns}) SELECT {SpendRow.columns} FROM left_over o
WHERE (SELECT (l.incarnation, l.partition, l.record_offset) FROM spend_log l
       WHERE l.brand_id = o.brand_id AND l.event_id = o.event_id)
    IS DISTINCT FROM (o.incarnation, o.partition, o.record_offset)
ON CONFLICT DO NOTHING
"""  # noqa: S608

_FIND_INCARNATION: Final = """
SELECT incarnation FROM topic_incarnation WHERE topic = %(topic)s AND topic_id = %(topic_id)s
"""
_ADOPT_INCARNATION: Final = """
UPDATE topic_incarnation SET topic_id = %(topic_id)s WHERE topic = %(topic)s AND topic_id IS NULL RETURNING incarnation
"""
_ADD_INCARNATION: Final = """
INSERT INTO topic_incarnation (topic, topic_id) VALUES (%(topic)s, %(topic_id)s) RETURNING incarnation
"""

#: A position never goes back: of two ledgers on one partition the slower one adds nothing.
_ADD_POSITIONS: Final = """
INSERT INTO ledger_position (incarnation, partition, position)
SELECT * FROM unnest(%s::smallint[], %s::int[], %s::bigint[]) ORDER BY 1, 2
ON CONFLICT (incarnation, partition) DO UPDATE SET position = GREATEST(ledger_position.position, EXCLUDED.position)
"""

_ADD_HOLE: Final = """
INSERT INTO ledger_hole (incarnation, partition, from_offset, to_offset) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING
"""

_FIRST_SPEND: Final = """
SELECT brand_id, min(arrived_at) FROM (
    SELECT brand_id, arrived_at FROM spend_counted WHERE brand_id = ANY(%(brand_ids)s)
    UNION ALL SELECT brand_id, arrived_at FROM spend_correction WHERE brand_id = ANY(%(brand_ids)s)
) AS arrivals GROUP BY brand_id
"""

#: Rows that wait for a brand may be millions, each with a value of up to 64 KiB.
_UNBOOKED_AT_ONCE: Final = 10_000

#: A batch that the database refuses is halved until the row is found.
_REFUSED: Final = (psycopg2.DataError, psycopg2.IntegrityError)


class NewHole(NamedTuple):
    """Offsets `[from_offset, to_offset)` that Kafka removed before the ledger read them."""

    incarnation: int
    partition: int
    from_offset: int
    to_offset: int


class LedgerDatabase:
    """The ledger's connection, opened when it is needed and closed after any error on it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: PsycopgConnection | None = None
        self._gaps: list[Gap] = []
        #: The positions that were read from the database or saved in it: after a restore of a backup it has lower ones.
        self._saved: dict[tuple[int, int], int] = {}
        #: A commit without an answer may have added commands: saved again they are not new, and show no gap.
        self.gaps_are_unsure = False

    def save(
        self, rows: Sequence[LedgerRow], booked: Iterable[UnbookedRow] = (), positions: StoredPositions | None = None
    ) -> list[LedgerRow]:
        """Save rows in one transaction, and return those that the database refuses.

        The rows in `booked` are removed from `spend_unbooked` in the same transaction. Spend whose attributes the
        database refuses is saved without them, and returned. `positions` are saved with the rows unless some are
        refused: their dead letters must be published first. Raises an error of psycopg2, a ModelError or WentBack.
        """
        try:
            self._save(rows, booked, positions or {})
        except _REFUSED:
            return self._save_halves(rows, booked)
        except BaseException:
            self.gaps_are_unsure |= any(type(row) is CommandRow for row in rows)
            raise
        return []

    def incarnations(self, ids: Mapping[str, str]) -> tuple[dict[str, int], set[str]]:
        """Topic -> its incarnation, by the broker's topic id, and the topics whose rows had no id until now."""
        numbers: dict[str, int] = {}
        adopted: set[str] = set()
        with self._transaction() as cursor:
            cursor.execute("LOCK TABLE topic_incarnation IN SHARE ROW EXCLUSIVE MODE")
            for topic, topic_id in sorted(ids.items()):
                for statement in (_FIND_INCARNATION, _ADOPT_INCARNATION, _ADD_INCARNATION):
                    cursor.execute(statement, {"topic": topic, "topic_id": topic_id})
                    if found := cursor.fetchone():
                        numbers[topic] = found[0]
                        adopted |= {topic} if statement is _ADOPT_INCARNATION else set()
                        break
        return numbers, adopted

    def positions(self) -> dict[tuple[int, int], int]:
        """(incarnation, partition) -> the next offset to read."""
        with self._transaction() as cursor:
            found = _positions(cursor)
        self._saved = dict(found)
        return found

    def add_holes(self, holes: Iterable[NewHole]) -> None:
        """Record offsets that the ledger could not read, so that `reconcile` makes no correction of missing rows."""
        with self._transaction() as cursor:
            for hole in holes:
                cursor.execute(_ADD_HOLE, hole)

    def check_not_restored(self) -> None:
        """Raise WentBack when a stored position is lower than one that was saved: a backup was restored."""
        with self._transaction() as cursor:
            self._check_positions(cursor)

    def forget(self) -> None:
        """Take the positions that the database has now as the saved ones."""
        self._saved = {}
        self.gaps_are_unsure = True

    def first_spend(self, brand_ids: Iterable[str]) -> dict[str, Moment]:
        """The arrival of the first spend or correction of each of these brands; a brand without any is left out."""
        with self._transaction() as cursor:
            cursor.execute(_FIRST_SPEND, {"brand_ids": list(brand_ids)})
            return {brand_id: _moment(arrived_at) for brand_id, arrived_at in cursor.fetchall()}

    def unbooked(self, brand_ids: Iterable[str]) -> list[UnbookedRow]:
        """The oldest spend in `spend_unbooked` of these brands, at most 10,000 rows, in the order of its records."""
        with self._transaction() as cursor:
            cursor.execute("SELECT DISTINCT brand_id FROM spend_unbooked")
            known = {brand_id for (brand_id,) in cursor.fetchall()} & set(brand_ids)
            cursor.execute(
                "SELECT incarnation, partition, record_offset, brand_id, arrived_at, value FROM spend_unbooked "
                "WHERE brand_id = ANY(%s) ORDER BY incarnation, partition, record_offset LIMIT %s",
                [list(known), _UNBOOKED_AT_ONCE],
            )
            return [
                UnbookedRow(incarnation, partition, offset, brand_id, _moment(arrived_at), bytes(value))
                for incarnation, partition, offset, brand_id, arrived_at, value in cursor.fetchall()
            ]

    def take_gaps(self) -> list[Gap]:
        """Gaps in the journal that the commands saved since the last call left."""
        taken, self._gaps = self._gaps, []
        return taken

    def count_gaps(self) -> int:
        with self._transaction() as cursor:
            found = count_gaps(cursor)
        self.gaps_are_unsure = False
        return found

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg2.Error):
                connection.close()

    def _save_halves(self, rows: Sequence[LedgerRow], booked: Iterable[UnbookedRow]) -> list[LedgerRow]:
        if len(rows) > 1:
            middle = len(rows) // 2
            return [*self.save(rows[:middle]), *self.save(rows[middle:], booked)]
        reduced = rows[0].reduced()
        if reduced is not None:
            self.save([reduced], booked)
        else:
            self.save([], booked)
        return list(rows)

    def _save(self, rows: Sequence[LedgerRow], booked: Iterable[UnbookedRow], positions: StoredPositions) -> None:
        gaps: list[Gap] = []
        with self._transaction() as cursor:
            self._check_positions(cursor)  # rows that follow a position which the database has lost would leave a hole
            for kind in _KINDS:
                lines = [row.line() for row in rows if type(row) is kind]
                if lines:
                    _stage(cursor, kind, lines)
                    cursor.execute(_ADD_SPEND if kind is SpendRow else _add(kind))
                if lines and kind is CommandRow:
                    gaps = new_gaps(cursor, {Gap(*row) for row in cursor.fetchall()})
            for row in booked:
                cursor.execute(
                    "DELETE FROM spend_unbooked WHERE incarnation = %s AND partition = %s AND record_offset = %s",
                    [row.incarnation, row.partition, row.record_offset],
                )
            if positions:
                parts = sorted(positions)
                numbers, partitions = [number for number, _ in parts], [partition for _, partition in parts]
                cursor.execute(_ADD_POSITIONS, [numbers, partitions, [positions[part] for part in parts]])
        self._gaps += gaps
        for part, position in positions.items():
            self._saved[part] = max(position, self._saved.get(part, 0))

    def _check_positions(self, cursor: Cursor) -> None:
        found = _positions(cursor)
        for part, saved in self._saved.items():
            if (has := found.get(part, 0)) < saved:
                raise WentBack(
                    f"The database was restored from a backup: of topic {part[0]} in topic_incarnation, partition "
                    f"{part[1]}, it has what lies below offset {has}, and {saved} was saved. The ledger reads again "
                    "from there; wait for it before you trust a sum or repair anything."
                )

    @contextmanager
    def _transaction(self) -> Iterator[Cursor]:
        """Commit at the end. A refused row rolls back; after any other error the connection is closed too, since it may
        be broken."""
        try:
            with self._open() as connection, connection.cursor() as cursor:
                yield cursor
        except _REFUSED:
            raise  # rolled back; the connection is still usable
        except BaseException:
            self.close()
            raise

    def _open(self) -> PsycopgConnection:
        if self._connection is None:
            connection = connect(self._url)
            self._connection = connection
            with connection, connection.cursor() as cursor:
                for table in {kind.table for kind in _KINDS}:
                    cursor.execute(f"CREATE TEMP TABLE staged_{table} (LIKE {table}) ON COMMIT DELETE ROWS")
        return self._connection


def _positions(cursor: Cursor) -> dict[tuple[int, int], int]:
    cursor.execute("SELECT incarnation, partition, position FROM ledger_position")
    return {(incarnation, partition): position for incarnation, partition, position in cursor.fetchall()}


def _stage(cursor: Cursor, kind: type[LedgerRow], lines: list[str]) -> None:
    cursor.copy_expert(f"COPY staged_{kind.table} ({kind.columns}) FROM STDIN", io.StringIO("".join(lines)))


def _add(kind: type[LedgerRow]) -> str:
    return (
        f"INSERT INTO {kind.table} ({kind.columns}) SELECT {kind.columns} FROM staged_{kind.table} "  # noqa: S608
        "ON CONFLICT DO NOTHING" + (" RETURNING campaign_id, epoch, sequence" if kind is CommandRow else "")
    )


def _moment(arrived_at: datetime) -> Moment:
    return round(arrived_at.timestamp() * 1000)
