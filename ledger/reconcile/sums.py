"""The ledger's side of a comparison: how far it has read, and its sums below given positions. What is not async blocks.

The sums are made in one pass over the rows: a sum over all time visits them anyway, and comparing offsets then costs
nothing, while an index over offsets would cost every insert.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final, NamedTuple, cast

from psycopg2.extensions import connection as PsycopgConnection
from sqlalchemy import text

from ledger.reconcile.comparison import BrandTotals, CampaignTotals
from models.session import session_scope

__all__ = ["Cut", "PartitionId", "PartitionLag", "partitions_behind", "summed_below", "unbooked"]


class PartitionId(NamedTuple):
    """A partition of one incarnation of a topic."""

    topic: str
    topic_id: str
    partition: int


#: The offset up to which each partition is compared; incarnations that are not in it are compared completely.
Cut = Mapping[PartitionId, int]


class PartitionLag(NamedTuple):
    """A partition of which the ledger has saved the rows below `position`, and not yet those below `wanted`."""

    partition_id: PartitionId
    position: int
    wanted: int


_POSITIONS: Final = text("""
SELECT t.topic, t.topic_id::text, p.partition, p.position
FROM ledger_position p JOIN topic_incarnation t USING (incarnation) WHERE t.topic = ANY(:topics)
""")

_CUT: Final = """
cut AS (
    SELECT t.incarnation, c.partition, c.position
    FROM unnest(CAST(:topics AS text[]), CAST(:ids AS text[]), CAST(:partitions AS int[]), CAST(:positions AS bigint[]))
         c (topic, topic_id, partition, position)
    JOIN topic_incarnation t ON t.topic = c.topic AND t.topic_id::text = c.topic_id)
"""

_UNBOOKED: Final = text(f"""
WITH {_CUT}
SELECT count(*) FROM spend_unbooked u LEFT JOIN cut USING (incarnation, partition)
WHERE u.brand_id = ANY(:brand_ids) AND (cut.position IS NULL OR u.record_offset < cut.position)
""")  # noqa: S608

#: Days that are closed are one bucket inside the open month and one outside.
_SUMS: Final = text(f"""
WITH {_CUT}, open_periods AS (
    SELECT * FROM unnest(CAST(:brand_ids AS text[]), CAST(:days AS date[]), CAST(:months AS date[]))
    open_periods (brand_id, day, month))
SELECT s.brand_id, s.campaign_id, CASE WHEN s.booked_day >= open_periods.day THEN s.booked_day END AS open_day,
       s.booked_month IS NOT DISTINCT FROM open_periods.month AS in_month, sum(s.amount)
FROM spend_counted s LEFT JOIN open_periods USING (brand_id) LEFT JOIN cut USING (incarnation, partition)
WHERE (cut.position IS NULL OR s.record_offset < cut.position)
  AND (CAST(:brand_id AS text) IS NULL OR s.brand_id = :brand_id)
GROUP BY 1, 2, 3, 4
""")  # noqa: S608


def partitions_behind(url: str, wanted: Cut) -> list[PartitionLag]:
    """The partitions of which the ledger has not saved everything below `wanted`."""
    with session_scope(url) as session:
        rows = session.execute(_POSITIONS, {"topics": sorted({it.topic for it in wanted})})
        saved = {PartitionId(topic, topic_id, partition): position for topic, topic_id, partition, position in rows}
    return [
        PartitionLag(partition_id, saved.get(partition_id, 0), offset)
        for partition_id, offset in sorted(wanted.items())
        if saved.get(partition_id, 0) < offset
    ]


def unbooked(url: str, cut: Cut, controller: Mapping[str, BrandTotals]) -> int:
    """The number of unbooked rows below the cut of brands that the controller holds: the ledger is about to book
    them."""
    with session_scope(url) as session:
        waiting: int = session.execute(_UNBOOKED, {**_cut_values(cut), "brand_ids": sorted(controller)}).scalar_one()
    return waiting


async def summed_below(
    url: str, cut: Cut, controller: Mapping[str, BrandTotals], brand_id: str | None = None
) -> dict[str, BrandTotals]:
    """Run `sums_below` in a thread. It may take minutes; cancelling it cancels the query."""
    running: list[PsycopgConnection] = []
    try:
        return await asyncio.to_thread(sums_below, url, cut, controller, brand_id, running.append)
    except asyncio.CancelledError:
        for connection in running:
            connection.cancel()
        raise


def sums_below(
    url: str,
    cut: Cut,
    controller: Mapping[str, BrandTotals],
    brand_id: str | None,
    begins: Callable[[PsycopgConnection], None],
) -> dict[str, BrandTotals]:
    """The ledger's sums of the days and months that are open in `controller`; for a brand that it lacks, the totals of
    campaigns alone. `begins` is called with the connection, so that another thread can cancel the query."""
    values = _cut_values(cut) | {
        "brand_ids": list(controller),
        "days": [totals.day for totals in controller.values()],
        "months": [totals.month for totals in controller.values()],
        "brand_id": brand_id,
    }
    ledger: dict[str, BrandTotals] = {}
    with session_scope(url) as session:
        begins(cast(PsycopgConnection, session.connection().connection.dbapi_connection))
        for brand, campaign_id, open_day, in_month, amount in session.execute(_SUMS, values):
            totals = ledger.setdefault(brand, BrandTotals())
            _add(totals, controller.get(brand), campaign_id, open_day, in_month, int(amount.scaleb(6)))
    return ledger


def _add(
    ledger: BrandTotals,
    controller: BrandTotals | None,
    campaign_id: str,
    open_day: date | None,
    in_month: bool,
    micros: int,
) -> None:
    campaign = ledger.campaigns.setdefault(campaign_id, CampaignTotals())
    campaign.total += micros
    if controller is None:
        return
    if in_month:
        ledger.monthly += micros
    if open_day is None:
        return
    if open_day == controller.day:
        ledger.daily += micros
        campaign.daily += micros
    else:
        ledger.future[open_day] = ledger.future.get(open_day, 0) + micros
        campaign.future[open_day] = campaign.future.get(open_day, 0) + micros


def _cut_values(cut: Cut) -> dict[str, Any]:
    return {
        "topics": [it.topic for it in cut],
        "ids": [it.topic_id for it in cut],
        "partitions": [it.partition for it in cut],
        "positions": list(cut.values()),
    }
