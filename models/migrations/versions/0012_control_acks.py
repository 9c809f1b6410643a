"""What consumers of commands say became of them."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "control_ack",
        sa.Column("command_id", sa.String(), nullable=False),
        sa.Column("consumer", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("campaign_id", sa.String(), nullable=False),
        sa.Column("applied_at", _MOMENT, nullable=False),
        sa.Column("detail", sa.String(), nullable=True),
        sa.Column("arrived_at", _MOMENT, nullable=False),
        sa.Column("incarnation", sa.SmallInteger(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("record_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("command_id", "consumer", "outcome", name=op.f("pk_control_ack")),
    )
    op.execute(
        "CREATE TRIGGER control_ack_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON control_ack "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_kept_rows()"
    )


def downgrade() -> None:
    op.drop_table("control_ack")
