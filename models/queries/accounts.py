"""Queries and edits of accounts and tokens. An edit writes the row and its history in the caller's transaction."""

from collections.abc import Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.errors import AlreadyExists, Refused, RowNotFound, explained
from models.tables.account import ACCESS_CHANNEL, AccessToken, Account, AccountChange, WebSession
from models.tables.catalog_change import FieldChanges, Json

__all__ = [
    "account_changes",
    "add_account",
    "create_token",
    "has_accounts",
    "list_accounts",
    "list_tokens",
    "record_change",
    "revoke_token",
    "set_enabled",
    "set_password",
    "set_role",
]

_ADMIN = "admin"
#: The history's value in place of a password.
_NOT_SHOWN: Json = "(a new one)"


def has_accounts(session: Session) -> bool:
    return session.scalar(select(Account.name).limit(1)) is not None


def list_accounts(session: Session) -> Sequence[Account]:
    return session.scalars(select(Account).order_by(Account.name)).all()


def list_tokens(session: Session) -> Sequence[AccessToken]:
    return session.scalars(select(AccessToken).order_by(AccessToken.name)).all()


def account_changes(
    session: Session, *, name: str | None = None, before: int | None = None, limit: int | None = None
) -> Sequence[AccountChange]:
    """The history of users and tokens, newest first."""
    query = select(AccountChange).order_by(AccountChange.change_id.desc()).limit(limit)
    if name is not None:
        query = query.where(AccountChange.name == name)
    if before is not None:
        query = query.where(AccountChange.change_id < before)
    return session.scalars(query).all()


def add_account(session: Session, name: str, *, role: str, password_hash: str, actor: str) -> Account:
    """Add a user. Raises AlreadyExists."""
    if session.get(Account, name) is not None:
        raise AlreadyExists(f"The user {name} is already there.")
    account = Account(name=name, role=role, password_hash=password_hash)
    session.add(account)
    record_change(session, "user", name, actor, {"role": {"from": None, "to": role}})
    session.refresh(account)
    return account


def set_role(session: Session, name: str, role: str, *, actor: str) -> Account:
    account = _locked(session, name)
    if account.role == role:
        return account
    if account.role == _ADMIN and account.enabled:
        _require_another_admin(session, name)
    change: FieldChanges = {"role": {"from": account.role, "to": role}}
    account.role = role
    record_change(session, "user", name, actor, change)
    return account


def set_enabled(session: Session, name: str, enabled: bool, *, actor: str) -> Account:
    """Enable or disable a user. Disabling ends all sessions of the user."""
    account = _locked(session, name)
    if account.enabled == enabled:
        return account
    if not enabled:
        if account.role == _ADMIN:
            _require_another_admin(session, name)
        session.execute(delete(WebSession).where(WebSession.name == name))
    account.enabled = enabled
    record_change(session, "user", name, actor, {"enabled": {"from": not enabled, "to": enabled}})
    return account


def set_password(session: Session, name: str, password_hash: str, *, actor: str) -> Account:
    """Replace the password's hash, which ends all sessions of the user."""
    account = _locked(session, name)
    account.password_hash = password_hash
    session.execute(delete(WebSession).where(WebSession.name == name))
    record_change(session, "user", name, actor, {"password": {"from": None, "to": _NOT_SHOWN}})
    return account


def create_token(
    session: Session, name: str, *, role: str, token_hash: bytes, expires_at: int, actor: str
) -> AccessToken:
    """Add a token. Raises AlreadyExists, also for the name of a revoked token, so that the history stays
    unambiguous."""
    if session.get(AccessToken, name) is not None:
        raise AlreadyExists(f"The token {name} is already there; names are never used again.")
    token = AccessToken(name=name, role=role, token_hash=token_hash, expires_at=expires_at, created_by=actor)
    session.add(token)
    record_change(session, "token", name, actor, {"role": {"from": None, "to": role}})
    session.refresh(token)
    return token


def revoke_token(session: Session, name: str, *, actor: str) -> AccessToken:
    """Revoke a token; does nothing where it is revoked already."""
    token = session.get(AccessToken, name, with_for_update=True, populate_existing=True)
    if token is None:
        raise RowNotFound(f"There is no token {name}.")
    if token.revoked_at is None:
        token.revoked_at = session.scalar(select(func.clock_timestamp().cast(AccessToken.revoked_at.type)))
        record_change(session, "token", name, actor, {"revoked": {"from": False, "to": True}})
    return token


def _locked(session: Session, name: str) -> Account:
    account = session.get(Account, name, with_for_update=True, populate_existing=True)
    if account is None:
        raise RowNotFound(f"There is no user {name}.")
    return account


def _require_another_admin(session: Session, name: str) -> None:
    """Raise Refused for the last admin. Locks all admins in one order, so that two cannot disable each other at
    once."""
    admins = session.scalars(
        select(Account.name).where(Account.role == _ADMIN, Account.enabled).order_by(Account.name).with_for_update()
    ).all()
    if not [one for one in admins if one != name]:
        raise Refused(f"{name} is the only admin: make another one first.")


def record_change(session: Session, kind: str, name: str, actor: str, fields: FieldChanges) -> None:
    """An entry of the history; `kind` is user, token or channel."""
    session.add(AccountChange(actor=actor, kind=kind, name=name, fields=fields))
    try:
        session.flush()
    except DBAPIError as error:
        raise explained(error) from error
    session.execute(select(func.pg_notify(ACCESS_CHANNEL, name)))
