"""Which topic of a name a ledger row came from, how far each was read, corrections, and the runs of reconcile.

A broker that was rebuilt, or a topic that was made anew, has the old names and counts its offsets from zero again. So
a position of the ledger names the topic's incarnation, a small number that stands for Kafka's own id of the topic;
rows of before belong to one first incarnation of each name, whose id the ledger fills in when it sees the topic.

The type of the column is changed, which rewrites a table once and fires none of its triggers. Going down, the newest
incarnation has the name alone, and older ones are told apart as `name@id`, which no topic can be called; going up
again reads that back.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_TABLES = ("spend_log", "spend_repeat", "spend_refusal", "spend_unbooked")

_INCARNATIONS = """
INSERT INTO topic_incarnation (topic, topic_id)
SELECT split_part(topic, '@', 1), NULLIF(split_part(topic, '@', 2), '')::uuid
FROM (SELECT topic FROM spend_log UNION SELECT topic FROM spend_repeat
      UNION SELECT topic FROM spend_refusal UNION SELECT topic FROM spend_unbooked) told
ORDER BY topic NOT LIKE '%@%', topic
"""

_NUMBER_OF = """
CREATE FUNCTION incarnation_of(told varchar) RETURNS smallint LANGUAGE sql STABLE STRICT AS $$
    SELECT incarnation FROM topic_incarnation
    WHERE topic = split_part(told, '@', 1) AND topic_id IS NOT DISTINCT FROM NULLIF(split_part(told, '@', 2), '')::uuid
$$
"""

_NAME_OF = """
CREATE FUNCTION topic_of(number smallint) RETURNS varchar LANGUAGE sql STABLE STRICT AS $$
    SELECT CASE WHEN EXISTS (SELECT FROM topic_incarnation l WHERE l.topic = t.topic AND l.incarnation > t.incarnation)
                THEN t.topic || '@' || COALESCE(t.topic_id, '00000000-0000-0000-0000-000000000000') ELSE t.topic END
    FROM topic_incarnation t WHERE t.incarnation = number
$$
"""

#: What is joined for its name alone is left out by the planner where nobody asks for the name.
_COUNTED = """
CREATE VIEW spend_counted AS
SELECT log.brand_id, log.event_id, log.campaign_id, log.amount, log.currency, log.occurred_at, log.booked_day,
       log.booked_month, log.arrived_at, t.topic, log.partition, log.record_offset, log.attributes, log.incarnation
FROM spend_log log
LEFT JOIN topic_incarnation t USING (incarnation)
WHERE NOT EXISTS (
    SELECT FROM spend_refusal r
    WHERE r.brand_id = log.brand_id AND r.event_id = log.event_id AND r.incarnation = log.incarnation
      AND r.partition = log.partition AND r.record_offset = log.record_offset)
UNION ALL
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

#: As revision 0002 made it.
_COUNTED_BY_NAME = """
CREATE VIEW spend_counted AS
SELECT log.brand_id, log.event_id, log.campaign_id, log.amount, log.currency, log.occurred_at, log.booked_day,
       log.booked_month, log.arrived_at, log.topic, log.partition, log.record_offset, log.attributes
FROM spend_log log
WHERE NOT EXISTS (
    SELECT FROM spend_refusal r
    WHERE r.brand_id = log.brand_id AND r.event_id = log.event_id
      AND r.topic = log.topic AND r.partition = log.partition AND r.record_offset = log.record_offset)
UNION ALL
SELECT again.brand_id, again.event_id, again.campaign_id, again.amount, again.currency, again.occurred_at,
       again.booked_day, again.booked_month, again.arrived_at, again.topic, again.partition, again.record_offset,
       again.attributes
FROM spend_refusal refused
JOIN spend_log log ON log.brand_id = refused.brand_id AND log.event_id = refused.event_id
    AND log.topic = refused.topic AND log.partition = refused.partition AND log.record_offset = refused.record_offset
CROSS JOIN LATERAL (
    SELECT it.* FROM spend_repeat it
    WHERE it.brand_id = log.brand_id AND it.event_id = log.event_id
      AND NOT EXISTS (
        SELECT FROM spend_refusal r
        WHERE r.topic = it.topic AND r.partition = it.partition AND r.record_offset = it.record_offset)
    ORDER BY it.topic, it.partition, it.record_offset LIMIT 1) again
"""


