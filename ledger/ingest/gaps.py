"""Gaps: commands whose predecessor is missing in the journal. Logged when they are added, counted once at a start.

A campaign's commands are in one partition and are saved in order, before a later position is. So when a command is
added, also after a rebalance or beside a second ledger, its predecessor is among the same rows or in the database,
unless it is really missing: compacted away before the ledger read it, or never published.
"""

from typing import Final, NamedTuple

from psycopg2.extensions import cursor as Cursor

__all__ = ["Gap", "count_gaps", "new_gaps"]


class Gap(NamedTuple):
    """The command after a missing one."""

    campaign_id: str
    epoch: int
    sequence: int


_MISSING: Final = """
SELECT s.campaign_id, s.epoch, s.sequence FROM unnest(%s::text[], %s::bigint[], %s::bigint[])
    s (campaign_id, epoch, sequence)
WHERE NOT EXISTS (SELECT FROM control_log c
                  WHERE c.campaign_id = s.campaign_id AND c.epoch = s.epoch AND c.sequence = s.sequence - 1)
"""

#: In the order of an index, without reading the table.
_ALL: Final = """
SELECT count(*) FROM (
    SELECT sequence - lag(sequence, 1, 0::bigint) OVER (PARTITION BY campaign_id, epoch ORDER BY sequence) AS step
    FROM control_log) steps
WHERE step > 1
"""


def new_gaps(cursor: Cursor, added: set[Gap]) -> list[Gap]:
    """The gaps before commands that were just added. The query runs after the insert, so that it sees what another
    ledger committed while the insert waited; without a candidate there is no query."""
    suspects = [it for it in added if it.sequence > 1 and it._replace(sequence=it.sequence - 1) not in added]
    if not suspects:
        return []
    cursor.execute(_MISSING, [list(column) for column in zip(*suspects, strict=True)])
    return sorted(Gap(*row) for row in cursor.fetchall())


def count_gaps(cursor: Cursor) -> int:
    """How many commands of the whole journal lack their predecessor."""
    cursor.execute(_ALL)
    row = cursor.fetchone()
    return int(row[0]) if row else 0
