"""The journal of replays from the ledger."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_JSON = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    op.create_table(
        "replay_run",
        sa.Column("replay_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("begun_at", _MOMENT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("topic_ids", _JSON, nullable=False),
        sa.Column("catalog_topic_id", sa.String(), nullable=False),
        sa.Column("since_at", _MOMENT, nullable=True),
        sa.Column("left_out", _JSON, nullable=False),
        sa.Column("first_arrived_at", _MOMENT, nullable=True),
        sa.Column("last_arrived_at", _MOMENT, nullable=True),
        sa.Column("spend_before", sa.BigInteger(), nullable=False),
        sa.Column("spend_count", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", _MOMENT, nullable=True),
        sa.Column("sent", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("sent_up_to", _JSON, nullable=True),
        sa.Column("filled_at", _MOMENT, nullable=True),
        sa.Column("filled_to", _JSON, nullable=True),
        sa.Column("finished_at", _MOMENT, nullable=True),
        sa.CheckConstraint("sent >= 0", name=op.f("ck_replay_run_sent_is_not_negative")),
        sa.CheckConstraint(
            "finished_at IS NULL OR filled_at IS NOT NULL",
            name=op.f("ck_replay_run_only_what_is_filled_is_finished"),
        ),
        sa.PrimaryKeyConstraint("replay_id", name=op.f("pk_replay_run")),
        sa.UniqueConstraint("catalog_topic_id", name=op.f("uq_replay_run_catalog_topic_id")),
    )


def downgrade() -> None:
    op.drop_table("replay_run")
