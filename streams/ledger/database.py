"""The ledger's side of PostgreSQL. Everything here blocks: it is called in a thread."""

import io
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

import psycopg2
from psycopg2.extensions import connection as PsycopgConnection
from psycopg2.extensions import cursor as Cursor

from models.session import connect
from streams.core.moment import Moment
from streams.ledger.rows import CommandRow, RefusalRow, Row, SpendRow, UnbookedRow

__all__ = ["LedgerDatabase"]

_KINDS: Final = (SpendRow, CommandRow, RefusalRow, UnbookedRow)

#: What spend_log has already goes to spend_repeat, unless it is the same record read again. The subquery is one that
#: the planner cannot turn into a join, which for a batch without statistics might read the whole table.
_ADD_SPEND: Final = f"""
WITH added AS (
    INSERT INTO spend_log ({SpendRow.columns}) SELECT {SpendRow.columns} FROM staged_spend_log
    ON CONFLICT (brand_id, event_id) DO NOTHING RETURNING topic, partition, record_offset
), left_over AS MATERIALIZED (
    SELECT * FROM staged_spend_log s WHERE NOT EXISTS (
        SELECT FROM added a
        WHERE a.record_offset = s.record_offset AND a.partition = s.partition AND a.topic = s.topic)
)
INSERT INTO spend_repeat ({SpendRow.columns}) SELECT {SpendRow.columns} FROM left_over o
WHERE (SELECT (l.topic, l.partition, l.record_offset) FROM spend_log l
       WHERE l.brand_id = o.brand_id AND l.event_id = o.event_id)
    IS DISTINCT FROM (o.topic, o.partition, o.record_offset)
ON CONFLICT DO NOTHING
"""  # noqa: S608

#: A batch that the database refuses is halved until the row is found.
_REFUSED: Final = (psycopg2.DataError, psycopg2.IntegrityError)


class LedgerDatabase:
    """One connection, made when it is needed and dropped when anything goes wrong with it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: PsycopgConnection | None = None

    def save(self, rows: Sequence[Row], booked: Iterable[UnbookedRow] = ()) -> list[Row]:
        """All rows, committed, or an exception of psycopg2 or models. `booked` leave the unbooked with them. Returns
        what the database refuses, if only in part: the rows whose extras it could not take are there without them."""
        try:
            self._save(rows, booked)
        except _REFUSED:
            self._drop_transaction()
            return self._save_apart(rows, booked)
        except BaseException:
            self.close()
            raise
        return []

    def unbooked(self, brand_ids: Iterable[str]) -> list[UnbookedRow]:
        """Spend of these brands that waits for them, in its order."""
        with self._open() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT DISTINCT brand_id FROM spend_unbooked")
            known = {brand_id for (brand_id,) in cursor.fetchall()} & set(brand_ids)
            cursor.execute(
                "SELECT topic, partition, record_offset, brand_id, arrived_at, value FROM spend_unbooked "
                "WHERE brand_id = ANY(%s) ORDER BY topic, partition, record_offset",
                [list(known)],
            )
            return [
                UnbookedRow(topic, partition, offset, brand_id, _moment(arrived_at), bytes(value))
                for topic, partition, offset, brand_id, arrived_at, value in cursor.fetchall()
            ]

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg2.Error):
                connection.close()

    def _save_apart(self, rows: Sequence[Row], booked: Iterable[UnbookedRow]) -> list[Row]:
        if len(rows) > 1:
            middle = len(rows) // 2
            return [*self.save(rows[:middle]), *self.save(rows[middle:], booked)]
        reduced = rows[0].reduced()
        if reduced is not None:
            self.save([reduced], booked)
        else:
            self.save([], booked)
        return list(rows)

    def _save(self, rows: Sequence[Row], booked: Iterable[UnbookedRow]) -> None:
        with self._open() as connection, connection.cursor() as cursor:
            for kind in _KINDS:
                lines = [row.line() for row in rows if type(row) is kind]
                if lines:
                    _stage(cursor, kind, lines)
                    cursor.execute(_ADD_SPEND if kind is SpendRow else _add(kind))
            for row in booked:
                cursor.execute(
                    "DELETE FROM spend_unbooked WHERE topic = %s AND partition = %s AND record_offset = %s",
                    [row.topic, row.partition, row.record_offset],
                )

    def _open(self) -> PsycopgConnection:
        if self._connection is None:
            connection = connect(self._url)
            self._connection = connection
            with connection, connection.cursor() as cursor:
                for kind in _KINDS:
                    cursor.execute(f"CREATE TEMP TABLE staged_{kind.table} (LIKE {kind.table}) ON COMMIT DELETE ROWS")
        return self._connection

    def _drop_transaction(self) -> None:
        if self._connection is not None:
            self._connection.rollback()


def _stage(cursor: Cursor, kind: type[Row], lines: list[str]) -> None:
    cursor.copy_expert(f"COPY staged_{kind.table} ({kind.columns}) FROM STDIN", io.StringIO("".join(lines)))


def _add(kind: type[Row]) -> str:
    return (
        f"INSERT INTO {kind.table} ({kind.columns}) SELECT {kind.columns} FROM staged_{kind.table} "  # noqa: S608
        "ON CONFLICT DO NOTHING"
    )


def _moment(arrived_at: datetime) -> Moment:
    return round(arrived_at.timestamp() * 1000)
