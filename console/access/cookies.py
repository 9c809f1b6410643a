"""The one cookie: the secret of a session."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from models.sign_in import ABSOLUTE_EXPIRY_SECONDS

__all__ = ["clear_session", "session_secret", "set_session"]

_NAME: Final = "spendgate_session"
#: Browsers take a cookie of this prefix only over TLS and from this very host.
_SECURE_NAME: Final = f"__Host-{_NAME}"


def session_secret(request: Request) -> str | None:
    return request.cookies.get(_name(request))


def set_session(request: Request, response: Response, secret: str) -> None:
    response.set_cookie(
        _name(request),
        secret,
        max_age=ABSOLUTE_EXPIRY_SECONDS,
        httponly=True,
        samesite="lax",
        secure=_is_tls(request),
    )


def clear_session(request: Request, response: Response) -> None:
    response.delete_cookie(_name(request), httponly=True, samesite="lax", secure=_is_tls(request))


def _name(request: Request) -> str:
    return _SECURE_NAME if _is_tls(request) else _NAME


def _is_tls(request: Request) -> bool:
    """Also where a proxy that is trusted says so: see SPENDGATE_TRUSTED_PROXIES."""
    return request.url.scheme == "https"
