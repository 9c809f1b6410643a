"""The spend of a brand that arrived in a period, in order of arrival, and the sums of what had arrived before. Read
only, of one snapshot of the database."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from typing import Final, NamedTuple

from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ
from psycopg2.extensions import connection as PsycopgConnection

from core.moment import Moment, format_moment
from models.connection import connect

__all__ = ["PeriodSum", "SpendPeriods", "open_spend_periods"]

_ROWS: Final = 20_000


class PeriodSum(NamedTuple):
    """Micros of a campaign that were booked to a day, or to an earlier day than that on which the month begins."""

    campaign_id: str
    booked_on: date
    micros: int


_SUMS: Final = """
SELECT campaign_id, greatest(booked_day, %(month)s - 1), (sum(amount) * 1000000)::bigint
FROM spend_counted WHERE brand_id = %(brand)s AND arrived_at < %(since)s
GROUP BY 1, 2 ORDER BY 1, 2
"""

_SPEND: Final = """
SELECT event_id, campaign_id, (amount * 1000000)::bigint, (extract(epoch FROM occurred_at) * 1000)::bigint,
       (extract(epoch FROM arrived_at) * 1000)::bigint
FROM spend_counted WHERE brand_id = %(brand)s AND arrived_at >= %(since)s AND arrived_at < %(until)s
ORDER BY arrived_at, incarnation, record_offset
"""

#: event_id, campaign_id, amount in micros, occurred_at, arrived_at.
SpendRow = tuple[str, str, int, Moment, Moment]


@contextmanager
def open_spend_periods(url: str) -> Iterator["SpendPeriods"]:
    with closing(connect(url)) as connection:
        connection.set_session(isolation_level=ISOLATION_LEVEL_REPEATABLE_READ, readonly=True)
        yield SpendPeriods(connection)


class SpendPeriods:
    def __init__(self, connection: PsycopgConnection) -> None:
        self._connection = connection

    def sums_before(self, brand_id: str, since: Moment, month: date) -> list[PeriodSum]:
        """The sums of the spend that arrived before `since`, by campaign and day; the days before the month have one
        sum."""
        with self._connection.cursor() as cursor:
            cursor.execute(_SUMS, {"brand": brand_id, "since": format_moment(since), "month": month})
            return [PeriodSum(*row) for row in cursor.fetchall()]

    def spend(self, brand_id: str, since: Moment, until: Moment) -> Iterator[SpendRow]:
        """The spend that arrived in `[since, until)`, in the order of arrival."""
        with self._connection.cursor() as settings:
            settings.execute("SET LOCAL cursor_tuple_fraction = 1")
            settings.execute("SET LOCAL work_mem = '128MB'")
        with closing(self._connection.cursor(f"spend of {brand_id}")) as cursor:
            cursor.itersize = _ROWS
            values = {"brand": brand_id, "since": format_moment(since), "until": format_moment(until)}
            cursor.execute(_SPEND, values)
            yield from cursor
