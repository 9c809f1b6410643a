"""Users with passwords, tokens of programs, their sessions and their change history."""

from sqlalchemy import BigInteger, CheckConstraint, Double, ForeignKey, Identity, Index, LargeBinary, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base
from models.tables.catalog_change import Json
from models.tables.types import MomentColumn

__all__ = ["ACCESS_CHANNEL", "AccessToken", "Account", "AccountChange", "SignInAllowance", "WebSession"]

#: PostgreSQL's channel of changes of accounts, sessions and tokens; listeners drop what they have cached.
ACCESS_CHANNEL = "spendgate_access"

_NAME_PATTERN = "^[a-z0-9._@-]{1,64}$"
_ROLES = "role IN ('viewer', 'operator', 'admin')"


class Account(Base):
    """A user. Of the password the argon2 hash is stored."""

    __tablename__ = "account"
    __table_args__ = (
        CheckConstraint(f"name ~ '{_NAME_PATTERN}'", "name_is_1_to_64_of_a-z_0-9_._@_-"),
        CheckConstraint(_ROLES, "role_is_viewer_operator_or_admin"),
    )

    name: Mapped[str] = mapped_column(primary_key=True)
    password_hash: Mapped[str]
    role: Mapped[str]
    enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[int] = mapped_column(MomentColumn, server_default=func.clock_timestamp())


class WebSession(Base):
    """The session of a browser. Of the cookie's value the hash is stored; signing out deletes the row."""

    __tablename__ = "web_session"

    session_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    name: Mapped[str] = mapped_column(ForeignKey("account.name", ondelete="RESTRICT"), index=True)
    created_at: Mapped[int] = mapped_column(MomentColumn, server_default=func.clock_timestamp())
    seen_at: Mapped[int] = mapped_column(MomentColumn, server_default=func.clock_timestamp())


class AccessToken(Base):
    """The token of a program. A revoked one stays, so that the history can name it."""

    __tablename__ = "access_token"
    __table_args__ = (
        CheckConstraint(f"name ~ '{_NAME_PATTERN}'", "name_is_1_to_64_of_a-z_0-9_._@_-"),
        CheckConstraint(_ROLES, "role_is_viewer_operator_or_admin"),
    )

    name: Mapped[str] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    role: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[int] = mapped_column(MomentColumn, server_default=func.clock_timestamp())
    expires_at: Mapped[int] = mapped_column(MomentColumn)
    revoked_at: Mapped[int | None] = mapped_column(MomentColumn)


class AccountChange(Base):
    """One change of an account, a token or a channel: who, when, from what, to what. Secrets are named, without their
    values."""

    __tablename__ = "account_change"
    __table_args__ = (
        CheckConstraint("kind IN ('user', 'token', 'channel')", "kind_is_user_token_or_channel"),
        CheckConstraint("actor <> '' AND length(actor) <= 200", "actor_is_1_to_200_characters"),
        Index("ix_account_change_name_change_id", "name", "change_id"),
    )

    change_id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    changed_at: Mapped[int] = mapped_column(MomentColumn, server_default=func.clock_timestamp())
    actor: Mapped[str]
    kind: Mapped[str]
    name: Mapped[str]
    fields: Mapped[dict[str, dict[str, Json]]] = mapped_column(JSONB)


class SignInAllowance(Base):
    """The attempts that a name or an address has left; the number grows with time."""

    __tablename__ = "sign_in_allowance"

    key: Mapped[str] = mapped_column(primary_key=True)
    attempts: Mapped[float] = mapped_column(Double)
    counted_at: Mapped[int] = mapped_column(MomentColumn, server_default=func.clock_timestamp(), index=True)
