"""The ledger: every spend once, what was refused of it, and every command.

How the unique key and partitioning meet: PostgreSQL keeps a unique key of a partitioned table only when the key holds
the partition key. The key (brand_id, event_id) has to hold over all time, so the table cannot be partitioned by day;
it is partitioned by a hash of brand_id. Each of the 16 parts has its own, smaller indexes, "this brand, this day"
touches one of them, and the insert of an event looks in one. The price: old months cannot be dropped as partitions,
which a system of record does not want to do anyway.

Rows are never updated. That a row was refused stands in spend_refusal by the record's position in Kafka, and records
of an id that spend_log already has go to spend_repeat, so that it does not matter in which order spend and dead letters
are read. The view spend_counted is what the controller counts: of each event the first record that was not refused.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_PARTITION_COUNT = 16

#: The sums of both halves are those of indexes: refusals are few.
_COUNTED = """
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
    _create_spend_log()
    _create_spend_repeat()
    _create_spend_refusal()
    _create_spend_unbooked()
    _create_control_log()
    op.execute(_COUNTED)
    # A trigger of the whole table does not see a statement that names a part of it.
    for table in ("spend_log", *_partitions(), "spend_repeat", "spend_refusal", "control_log"):
        op.execute(
            f"CREATE TRIGGER {table}_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_kept_rows()"
        )


def downgrade() -> None:
    op.execute("DROP VIEW spend_counted")
    op.drop_table("control_log")
    op.drop_table("spend_unbooked")
    op.drop_table("spend_refusal")
    op.drop_table("spend_repeat")
    op.drop_table("spend_log")


def _partitions() -> list[str]:
    return [f"spend_log_{number:02d}" for number in range(_PARTITION_COUNT)]


def _create_spend_log() -> None:
    op.create_table(
        "spend_log",
        *_spend_columns(),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_spend_log_amount_is_not_zero")),
        sa.PrimaryKeyConstraint("brand_id", "event_id", name=op.f("pk_spend_log")),
        postgresql_partition_by="HASH (brand_id)",
    )
    for number, name in enumerate(_partitions()):
        op.execute(
            f"CREATE TABLE {name} PARTITION OF spend_log "
            f"FOR VALUES WITH (MODULUS {_PARTITION_COUNT}, REMAINDER {number})"
        )
    op.create_index(
        "ix_spend_log_brand_day",
        "spend_log",
        ["brand_id", "booked_day"],
        postgresql_include=["campaign_id", "amount"],
    )
    op.create_index(
        "ix_spend_log_campaign_month", "spend_log", ["campaign_id", "booked_month"], postgresql_include=["amount"]
    )


def _create_spend_repeat() -> None:
    op.create_table(
        "spend_repeat",
        *_spend_columns(),
        sa.PrimaryKeyConstraint("topic", "partition", "record_offset", name=op.f("pk_spend_repeat")),
    )
    op.create_index("ix_spend_repeat_event", "spend_repeat", ["brand_id", "event_id"])


def _spend_columns() -> list[sa.Column[object]]:
    """The same in both, in the same order: staged rows go to either."""
    return [
        sa.Column("brand_id", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("campaign_id", sa.String(), nullable=False),
        sa.Column("amount", sa.Numeric(18, 6), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("occurred_at", _MOMENT, nullable=False),
        sa.Column("booked_day", sa.Date(), nullable=False),
        sa.Column("booked_month", sa.Date(), nullable=False),
        sa.Column("arrived_at", _MOMENT, nullable=False),
        *_position(),
        sa.Column("attributes", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    ]


def _create_spend_refusal() -> None:
    op.create_table(
        "spend_refusal",
        *_position(),
        sa.Column("brand_id", sa.String(), nullable=True),
        sa.Column("event_id", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("refused_at", _MOMENT, nullable=False),
        sa.Column("letter_partition", sa.Integer(), nullable=False),
        sa.Column("letter_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", "record_offset", name=op.f("pk_spend_refusal")),
    )
    op.create_index("ix_spend_refusal_event", "spend_refusal", ["brand_id", "event_id"])


def _create_spend_unbooked() -> None:
    op.create_table(
        "spend_unbooked",
        *_position(),
        sa.Column("brand_id", sa.String(), nullable=False),
        sa.Column("arrived_at", _MOMENT, nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", "record_offset", name=op.f("pk_spend_unbooked")),
    )
    op.create_index("ix_spend_unbooked_brand_id", "spend_unbooked", ["brand_id"])


def _create_control_log() -> None:
    op.create_table(
        "control_log",
        sa.Column("command_id", sa.String(), nullable=False),
        sa.Column("campaign_id", sa.String(), nullable=False),
        sa.Column("brand_id", sa.String(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("reasons", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("decided_at", _MOMENT, nullable=False),
        sa.Column("message", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        *_position(),
        sa.PrimaryKeyConstraint("command_id", name=op.f("pk_control_log")),
    )
    op.create_index("ix_control_log_campaign", "control_log", ["campaign_id", "epoch", "sequence"])
    op.create_index("ix_control_log_brand", "control_log", ["brand_id", "decided_at"])
    op.create_index("ix_control_log_decided_at", "control_log", ["decided_at"])


def _position() -> list[sa.Column[object]]:
    return [
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("record_offset", sa.BigInteger(), autoincrement=False, nullable=False),
    ]
