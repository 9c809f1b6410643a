"""Checks passwords and hashes them by argon2id. Hashing takes tens of milliseconds: never call it on an event loop."""

import secrets
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.errors import RefusedValue

__all__ = ["check_password", "hash_password", "is_right", "random_password"]

LENGTH_MIN: Final = 12
LENGTH_MAX: Final = 128
#: A password with fewer different characters is refused as a pattern.
_DIFFERENT_MIN: Final = 5
#: Without 0 O 1 l I, because a person may have to type it from a screen.
_READABLE: Final = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_RANDOM_LENGTH: Final = 20

#: 64 MiB, three rounds: the second choice of RFC 9106, for machines that do other work as well.
_hasher: Final = PasswordHasher()


def check_password(name: str, password: str) -> str:
    """Raise RefusedValue for a password that is too short, too long or easily guessed; any characters are accepted."""
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        raise RefusedValue(f"The password is refused: write {LENGTH_MIN} to {LENGTH_MAX} characters.")
    if len(set(password)) < _DIFFERENT_MIN:
        raise RefusedValue(f"The password is refused: it has fewer than {_DIFFERENT_MIN} different characters.")
    if name and name.lower() in password.lower() and len(password) < len(name) + LENGTH_MIN:
        raise RefusedValue("The password is refused: it is the user's name and little more.")
    return password


def random_password() -> str:
    """A random password of characters that are not taken for one another."""
    return "".join(secrets.choice(_READABLE) for _ in range(_RANDOM_LENGTH))


def hash_password(password: str) -> str:
    """The argon2id hash, with its parameters and its salt."""
    return _hasher.hash(_bytes(password))


def is_right(password: str, password_hash: str | None) -> bool:
    """Whether the password matches the hash. None, for a user who does not exist, takes as long as a wrong password."""
    try:
        _hasher.verify(password_hash or _hash_of_no_user(), _bytes(password[:LENGTH_MAX]))
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


@cache
def _hash_of_no_user() -> str:
    return hash_password(random_password())


def _bytes(password: str) -> bytes:
    """The password in UTF-8. A lone surrogate, which JSON may contain, becomes bytes that match no password."""
    return password.encode("utf-8", errors="surrogatepass")
