"""Authenticates sessions and tokens, signs people in and out, and throttles attempts to sign in.

A lookup is cached for CACHE_SECONDS. PostgreSQL notifies of each change of an account, a session or a token, which
empties the cache at once.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from ipaddress import ip_address, ip_network
from typing import Final, NamedTuple

import structlog
from sqlalchemy.orm import Session

from console.access.devices import device_id, new_device
from console.access.sign_in_metrics import REFUSED_SIGN_INS
from core.errors import RefusedValue, SpendgateError
from models.queries import sign_in
from models.queries.sign_in import Allowance, Bearer
from models.session import session_scope
from models.tables.account import Account
from operations import validation
from operations.accounts.passwords import is_right
from operations.accounts.person import Credential, Person, Role
from operations.accounts.secret import new_secret, secret_hash

__all__ = [
    "CACHE_SECONDS",
    "Authenticator",
    "SignInRefused",
    "SignedIn",
    "TooManyAttempts",
    "network_of",
]

log = structlog.get_logger()

CACHE_SECONDS: Final = 5.0
#: Attempts from a browser without a device cookie. A name has a larger allowance than one address may spend on it, so
#: that no single address locks its owner out; an address has more than one name there, as it may be a whole office.
OF_A_NAME_AT_AN_ADDRESS: Final = Allowance(10, 60.0)
NAME_ALLOWANCE: Final = Allowance(100, 36.0)
ADDRESS_ALLOWANCE: Final = Allowance(50, 12.0)
#: Attempts from a browser with the user's device cookie, or by a signed-in user: those of others do not count.
OF_A_DEVICE: Final = Allowance(10, 60.0)
RETRY_AFTER_SECONDS: Final = 60
#: Passwords hashed at once; each takes 64 MiB and a core. Browsers with a device cookie have a slot of their own.
_HASHES_OF_STRANGERS: Final = 2
_HASHES_OF_KNOWN: Final = 1
_WAITING_FOR_A_HASH: Final = 16
_CACHED_MAX: Final = 10_000
_WRONG: Final = "The name or the password is wrong."


class SignInRefused(SpendgateError):
    """The name or the password is wrong, or the user may not sign in; which of these is not said."""

    http_status = HTTPStatus.UNAUTHORIZED


class TooManyAttempts(SpendgateError):
    """Too many attempts to sign in: wait a minute."""

    http_status = HTTPStatus.TOO_MANY_REQUESTS


#: The counters that an attempt draws from, each with its allowance.
_Keys = dict[str, Allowance]


class SignedIn(NamedTuple):
    """The secret of a new session, and the device token for the browser."""

    secret: str
    device: str


class _CachedPerson(NamedTuple):
    answer: "asyncio.Future[Person | None]"
    until: float


class Authenticator:
    """`must_be_there` raises DatabaseAway while the database is known to be away, so that no thread waits for it."""

    def __init__(self, url: str, must_be_there: Callable[[], object]) -> None:
        self._url = url
        self._must_be_there = must_be_there
        self._cache: dict[tuple[Credential, bytes], _CachedPerson] = {}
        self._strangers = _Hashing(_HASHES_OF_STRANGERS)
        self._known_ones = _Hashing(_HASHES_OF_KNOWN)

    async def person_of_session(self, secret: str) -> Person | None:
        return await self._person(Credential.SESSION, secret_hash(secret))

    async def is_signed_in(self, secret: str) -> bool:
        """Whether the session is still valid. The check does not extend it: an open page keeps nobody signed in."""
        self._must_be_there()
        return await asyncio.to_thread(_holds, self._url, secret_hash(secret))

    async def person_of_token(self, secret: str) -> Person | None:
        return await self._person(Credential.TOKEN, secret_hash(secret))

    async def sign_in(self, name: str, password: str, address: str, device: str | None = None) -> SignedIn:
        """`device` is the device token of the browser's cookie; raises SignInRefused or TooManyAttempts."""
        self._must_be_there()
        name = name.strip().lower()
        account = await asyncio.to_thread(_account, self._url, name)
        known_as = device_id(device, account)
        keys = _keys_of_stranger(name, address) if known_as is None else {f"device:{known_as}": OF_A_DEVICE}
        hashing = self._strangers if known_as is None else self._known_ones
        return await self._opened(account, password, address, keys, hashing)

    async def sign_in_again(self, name: str, password: str, address: str) -> SignedIn:
        """A new session for a signed-in person whose password was just changed."""
        account = await asyncio.to_thread(_account, self._url, name)
        return await self._opened(account, password, address, _keys_of_signed_in(name), self._known_ones)

    async def confirm(self, name: str, password: str, address: str) -> None:
        """Checks the password again before an act that a session alone must not do; raises as `sign_in` does."""
        self._must_be_there()
        account, keys = await asyncio.to_thread(_account, self._url, name), _keys_of_signed_in(name)
        await self._checked(account, password, address, keys, self._known_ones)
        await asyncio.to_thread(_in_scope, self._url, lambda session: _give_back(session, keys))

    async def sign_out(self, secret: str) -> None:
        self._must_be_there()
        digest = secret_hash(secret)
        await asyncio.to_thread(_in_scope, self._url, lambda session: sign_in.close_session(session, digest))
        self._cache.pop((Credential.SESSION, digest), None)

    async def sign_out_everywhere(self, name: str) -> None:
        self._must_be_there()
        await asyncio.to_thread(_in_scope, self._url, lambda session: sign_in.close_every_session(session, name))
        self.clear_cache()

    def clear_cache(self) -> None:
        """Forget what was looked up, after a change of an account, session or token."""
        self._cache.clear()

    async def _opened(
        self, account: Account | None, password: str, address: str, keys: _Keys, hashing: "_Hashing"
    ) -> SignedIn:
        account = await self._checked(account, password, address, keys, hashing)
        secret = new_secret()
        await asyncio.to_thread(_open_session, self._url, account, secret_hash(secret), keys)
        log.info("signed_in", name=account.name, address=address)
        return SignedIn(secret, new_device(account))

    async def _checked(
        self, account: Account | None, password: str, address: str, keys: _Keys, hashing: "_Hashing"
    ) -> Account:
        with hashing.place() as has_place:
            if not has_place or not await asyncio.to_thread(_take_attempts, self._url, keys):
                REFUSED_SIGN_INS.labels("too many attempts").inc()
                log.warning("sign_in_throttled", address=address)
                raise TooManyAttempts
            right = await hashing.is_right(password, account.password_hash if account else None)
        if account is None or not right or not account.enabled:
            REFUSED_SIGN_INS.labels("wrong name or password").inc()
            log.warning("sign_in_refused", address=address)
            raise SignInRefused(_WRONG)
        return account

    async def _person(self, credential: Credential, digest: bytes) -> Person | None:
        known = self._cache.get((credential, digest))
        if known is None or known.until < time.monotonic():
            self._must_be_there()
            if len(self._cache) >= _CACHED_MAX:
                self._cache.clear()
            answer = asyncio.ensure_future(asyncio.to_thread(_load_person, self._url, credential, digest))
            known = self._cache[credential, digest] = _CachedPerson(answer, time.monotonic() + CACHE_SECONDS)
        try:
            return await asyncio.shield(known.answer)
        except BaseException:
            if known.answer.done():
                with suppress(KeyError):
                    del self._cache[credential, digest]
            raise


