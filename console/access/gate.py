"""Finds the person behind a cookie or a token, signs people in and out. What is known is believed for a few seconds.

An account, a session or a token that is changed anywhere is forgotten at once where the change is heard, and after
BELIEVED_SECONDS in any case.
"""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address, ip_network
from typing import Final, NamedTuple

import structlog
from sqlalchemy.orm import Session

from console import validation
from console.access.metrics import REFUSED_SIGN_INS
from console.access.passwords import is_right
from console.access.person import How, Person, Role
from models import sign_in
from models.account import Account
from models.session import session_scope
from models.sign_in import Allowance, Bearer
from streams.errors import RefusedValue

__all__ = ["BELIEVED_SECONDS", "Gate", "SignInRefused", "TooManyAttempts", "network_of", "new_secret", "secret_hash"]

log = structlog.get_logger()

BELIEVED_SECONDS: Final = 5.0
#: 10 attempts at once and 60 in an hour for a name, more for an address, behind which a whole office may sit.
OF_A_NAME: Final = Allowance(10, 60.0)
OF_AN_ADDRESS: Final = Allowance(50, 12.0)
RETRY_AFTER_SECONDS: Final = 60
#: Each hash takes 64 MiB and a core for a while.
_HASHES_AT_ONCE: Final = 2
_KNOWN_MAX: Final = 10_000
_SECRET_BYTES: Final = 32
_WRONG: Final = "The name or the password is wrong."


class SignInRefused(Exception):
    """The name or the password is wrong, or the user may not sign in: which of them is not told."""


class TooManyAttempts(Exception):
    """Too many attempts to sign in: wait a minute."""


#: What is counted of an attempt, and how many of each there may be.
_Keys = dict[str, Allowance]


class _Known(NamedTuple):
    answer: "asyncio.Future[Person | None]"
    until: float


class Gate:
    """`must_be_there` raises when the database is known to be away, so that no thread waits for it in vain."""

    def __init__(self, url: str, must_be_there: Callable[[], object]) -> None:
        self._url = url
        self._must_be_there = must_be_there
        self._known: dict[tuple[How, bytes], _Known] = {}
        self._hashing = asyncio.Semaphore(_HASHES_AT_ONCE)

    async def person_of_session(self, secret: str) -> Person | None:
        return await self._person(How.SESSION, secret_hash(secret))

    async def is_signed_in(self, secret: str) -> bool:
        """Whether the session still holds. To ask is no use of it: a page that is left open keeps nobody signed in."""
        self._must_be_there()
        return await asyncio.to_thread(_holds, self._url, secret_hash(secret))

    async def person_of_token(self, secret: str) -> Person | None:
        return await self._person(How.TOKEN, secret_hash(secret))

    async def sign_in(self, name: str, password: str, address: str) -> str:
        """The secret of a new session; raises SignInRefused or TooManyAttempts."""
        account, keys = await self._checked(name, password, address)
        secret = new_secret()
        await asyncio.to_thread(_open_session, self._url, account, secret_hash(secret), keys)
        log.info("signed_in", name=account.name, address=address)
        return secret

    async def confirm(self, name: str, password: str, address: str) -> None:
        """That it is they who ask, for what a session alone must not do; raises as `sign_in` does."""
        _, keys = await self._checked(name, password, address)
        await asyncio.to_thread(_in_scope, self._url, lambda session: _give_back(session, keys))

    async def sign_out(self, secret: str) -> None:
        self._must_be_there()
        digest = secret_hash(secret)
        await asyncio.to_thread(_in_scope, self._url, lambda session: sign_in.close_session(session, digest))
        self._known.pop((How.SESSION, digest), None)

    async def sign_out_everywhere(self, name: str) -> None:
        self._must_be_there()
        await asyncio.to_thread(_in_scope, self._url, lambda session: sign_in.close_every_session(session, name))
        self.forget()

    def forget(self) -> None:
        """Something of the accounts was changed: everybody is looked at anew."""
        self._known.clear()

    async def _checked(self, name: str, password: str, address: str) -> tuple[Account, _Keys]:
        self._must_be_there()
        name = name.strip().lower()
        keys = {f"address:{network_of(address)}": OF_AN_ADDRESS, f"name:{secret_hash(name).hex()}": OF_A_NAME}
        if not await asyncio.to_thread(_take_attempts, self._url, keys):
            REFUSED_SIGN_INS.labels("too many attempts").inc()
            log.warning("sign_in_throttled", address=address)
            raise TooManyAttempts(TooManyAttempts.__doc__)
        account = await asyncio.to_thread(_account, self._url, name)
        async with self._hashing:
            right = await asyncio.to_thread(is_right, password, account.password_hash if account else None)
        if account is None or not right or not account.enabled:
            REFUSED_SIGN_INS.labels("wrong name or password").inc()
            log.warning("sign_in_refused", address=address)
            raise SignInRefused(_WRONG)
        return account, keys

    async def _person(self, how: How, digest: bytes) -> Person | None:
        known = self._known.get((how, digest))
        if known is None or known.until < time.monotonic():
            self._must_be_there()
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            answer = asyncio.ensure_future(asyncio.to_thread(_look, self._url, how, digest))
            known = self._known[how, digest] = _Known(answer, time.monotonic() + BELIEVED_SECONDS)
        try:
            return await asyncio.shield(known.answer)
        except BaseException:
            if known.answer.done():
                with suppress(KeyError):
                    del self._known[how, digest]
            raise


def new_secret() -> str:
    """256 random bits: nothing is gained by hashing them slowly."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def secret_hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()


def _look(url: str, how: How, digest: bytes) -> Person | None:
    look: Callable[[Session, bytes], Bearer | None]
    look = sign_in.session_bearer if how is How.SESSION else sign_in.token_bearer
    with session_scope(url) as session:
        bearer = look(session, digest)
    return Person(bearer.name, Role(bearer.role), how) if bearer else None


def _holds(url: str, digest: bytes) -> bool:
    with session_scope(url) as session:
        return sign_in.session_bearer(session, digest, is_use=False) is not None


def network_of(address: str) -> str:
    """Of IPv6 the first half of the bits: the other half is whatever the machine at that end likes."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if known.version == 4:
        return str(known)
    return str(known.ipv4_mapped or ip_network((known, 64), strict=False))


def _take_attempts(url: str, keys: _Keys) -> bool:
    """In their order, and no further: an address without attempts uses up those of no name."""
    with session_scope(url) as session:
        return all(sign_in.take_attempt(session, key, allowance) for key, allowance in keys.items())


def _account(url: str, name: str) -> Account | None:
    """None for what cannot be a name, too, whatever characters it is made of."""
    try:
        name = validation.account_name("user", name)
    except RefusedValue:
        return None
    with session_scope(url) as session:
        return session.get(Account, name)


def _open_session(url: str, account: Account, session_hash: bytes, keys: _Keys) -> None:
    """Unless the password was changed or the user disabled while it was checked."""
    with session_scope(url) as session:
        now = session.get(Account, account.name, with_for_update=True)
        if now is None or not now.enabled or now.password_hash != account.password_hash:
            raise SignInRefused(_WRONG)
        _give_back(session, keys)
        sign_in.forget_old(session, OF_AN_ADDRESS)
        sign_in.open_session(session, account.name, session_hash)


def _give_back(session: Session, keys: _Keys) -> None:
    for key, allowance in keys.items():
        sign_in.give_back(session, key, allowance)


def _in_scope(url: str, act: Callable[[Session], None]) -> None:
    with session_scope(url) as session:
        act(session)
