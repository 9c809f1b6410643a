"""Of which percentages of its budgets a brand is alerted, and after how long without spend."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_PERCENTS = (
    "cardinality(alert_percents) <= 10 AND array_position(alert_percents, NULL) IS NULL"
    " AND 1 <= ALL (alert_percents) AND 1000 >= ALL (alert_percents)"
)
#: A comparison with one that is not there is neither true nor false, and so lets the row pass.
_RISING = " AND ".join(f"alert_percents[{n}] < alert_percents[{n + 1}]" for n in range(1, 10))


def upgrade() -> None:
    op.add_column("brand", sa.Column("alert_percents", postgresql.ARRAY(sa.SmallInteger()), nullable=True))
    op.add_column("brand", sa.Column("silent_after_minutes", sa.Integer(), nullable=True))
    op.create_check_constraint(op.f("ck_brand_alert_percents_are_up_to_10_of_1_to_1000"), "brand", _PERCENTS)
    op.create_check_constraint(op.f("ck_brand_alert_percents_rise"), "brand", _RISING)
    op.create_check_constraint(
        op.f("ck_brand_silent_after_minutes_is_5_to_10080"), "brand", "silent_after_minutes BETWEEN 5 AND 10080"
    )


def downgrade() -> None:
    op.drop_column("brand", "silent_after_minutes")
    op.drop_column("brand", "alert_percents")