class _Hashing:
    """A bounded number of hashes at once and a bounded queue; further attempts are refused at once."""

    def __init__(self, at_once: int) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._places = at_once + _WAITING_FOR_A_HASH

    @contextmanager
    def place(self) -> Iterator[bool]:
        """Holds a place in the queue; False where it is full."""
        has_place = self._places > 0
        self._places -= has_place
        try:
            yield has_place
        finally:
            self._places += has_place

    async def is_right(self, password: str, password_hash: str | None) -> bool:
        async with self._turns:
            return await asyncio.to_thread(is_right, password, password_hash)


def _load_person(url: str, credential: Credential, digest: bytes) -> Person | None:
    load: Callable[[Session, bytes], Bearer | None]
    load = sign_in.session_bearer if credential is Credential.SESSION else sign_in.token_bearer
    with session_scope(url) as session:
        bearer = load(session, digest)
    return Person(bearer.name, Role(bearer.role), credential) if bearer else None


def _holds(url: str, digest: bytes) -> bool:
    with session_scope(url) as session:
        return sign_in.session_bearer(session, digest, is_use=False) is not None


def network_of(address: str) -> str:
    """What attempts are counted by: an IPv4 address, or the /64 network of an IPv6 one, all of which a host may use."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if known.version == 4:
        return str(known)
    return str(known.ipv4_mapped or ip_network((known, 64), strict=False))


def _keys_of_stranger(name: str, address: str) -> _Keys:
    network, digest = network_of(address), secret_hash(name).hex()
    return {
        f"address:{network}": ADDRESS_ALLOWANCE,
        f"name at address:{digest} {network}": OF_A_NAME_AT_AN_ADDRESS,
        f"name:{digest}": NAME_ALLOWANCE,
    }


def _keys_of_signed_in(name: str) -> _Keys:
    return {f"confirm:{secret_hash(name).hex()}": OF_A_DEVICE}


def _take_attempts(url: str, keys: _Keys) -> bool:
    """Draws from each counter in order and stops at the first empty one, so that an exhausted address costs no name."""
    with session_scope(url) as session:
        return all(sign_in.take_attempt(session, key, allowance) for key, allowance in keys.items())


def _account(url: str, name: str) -> Account | None:
    """The account of a name; None also for a text that cannot be a name, whatever characters it is made of."""
    try:
        name = validation.account_name("user", name)
    except RefusedValue:
        return None
    with session_scope(url) as session:
        return session.get(Account, name)


def _open_session(url: str, account: Account, session_hash: bytes, keys: _Keys) -> None:
    """Raises SignInRefused where the password was changed or the user disabled while the password was checked."""
    with session_scope(url) as session:
        now = session.get(Account, account.name, with_for_update=True)
        if now is None or not now.enabled or now.password_hash != account.password_hash:
            raise SignInRefused(_WRONG)
        _give_back(session, keys)
        sign_in.forget_old(session, NAME_ALLOWANCE)  # the one that takes longest to be full again
        sign_in.open_session(session, account.name, session_hash)


def _give_back(session: Session, keys: _Keys) -> None:
    for key, allowance in keys.items():
        sign_in.give_back(session, key, allowance)


def _in_scope(url: str, act: Callable[[Session], None]) -> None:
    with session_scope(url) as session:
        act(session)
