"""Addresses whose query the console shows as its own words: signed, so that nobody else can write one."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

__all__ = ["SIGNATURE", "signed_address", "verified_values"]

SIGNATURE: Final = "signature"


def signed_address(secret: str, path: str, values: Mapping[str, str]) -> str:
    """`path` with the values as its query, good for the session of that secret alone."""
    return f"{path}?{urlencode({**values, SIGNATURE: _signature(secret, path, values)})}"


def verified_values(secret: str, path: str, query: Mapping[str, str]) -> dict[str, str] | None:
    """The values that `signed_address` was given; None without a signature, or with that of something else."""
    values = {name: text for name, text in query.items() if name != SIGNATURE}
    signature = query.get(SIGNATURE, "").encode(errors="replace")
    return values if hmac.compare_digest(signature, _signature(secret, path, values).encode()) else None


def _signature(secret: str, path: str, values: Mapping[str, str]) -> str:
    signed = json.dumps(["spendgate address", path, sorted(values.items())]).encode()
    return hmac.new(secret.encode(errors="surrogatepass"), signed, hashlib.sha256).hexdigest()