def upgrade() -> None:
    _create_topic_incarnation()
    _create_ledger_position()
    _create_spend_correction()
    _create_reconcile_run()
    _number_the_rows()
    op.execute(
        "CREATE TRIGGER topic_incarnation_is_kept BEFORE DELETE OR TRUNCATE ON topic_incarnation "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_kept_rows()"
    )
    for table in ("spend_correction", "reconcile_run"):
        op.execute(
            f"CREATE TRIGGER {table}_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_kept_rows()"
        )


def downgrade() -> None:
    _name_the_rows()
    op.drop_table("reconcile_run")
    op.drop_table("spend_correction")
    op.drop_table("ledger_position")
    op.drop_table("topic_incarnation")


def _number_the_rows() -> None:
    op.execute("DROP VIEW spend_counted")
    op.execute(_INCARNATIONS)
    op.execute(_NUMBER_OF)
    for table in _TABLES:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN topic TYPE smallint USING incarnation_of(topic)")
        op.execute(f"ALTER TABLE {table} RENAME COLUMN topic TO incarnation")
    op.execute("DROP FUNCTION incarnation_of")
    op.execute(_COUNTED)


def _name_the_rows() -> None:
    op.execute("DROP VIEW spend_counted")
    op.execute(_NAME_OF)
    for table in _TABLES:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN incarnation TO topic")
        op.execute(f"ALTER TABLE {table} ALTER COLUMN topic TYPE varchar USING topic_of(topic)")
    op.execute("DROP FUNCTION topic_of")
    op.execute(_COUNTED_BY_NAME)


def _create_topic_incarnation() -> None:
    op.create_table(
        "topic_incarnation",
        sa.Column("incarnation", sa.SmallInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("topic_id", sa.Uuid(), nullable=True),
        sa.Column("first_seen_at", _MOMENT, server_default=sa.func.clock_timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("incarnation", name=op.f("pk_topic_incarnation")),
        sa.UniqueConstraint(
            "topic", "topic_id", name=op.f("uq_topic_incarnation_topic_topic_id"), postgresql_nulls_not_distinct=True
        ),
    )


def _create_ledger_position() -> None:
    op.create_table(
        "ledger_position",
        sa.Column("incarnation", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("incarnation", "partition", name=op.f("pk_ledger_position")),
    )


def _create_spend_correction() -> None:
    op.create_table(
        "spend_correction",
        sa.Column("incarnation", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("record_offset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("correction_id", sa.String(), nullable=False),
        sa.Column("brand_id", sa.String(), nullable=False),
        sa.Column("campaign_id", sa.String(), nullable=False),
        sa.Column("amount", sa.Numeric(18, 6), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("opening", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("arrived_at", _MOMENT, nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("incarnation", "partition", "record_offset", name=op.f("pk_spend_correction")),
    )
    op.create_index("ix_spend_correction_brand", "spend_correction", ["brand_id", "arrived_at"])


def _create_reconcile_run() -> None:
    op.create_table(
        "reconcile_run",
        sa.Column("run_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("finished_at", _MOMENT, nullable=False),
        sa.Column("started_by", sa.String(), nullable=False),
        sa.Column("brand_id", sa.String(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("brands", sa.Integer(), nullable=False),
        sa.Column("campaigns", sa.Integer(), nullable=False),
        sa.Column("positions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("differences", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('agrees', 'differs', 'failed')", name=op.f("ck_reconcile_run_outcome_is_one_of_three")
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_reconcile_run")),
    )
