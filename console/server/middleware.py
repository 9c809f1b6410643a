"""ASGI middleware: security headers, the limit of request bodies, unhandled exceptions, metrics, turns."""

import asyncio
import time
from http import HTTPStatus
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.server.http_metrics import REQUEST_SECONDS, REQUESTS, UNKNOWN_ROUTE
from console.server.problems import defect, nothing_here, too_large

__all__ = ["BODY_BYTES_MAX", "Middleware"]

#: Scripts, styles and connections of our own origin alone, and no inline script.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
#: HSTS, one year: browsers use TLS from then on.
_STRICT_TRANSPORT: Final = "max-age=31536000"
_STATIC: Final = "/static/"
_HEALTH: Final = "/health/"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


#: The largest request is a catalog file; most routes have a lower limit.
BODY_BYTES_MAX: Final = 8 * 1024 * 1024


class Middleware:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._entrance = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        if not scope["path"].startswith(_HEALTH):
            # Of hundreds that come at once, one begins in each round of the event loop, so that a question for health,
            # or the rest of an answer, waits for one of them and not for all.
            async with self._entrance:
                await asyncio.sleep(0)
        started_at = time.perf_counter()
        has_begun = False
        method = scope["method"]
        if method == "HEAD":  # is answered as GET is, without the body, which may have no end
            scope, send = {**scope, "method": "GET"}, _without_body(send)

        async def send_with_headers(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                _add_headers(scope, message["status"], MutableHeaders(scope=message))
                _count(scope, method, message["status"], time.perf_counter() - started_at)
            await send(message)

        if "\0" in scope["path"]:  # PostgreSQL stores no NUL, so nothing has such a name
            await nothing_here(Request(scope))(scope, receive, send_with_headers)
            return
        try:
            await self._app(scope, _bounded(receive), send_with_headers)
        except Exception as error:
            if has_begun:  # cuts the connection, so that a truncated answer is not taken for a whole one
                raise
            await defect(Request(scope), error)(scope, receive, send_with_headers)


def _bounded(receive: Receive) -> Receive:
    """The requests' messages as `receive` gives them; raises HttpProblem once the body has more than BODY_BYTES_MAX."""
    received = 0

    async def receive_bounded() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > BODY_BYTES_MAX:
            raise too_large(BODY_BYTES_MAX)
        return message

    return receive_bounded


def _without_body(send: Send) -> Send:
    """Ends the answer where its body would begin. A stream ends then too, as when its reader has left."""

    async def send_without_body(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
            await send({"type": "http.response.body"})

    return send_without_body


def _count(scope: Scope, method: str, status: int, seconds: float) -> None:
    """Labels are our own routes and the known methods, so that requests cannot create time series without bound."""
    route = getattr(scope.get("route"), "path", None) or UNKNOWN_ROUTE
    REQUESTS.labels(method if method in _METHODS else UNKNOWN_ROUTE, route, status).inc()
    REQUEST_SECONDS.labels(route).observe(seconds)


def _add_headers(scope: Scope, status: int, headers: MutableHeaders) -> None:
    headers.update(HEADERS)
    if scope["scheme"] == "https":
        headers["strict-transport-security"] = _STRICT_TRANSPORT
    if scope["path"].startswith(_STATIC) and status < HTTPStatus.BAD_REQUEST:
        headers.setdefault("cache-control", "public, max-age=3600")
    else:
        headers.setdefault("cache-control", "no-store")
