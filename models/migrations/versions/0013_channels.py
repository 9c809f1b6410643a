"""Where alerts and commands are delivered to, what became of each delivery, and how far the notifier has read."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_NAME = "name ~ '^[a-z0-9._@-]{1,64}$'"
_TEXTS = postgresql.ARRAY(sa.String())
_KINDS = "ck_account_change_kind_is_user_or_token"
_MORE_KINDS = "ck_account_change_kind_is_user_token_or_channel"


def upgrade() -> None:
    _create_channel()
    _create_delivery()
    op.create_table(
        "notifier_position",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("topic_id", sa.String(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "topic_id", "partition", name=op.f("pk_notifier_position")),
    )
    _replace_kinds(_KINDS, _MORE_KINDS, "kind IN ('user', 'token', 'channel')")


def downgrade() -> None:
    # The history of channels stays, so this holds for new rows alone.
    _replace_kinds(_MORE_KINDS, _KINDS, "kind IN ('user', 'token')", not_valid=True)
    op.drop_table("notifier_position")
    op.drop_table("delivery")
    op.drop_table("channel")


def _create_channel() -> None:
    op.create_table(
        "channel",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("shown_address", sa.String(), nullable=False),
        sa.Column("secret", sa.String(), nullable=True),
        sa.Column("alert_kinds", _TEXTS, nullable=False),
        sa.Column("severities", _TEXTS, nullable=False),
        sa.Column("brand_ids", _TEXTS, nullable=False),
        sa.Column("commands", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("paused", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", _MOMENT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("resumed_at", _MOMENT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("removed_at", _MOMENT, nullable=True),
        sa.CheckConstraint(_NAME, name=op.f("ck_channel_name_is_1_to_64_of_a-z_0-9_._@_-")),
        sa.CheckConstraint("kind IN ('webhook', 'message')", name=op.f("ck_channel_kind_is_webhook_or_message")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_channel")),
    )


def _create_delivery() -> None:
    op.create_table(
        "delivery",
        sa.Column("delivery_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("brand_id", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'waiting'"), nullable=False),
        sa.Column("created_at", _MOMENT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_attempt_at", _MOMENT, nullable=True),
        sa.Column("finished_at", _MOMENT, nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.CheckConstraint(
            "source IN ('alert', 'command', 'test')", name=op.f("ck_delivery_source_is_alert_command_or_test")
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'delivered', 'given_up', 'dropped')",
            name=op.f("ck_delivery_state_is_waiting_delivered_given_up_or_dropped"),
        ),
        sa.ForeignKeyConstraint(["channel"], ["channel.name"], name=op.f("fk_delivery_channel"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("channel", "message_id", name=op.f("uq_delivery_channel_message_id")),
    )
    op.create_index(
        "ix_delivery_waiting",
        "delivery",
        ["channel", "brand_id", "delivery_id"],
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index("ix_delivery_finished_at", "delivery", ["finished_at"])


def _replace_kinds(old: str, new: str, condition: str, *, not_valid: bool = False) -> None:
    op.drop_constraint(op.f(old), "account_change", type_="check")
    op.create_check_constraint(op.f(new), "account_change", condition, postgresql_not_valid=not_valid)
