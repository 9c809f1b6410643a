"""Acknowledgements of commands by their consumers, and the spend until a pause was applied."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from sqlalchemy import String, bindparam, column, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from models.tables.types import MomentColumn, MoneyColumn

__all__ = ["Acknowledged", "SpentAfter", "acknowledgements", "spent_after"]

_AT_ONCE: Final = 1_000


class Acknowledged(NamedTuple):
    """An acknowledgement. `applied_at` is by the consumer's clock; `spent_micros` is None unless it is of a pause that
    was applied."""

    command_id: str
    consumer: str
    outcome: str
    decided_at: int
    applied_at: int
    spent_micros: int | None
    detail: str | None


class SpentAfter(NamedTuple):
    """The net spend of a campaign that occurred after its pause was decided, up to the decision of its next command."""

    spent_micros: int
    events: int
    last_occurred_at: int | None
    ended_at: int | None  # None while the pause lasts


#: Spend of the campaign of command `c` that occurred after its decision, up to a moment. It is what counts, as in the
#: view spend_counted, of which the planner would go through every refusal. The days keep it in an index: a budget day
#: is not further from the UTC date than the day before and after, but for a zone change.
_SPENT_UP_TO: Final = """
    SELECT l.amount, l.occurred_at FROM spend_log l
    WHERE l.brand_id = c.brand_id AND l.campaign_id = c.campaign_id
      AND l.booked_day BETWEEN (c.decided_at AT TIME ZONE 'UTC')::date - 3 AND ({until} AT TIME ZONE 'UTC')::date + 3
      AND l.occurred_at > c.decided_at AND l.occurred_at <= {until}
      AND NOT EXISTS (
          SELECT FROM spend_refusal r
          WHERE r.brand_id = l.brand_id AND r.event_id = l.event_id AND r.incarnation = l.incarnation
            AND r.partition = l.partition AND r.record_offset = l.record_offset)
    UNION ALL
    SELECT again.amount, again.occurred_at
    FROM spend_refusal f
    JOIN spend_log l ON l.brand_id = c.brand_id AND l.event_id = f.event_id AND l.incarnation = f.incarnation
        AND l.partition = f.partition AND l.record_offset = f.record_offset
    CROSS JOIN LATERAL (
        SELECT it.campaign_id, it.amount, it.occurred_at FROM spend_repeat it
        WHERE it.brand_id = f.brand_id AND it.event_id = f.event_id AND NOT EXISTS (
            SELECT FROM spend_refusal r
            WHERE r.incarnation = it.incarnation AND r.partition = it.partition AND r.record_offset = it.record_offset)
        ORDER BY it.incarnation, it.partition, it.record_offset LIMIT 1) again
    WHERE f.brand_id = c.brand_id AND again.campaign_id = c.campaign_id
      AND again.occurred_at > c.decided_at AND again.occurred_at <= {until}
"""

_FIND: Final = text(
    f"""
    SELECT a.command_id, a.consumer, a.outcome, c.decided_at, a.applied_at,
        CASE WHEN c.action = 'pause' AND a.outcome = 'applied' THEN
            (SELECT coalesce(sum(it.amount), 0) FROM ({_SPENT_UP_TO.format(until="a.applied_at")}) it)
        END AS spent, a.detail
    FROM control_log c JOIN control_ack a ON a.command_id = c.command_id
    WHERE c.command_id = ANY(:command_ids)
    ORDER BY a.command_id, a.applied_at, a.consumer, a.outcome LIMIT :at_once
    """  # noqa: S608
).bindparams(bindparam("command_ids", type_=ARRAY(String)))
_SPENT_AFTER: Final = text(
    f"""
    SELECT s.spent, s.events, s.last_occurred_at, following.decided_at AS ended_at
    FROM control_log c
    LEFT JOIN LATERAL (
        SELECT n.decided_at FROM control_log n
        WHERE n.campaign_id = c.campaign_id AND (n.epoch, n.sequence) > (c.epoch, c.sequence)
        ORDER BY n.epoch, n.sequence LIMIT 1) following ON true
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(it.amount), 0) AS spent, count(*) AS events, max(it.occurred_at) AS last_occurred_at
        FROM ({_SPENT_UP_TO.format(until="coalesce(following.decided_at, '9999-12-01 UTC')")}) it) s
    WHERE c.command_id = :command_id AND c.action = 'pause'
    """  # noqa: S608
).columns(
    column("spent", MoneyColumn),
    column("events"),
    column("last_occurred_at", MomentColumn),
    column("ended_at", MomentColumn),
)
_FOUND: Final = _FIND.columns(
    column("command_id"),
    column("consumer"),
    column("outcome"),
    column("decided_at", MomentColumn),
    column("applied_at", MomentColumn),
    column("spent", MoneyColumn),
    column("detail"),
)


def acknowledgements(session: Session, command_ids: Collection[str]) -> Mapping[str, list[Acknowledged]]:
    """The acknowledgements of those commands that the journal has, in the order in which they were applied; at most
    1,000."""
    found: defaultdict[str, list[Acknowledged]] = defaultdict(list)
    if command_ids:
        for row in session.execute(_FOUND, {"command_ids": list(command_ids), "at_once": _AT_ONCE}):
            found[row[0]].append(Acknowledged(*row))
    return found


def spent_after(session: Session, command_id: str) -> SpentAfter | None:
    """What was spent after a pause; None of what is no pause, or not in the journal."""
    row = session.execute(_SPENT_AFTER, {"command_id": command_id}).one_or_none()
    return None if row is None else SpentAfter(*row)
