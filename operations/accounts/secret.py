"""Makes secrets of sessions and tokens, and the hashes under which they are stored."""

import hashlib
import secrets
from typing import Final

__all__ = ["new_secret", "secret_hash"]


_SECRET_BYTES: Final = 32


def new_secret() -> str:
    """256 random bits, which need no slow hash."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def secret_hash(secret: str) -> bytes:
    """The SHA-256 of the secret, under which it is stored."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()
