"""Who may use the console: accounts, sessions, tokens, their history, and how often a sign-in may be tried."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_NAME = "name ~ '^[a-z0-9._@-]{1,64}$'"
_ROLE = "role IN ('viewer', 'operator', 'admin')"


def upgrade() -> None:
    _create_account()
    _create_web_session()
    _create_access_token()
    _create_account_change()
    _create_sign_in_allowance()
    op.execute(
        "CREATE TRIGGER account_change_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON account_change "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_kept_rows()"
    )


def downgrade() -> None:
    op.drop_table("sign_in_allowance")
    op.drop_table("account_change")
    op.drop_table("access_token")
    op.drop_table("web_session")
    op.drop_table("account")


def _create_account() -> None:
    op.create_table(
        "account",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        _now("created_at"),
        sa.CheckConstraint(_NAME, name=op.f("ck_account_name_is_1_to_64_of_a-z_0-9_._@_-")),
        sa.CheckConstraint(_ROLE, name=op.f("ck_account_role_is_viewer_operator_or_admin")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_account")),
    )


def _create_web_session() -> None:
    op.create_table(
        "web_session",
        sa.Column("session_hash", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        _now("created_at"),
        _now("seen_at"),
        sa.ForeignKeyConstraint(["name"], ["account.name"], name=op.f("fk_web_session_name"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("session_hash", name=op.f("pk_web_session")),
    )
    op.create_index("ix_web_session_name", "web_session", ["name"])


def _create_access_token() -> None:
    op.create_table(
        "access_token",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        _now("created_at"),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("revoked_at", _MOMENT, nullable=True),
        sa.CheckConstraint(_NAME, name=op.f("ck_access_token_name_is_1_to_64_of_a-z_0-9_._@_-")),
        sa.CheckConstraint(_ROLE, name=op.f("ck_access_token_role_is_viewer_operator_or_admin")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_access_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_access_token_token_hash")),
    )


def _create_account_change() -> None:
    op.create_table(
        "account_change",
        sa.Column("change_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        _now("changed_at"),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("fields", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("kind IN ('user', 'token')", name=op.f("ck_account_change_kind_is_user_or_token")),
        sa.CheckConstraint(
            "actor <> '' AND length(actor) <= 200", name=op.f("ck_account_change_actor_is_1_to_200_characters")
        ),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_account_change")),
    )
    op.create_index("ix_account_change_name_change_id", "account_change", ["name", "change_id"])


def _create_sign_in_allowance() -> None:
    op.create_table(
        "sign_in_allowance",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("attempts", sa.Double(), nullable=False),
        _now("counted_at"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sign_in_allowance")),
    )
    op.create_index("ix_sign_in_allowance_counted_at", "sign_in_allowance", ["counted_at"])


def _now(name: str) -> sa.Column[object]:
    return sa.Column(name, _MOMENT, server_default=sa.text("clock_timestamp()"), nullable=False)
