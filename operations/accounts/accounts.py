"""Adds and changes users and tokens: checks values, hashes passwords and writes the history."""

from typing import Final, NamedTuple

from models.queries import accounts
from models.session import session_scope
from models.tables.account import AccessToken, Account
from operations import validation
from operations.accounts.passwords import check_password, hash_password, random_password
from operations.accounts.person import Role
from operations.accounts.secret import new_secret, secret_hash
from streams.clock import current_moment

__all__ = ["FirstAdmin", "add_first_admin", "add_user", "create_token", "new_password"]

TOKEN_DAYS_MAX: Final = 3650
_DAY_MS: Final = 24 * 3600 * 1000
_FIRST_ADMIN: Final = "admin"


class FirstAdmin(NamedTuple):
    """The first admin's name and password in clear text, to be shown once."""

    name: str
    password: str


def add_user(url: str, name: str, role: str, password: str, *, actor: str) -> Account:
    """Add a user. Raises RefusedValue for a wrong name, role or password, AlreadyExists for a name that is taken."""
    name, role = validation.account_name("user", name), validation.one_of("role", role, list(Role))
    password_hash = hash_password(check_password(name, password))
    with session_scope(url) as session:
        return accounts.add_account(session, name, role=role, password_hash=password_hash, actor=actor)


def new_password(url: str, name: str, password: str, *, actor: str) -> Account:
    """Set a new password, which ends all sessions of the user. Raises RefusedValue or RowNotFound."""
    name = validation.account_name("user", name)
    password_hash = hash_password(check_password(name, password))
    with session_scope(url) as session:
        return accounts.set_password(session, name, password_hash, actor=actor)


def add_first_admin(url: str, *, actor: str) -> FirstAdmin | None:
    """Add an admin with a random password where there are no users yet. Returns name and password, or None."""
    with session_scope(url) as session:
        if accounts.has_accounts(session):
            return None
    admin = FirstAdmin(_FIRST_ADMIN, random_password())
    add_user(url, admin.name, Role.ADMIN, admin.password, actor=actor)
    return admin


def create_token(url: str, name: str, role: str, days: int, *, actor: str) -> tuple[AccessToken, str]:
    """Create a token. Returns its row and its secret, which is not stored and cannot be shown again."""
    name, role = validation.account_name("token", name), validation.one_of("role", role, list(Role))
    secret = f"sg_{new_secret()}"
    expires_at = current_moment() + days * _DAY_MS
    with session_scope(url) as session:
        token = accounts.create_token(
            session, name, role=role, token_hash=secret_hash(secret), expires_at=expires_at, actor=actor
        )
    return token, secret
