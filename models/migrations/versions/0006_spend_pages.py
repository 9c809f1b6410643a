"""Indexes in the order in which spend is read: by booked day and arrival, of a brand, of a campaign and of all.

A page of "this brand, this day" or "this campaign, this month" is then the end of an index, whatever lies before it,
and the sums of both are those of an index alone; a month is a range of days. They take the place of indexes that
ended with the day or the month, so that an insert has one index more to keep, which grows at its end.

The half of spend_counted that looks for later records of refused ones is told by the refusals' own brand and event, so
that a filter reaches their index: the planner does not carry it through a subquery that picks one record.

Making the indexes of a large table takes minutes, in which the ledger waits and loses nothing.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_FIRST = """
CREATE OR REPLACE VIEW spend_counted AS
SELECT log.brand_id, log.event_id, log.campaign_id, log.amount, log.currency, log.occurred_at, log.booked_day,
       log.booked_month, log.arrived_at, t.topic, log.partition, log.record_offset, log.attributes, log.incarnation
FROM spend_log log
LEFT JOIN topic_incarnation t USING (incarnation)
WHERE NOT EXISTS (
    SELECT FROM spend_refusal r
    WHERE r.brand_id = log.brand_id AND r.event_id = log.event_id AND r.incarnation = log.incarnation
      AND r.partition = log.partition AND r.record_offset = log.record_offset)
UNION ALL
"""

_AGAIN = """
SELECT refused.brand_id, refused.event_id, again.campaign_id, again.amount, again.currency, again.occurred_at,
       again.booked_day, again.booked_month, again.arrived_at, t.topic, again.partition, again.record_offset,
       again.attributes, again.incarnation
FROM spend_refusal refused
CROSS JOIN LATERAL (
    SELECT it.* FROM spend_repeat it
    WHERE it.brand_id = refused.brand_id AND it.event_id = refused.event_id
      AND NOT EXISTS (
        SELECT FROM spend_refusal r
        WHERE r.incarnation = it.incarnation AND r.partition = it.partition AND r.record_offset = it.record_offset)
    ORDER BY it.incarnation, it.partition, it.record_offset LIMIT 1) again
CROSS JOIN LATERAL (
    SELECT FROM spend_log log
    WHERE log.brand_id = refused.brand_id AND log.event_id = refused.event_id
      AND log.incarnation = refused.incarnation AND log.partition = refused.partition
      AND log.record_offset = refused.record_offset LIMIT 1) first
LEFT JOIN topic_incarnation t ON t.incarnation = again.incarnation
"""

#: As revision 0003 made it.
_AGAIN_BEFORE = """
SELECT again.brand_id, again.event_id, again.campaign_id, again.amount, again.currency, again.occurred_at,
       again.booked_day, again.booked_month, again.arrived_at, t.topic, again.partition, again.record_offset,
       again.attributes, again.incarnation
FROM spend_refusal refused
JOIN spend_log log ON log.brand_id = refused.brand_id AND log.event_id = refused.event_id
    AND log.incarnation = refused.incarnation AND log.partition = refused.partition
    AND log.record_offset = refused.record_offset
CROSS JOIN LATERAL (
    SELECT it.* FROM spend_repeat it
    WHERE it.brand_id = log.brand_id AND it.event_id = log.event_id
      AND NOT EXISTS (
        SELECT FROM spend_refusal r
        WHERE r.incarnation = it.incarnation AND r.partition = it.partition AND r.record_offset = it.record_offset)
    ORDER BY it.incarnation, it.partition, it.record_offset LIMIT 1) again
LEFT JOIN topic_incarnation t ON t.incarnation = again.incarnation
"""


def upgrade() -> None:
    op.drop_index("ix_spend_log_campaign_month", "spend_log")
    op.drop_index("ix_spend_log_brand_day", "spend_log")
    op.create_index(
        "ix_spend_log_brand_day",
        "spend_log",
        ["brand_id", "booked_day", "arrived_at"],
        postgresql_include=["campaign_id", "amount", "occurred_at", "incarnation", "record_offset"],
    )
    op.create_index(
        "ix_spend_log_campaign_day",
        "spend_log",
        ["campaign_id", "booked_day", "arrived_at"],
        postgresql_include=["amount", "incarnation", "record_offset"],
    )
    op.create_index("ix_spend_log_day", "spend_log", ["booked_day", "arrived_at"])
    op.execute(_FIRST + _AGAIN)


def downgrade() -> None:
    op.execute(_FIRST + _AGAIN_BEFORE)
    op.drop_index("ix_spend_log_day", "spend_log")
    op.drop_index("ix_spend_log_campaign_day", "spend_log")
    op.drop_index("ix_spend_log_brand_day", "spend_log")
    op.create_index(
        "ix_spend_log_brand_day",
        "spend_log",
        ["brand_id", "booked_day"],
        postgresql_include=["campaign_id", "amount"],
    )
    op.create_index(
        "ix_spend_log_campaign_month", "spend_log", ["campaign_id", "booked_month"], postgresql_include=["amount"]
    )
