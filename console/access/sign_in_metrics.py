"""Metrics of signing in."""

from typing import Final

from prometheus_client import Counter

__all__ = ["REFUSED_SIGN_INS"]

REFUSED_SIGN_INS: Final = Counter("spendgate_sign_ins_refused", "Attempts to sign in that were refused", ["why"])
