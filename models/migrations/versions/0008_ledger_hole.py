"""What Kafka had removed before the ledger read it."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "ledger_hole",
        sa.Column("incarnation", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("from_offset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("to_offset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("found_at", _MOMENT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("accepted_at", _MOMENT, nullable=True),
        sa.Column("accepted_by", sa.String(), nullable=True),
        sa.CheckConstraint("from_offset < to_offset", name=op.f("ck_ledger_hole_it_is_not_empty")),
        sa.CheckConstraint(
            "(accepted_at IS NULL) = (accepted_by IS NULL)", name=op.f("ck_ledger_hole_who_accepts_is_named")
        ),
        sa.PrimaryKeyConstraint("incarnation", "partition", "from_offset", "to_offset", name=op.f("pk_ledger_hole")),
    )


def downgrade() -> None:
    op.drop_table("ledger_hole")
