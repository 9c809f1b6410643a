"""The device token: it shows that its user has signed in from this browser before.

Attempts with it are throttled apart from those of strangers. It is signed with the hash of the user's password, so
nothing is stored and a new password revokes all of them. It grants no access.
"""

import hashlib
import hmac
import secrets

from models.tables.account import Account

__all__ = ["device_id", "new_device"]

_NONCE_BYTES = 16


def new_device(account: Account) -> str:
    nonce = secrets.token_urlsafe(_NONCE_BYTES)
    return f"{nonce}.{_signature(account, nonce)}"


def device_id(token: str | None, account: Account | None) -> str | None:
    """The id by which its attempts are counted; None where the token is not one of this account."""
    nonce, _, signature = (token or "").partition(".")
    if account is None or not hmac.compare_digest(
        signature.encode(errors="replace"), _signature(account, nonce).encode()
    ):
        return None
    return nonce


def _signature(account: Account, nonce: str) -> str:
    signed = f"spendgate device\0{account.name}\0{nonce}".encode(errors="surrogatepass")
    return hmac.new(account.password_hash.encode(), signed, hashlib.sha256).hexdigest()
