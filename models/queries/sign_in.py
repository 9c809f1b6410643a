"""Queries for signing in: attempts, sessions, and the account of a session or a token.

The database's clock decides what has expired, so that several consoles agree.
"""

from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Double, cast, delete, extract, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.tables.account import ACCESS_CHANNEL, AccessToken, Account, SignInAllowance, WebSession

__all__ = [
    "ABSOLUTE_EXPIRY_SECONDS",
    "IDLE_EXPIRY_SECONDS",
    "Allowance",
    "Bearer",
    "close_every_session",
    "close_session",
    "forget_old",
    "give_back",
    "open_session",
    "session_bearer",
    "take_attempt",
    "token_bearer",
]

IDLE_EXPIRY_SECONDS: Final = 12 * 3600
ABSOLUTE_EXPIRY_SECONDS: Final = 7 * 24 * 3600
#: The shortest time between two writes of when a session was used.
_TOUCH_SECONDS: Final = 60


class Bearer(NamedTuple):
    """The account of a session or a token."""

    name: str
    role: str


class Allowance(NamedTuple):
    """A token bucket: `attempts` at once, and one more after every `seconds_each`."""

    attempts: int
    seconds_each: float


def take_attempt(session: Session, key: str, allowance: Allowance) -> bool:
    """Take an attempt in one statement, committed before the attempt is made, so that concurrent callers get no more
    than are allowed. Returns whether there was one."""
    refilled = _refilled(allowance)
    table = SignInAllowance.__table__
    new = insert(SignInAllowance).values(key=key, attempts=allowance.attempts - 1)
    taken = new.on_conflict_do_update(
        index_elements=[table.c.key],
        set_={"attempts": refilled - 1, "counted_at": func.clock_timestamp()},
        where=refilled >= 1,
    ).returning(table.c.key)
    return session.execute(taken).first() is not None


def give_back(session: Session, key: str, allowance: Allowance) -> None:
    """Return the attempt of a sign-in that succeeded."""
    session.execute(
        update(SignInAllowance)
        .where(SignInAllowance.key == key)
        .values(attempts=func.least(SignInAllowance.attempts + 1, allowance.attempts))
    )


def open_session(session: Session, name: str, session_hash: bytes) -> None:
    session.add(WebSession(name=name, session_hash=session_hash))
    session.flush()


def close_session(session: Session, session_hash: bytes) -> None:
    session.execute(delete(WebSession).where(WebSession.session_hash == session_hash))
    session.execute(select(func.pg_notify(ACCESS_CHANNEL, "")))


def close_every_session(session: Session, name: str) -> None:
    session.execute(delete(WebSession).where(WebSession.name == name))
    session.execute(select(func.pg_notify(ACCESS_CHANNEL, name)))


def session_bearer(session: Session, session_hash: bytes, *, is_use: bool = True) -> Bearer | None:
    """The account of a session; None where the session does not exist, has expired or its user is disabled. `is_use`
    records that it is used now; it is False for a page that is left open."""
    row = session.execute(
        select(Account.name, Account.role, _age(WebSession.seen_at) > _TOUCH_SECONDS)
        .join(WebSession, WebSession.name == Account.name)
        .where(
            WebSession.session_hash == session_hash,
            Account.enabled,
            _age(WebSession.seen_at) < IDLE_EXPIRY_SECONDS,
            _age(WebSession.created_at) < ABSOLUTE_EXPIRY_SECONDS,
        )
    ).first()
    if row is None:
        return None
    if row[2] and is_use:
        session.execute(
            update(WebSession).where(WebSession.session_hash == session_hash).values(seen_at=func.clock_timestamp())
        )
    return Bearer(row[0], row[1])


def token_bearer(session: Session, token_hash: bytes) -> Bearer | None:
    """The account of a token; None where the token does not exist, was revoked or has expired."""
    row = session.execute(
        select(AccessToken.name, AccessToken.role).where(
            AccessToken.token_hash == token_hash,
            AccessToken.revoked_at.is_(None),
            _age(AccessToken.expires_at) < 0,
        )
    ).first()
    return None if row is None else Bearer(row[0], row[1])


def forget_old(session: Session, allowance: Allowance) -> None:
    """Delete expired sessions and full allowances."""
    session.execute(
        delete(WebSession).where(
            (_age(WebSession.seen_at) >= IDLE_EXPIRY_SECONDS) | (_age(WebSession.created_at) >= ABSOLUTE_EXPIRY_SECONDS)
        )
    )
    full_after = allowance.attempts * allowance.seconds_each
    session.execute(delete(SignInAllowance).where(_age(SignInAllowance.counted_at) > full_after))


def _refilled(allowance: Allowance) -> ColumnElement[float]:
    gained = _age(SignInAllowance.counted_at) / allowance.seconds_each
    return func.least(SignInAllowance.attempts + gained, allowance.attempts)


def _age(column: object) -> ColumnElement[float]:
    """The seconds since the column's moment, as SQL."""
    return cast(extract("epoch", func.clock_timestamp() - column), Double)
