"""Views of the console's overview that users have saved, each its own."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "saved_view",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("query", sa.String(), nullable=False),
        sa.CheckConstraint(
            "length(title) BETWEEN 1 AND 60 AND title !~ '[[:cntrl:]]'",
            name=op.f("ck_saved_view_title_is_1_to_60_characters"),
        ),
        sa.CheckConstraint("length(query) <= 1000", name=op.f("ck_saved_view_query_is_up_to_1000_characters")),
        sa.ForeignKeyConstraint(["name"], ["account.name"], name=op.f("fk_saved_view_name"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("name", "title", name=op.f("pk_saved_view")),
    )


def downgrade() -> None:
    op.drop_table("saved_view")
