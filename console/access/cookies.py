"""The cookies: the secret of a session, and the device token of a browser in which somebody has signed in."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from models.queries.sign_in import ABSOLUTE_EXPIRY_SECONDS

__all__ = ["clear_session", "device_token", "session_secret", "set_device", "set_session"]

_SESSION: Final = "spendgate_session"
_DEVICE: Final = "spendgate_device"
#: Browsers take a cookie of this prefix only over TLS and from this very host.
_SECURE_PREFIX: Final = "__Host-"
_DEVICE_SECONDS: Final = 365 * 24 * 3600


def session_secret(request: Request) -> str | None:
    return request.cookies.get(_name(request, _SESSION))


def set_session(request: Request, response: Response, secret: str) -> None:
    _set(request, response, _SESSION, secret, ABSOLUTE_EXPIRY_SECONDS)


def device_token(request: Request) -> str | None:
    return request.cookies.get(_name(request, _DEVICE))


def set_device(request: Request, response: Response, token: str) -> None:
    """The cookie outlives the session: signing in again from this browser is throttled by it."""
    _set(request, response, _DEVICE, token, _DEVICE_SECONDS)


def clear_session(request: Request, response: Response) -> None:
    response.delete_cookie(_name(request, _SESSION), httponly=True, samesite="lax", secure=_is_tls(request))


def _set(request: Request, response: Response, name: str, value: str, seconds: int) -> None:
    response.set_cookie(
        _name(request, name),
        value,
        max_age=seconds,
        httponly=True,
        samesite="lax",
        secure=_is_tls(request),
    )


def _name(request: Request, name: str) -> str:
    return f"{_SECURE_PREFIX}{name}" if _is_tls(request) else name


def _is_tls(request: Request) -> bool:
    """TLS to this server or, by the word of a proxy of SPENDGATE_TRUSTED_PROXIES, to the proxy."""
    return request.url.scheme == "https"
