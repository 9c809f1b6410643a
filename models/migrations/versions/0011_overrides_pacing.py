"""Budgets for certain dates, of brand and campaign, and a brand's pacing."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_OVERRIDES = "budget_overrides_is_a_list_of_at_most_100"


def upgrade() -> None:
    for table in ("brand", "campaign"):
        op.add_column(table, sa.Column("budget_overrides", JSONB(), server_default=sa.text("'[]'"), nullable=False))
        op.create_check_constraint(
            op.f(f"ck_{table}_{_OVERRIDES}"),
            table,
            "CASE jsonb_typeof(budget_overrides) WHEN 'array' THEN jsonb_array_length(budget_overrides) <= 100 "
            "ELSE false END",
        )
    op.add_column("brand", sa.Column("pacing", sa.String(), server_default="none", nullable=False))
    op.create_check_constraint(op.f("ck_brand_pacing_is_none_or_even"), "brand", "pacing IN ('none', 'even')")
    op.create_check_constraint(
        op.f("ck_brand_pacing_even_needs_a_monthly_budget"), "brand", "pacing <> 'even' OR monthly_budget IS NOT NULL"
    )


def downgrade() -> None:
    op.drop_column("brand", "pacing")
    for table in ("brand", "campaign"):
        op.drop_column(table, "budget_overrides")
