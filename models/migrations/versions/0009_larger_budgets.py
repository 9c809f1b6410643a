"""Budgets below 10^12, as large as a spend may be and as the columns hold: a month in rupiah or dong must fit."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_BUDGETS = (
    ("brand", "daily_budget"),
    ("brand", "monthly_budget"),
    ("campaign", "daily_budget"),
    ("campaign", "total_budget"),
)


def upgrade() -> None:
    for table, column in _BUDGETS:
        op.drop_constraint(op.f(f"ck_{table}_{column}_is_0_to_1000000000"), table)
        op.create_check_constraint(
            op.f(f"ck_{table}_{column}_is_0_or_more_and_below_1000000000000"),
            table,
            f"{column} >= 0 AND {column} < 1000000000000",
        )


def downgrade() -> None:
    for table, column in _BUDGETS:
        op.drop_constraint(op.f(f"ck_{table}_{column}_is_0_or_more_and_below_1000000000000"), table)
        op.create_check_constraint(
            op.f(f"ck_{table}_{column}_is_0_to_1000000000"), table, f"{column} BETWEEN 0 AND 1000000000"
        )
