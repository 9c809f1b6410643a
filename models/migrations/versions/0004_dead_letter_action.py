"""What became of dead letters: who replayed or dropped which, when and why."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "dead_letter_action",
        sa.Column("action_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("topic_id", sa.Uuid(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("record_offset", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("brand_id", sa.String(), nullable=True),
        sa.Column("event_id", sa.String(), nullable=True),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("acted_at", _MOMENT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("because", sa.String(), server_default="", nullable=False),
        sa.Column("copy_topic", sa.String(), nullable=True),
        sa.Column("copy_partition", sa.Integer(), nullable=True),
        sa.Column("copy_offset", sa.BigInteger(), nullable=True),
        *_checks(),
        sa.PrimaryKeyConstraint("action_id", name=op.f("pk_dead_letter_action")),
    )
    op.create_index(
        "ix_dead_letter_action_letter",
        "dead_letter_action",
        ["topic_id", "partition", "record_offset", "action_id"],
    )
    op.execute(
        "CREATE TRIGGER dead_letter_action_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON dead_letter_action "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_kept_rows()"
    )


def downgrade() -> None:
    op.drop_table("dead_letter_action")


def _checks() -> list[sa.CheckConstraint]:
    checks = {
        "action_is_replayed_or_dropped": "action IN ('replayed', 'dropped')",
        "actor_is_1_to_200_characters": "actor <> '' AND length(actor) <= 200",
        "because_is_up_to_1000_characters": "length(because) <= 1000",
        "who_drops_says_why": "action <> 'dropped' OR because <> ''",
        "a_replay_has_its_copy": (
            "num_nulls(copy_topic, copy_partition, copy_offset) = CASE action WHEN 'replayed' THEN 0 ELSE 3 END"
        ),
    }
    return [sa.CheckConstraint(sql, name=op.f(f"ck_dead_letter_action_{name}")) for name, sql in checks.items()]
