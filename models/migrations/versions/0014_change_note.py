"""Why an edit was made, in the words of whoever made it."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("change", sa.Column("note", sa.String(), nullable=True))
    op.create_check_constraint(
        op.f("ck_change_note_is_1_to_500_characters"), "change", "note <> '' AND length(note) <= 500"
    )


def downgrade() -> None:
    op.drop_column("change", "note")
