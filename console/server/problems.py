"""Errors as answers: problem documents of RFC 9457 for programs, problem pages for people."""

from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import Scope

from console.access.authentication import RETRY_AFTER_SECONDS
from console.access.rights import SignInFirst, session_person
from console.rendering.render import page
from core.errors import SpendgateError
from models.errors import DatabaseAway
from operations.accounts.person import Person

__all__ = ["HttpProblem", "add_handlers", "defect", "nothing_here", "problem", "too_large"]

_AWAY_SECONDS: Final = "2"
_MEDIA_TYPE: Final = "application/problem+json"
#: Paths below which answers are for programs.
_FOR_PROGRAMS: Final = ("/api/", "/health/", "/live/", "/metrics")

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
#: Of the static files, which are mounted: a mount takes any method and refuses it itself.
_METHODS_OF_FILES: Final = ("GET", "HEAD")

log = structlog.get_logger()


class HttpProblem(SpendgateError):
    """A problem that no other exception names; `more` are members of its document."""

    def __init__(self, status: HTTPStatus, detail: str, **more: object) -> None:
        super().__init__(detail)
        self.http_status = status
        self.detail = detail
        self.more = more


def too_large(most: int) -> HttpProblem:
    return HttpProblem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body is too large: at most {most} bytes are read.")


def nothing_here(request: Request) -> Response:
    return problem(request, HTTPStatus.NOT_FOUND, _DETAILS[HTTPStatus.NOT_FOUND])


def add_handlers(app: FastAPI) -> None:
    app.add_exception_handler(SpendgateError, _known_error)
    app.add_exception_handler(HttpProblem, _problem)
    app.add_exception_handler(SignInFirst, _sign_in_first)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _of_the_framework)


def problem(
    request: Request,
    status: HTTPStatus,
    detail: str,
    *,
    more: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A document for programs; people who asked for a page get one, with the way to all others if they are known."""
    all_headers = {**_usual_headers(status), **(headers or {})}
    if not request.url.path.startswith(_FOR_PROGRAMS):
        person: Person | None = getattr(request.state, "person", None)
        known = {"title": status.phrase, "detail": detail}
        return page(request, "problem.html", person=person, status=status, headers=all_headers, **known)
    document: dict[str, Any] = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": detail}
    return Response(msgspec.json.encode(document | dict(more or {})), int(status), all_headers, _MEDIA_TYPE)


def _usual_headers(status: HTTPStatus) -> dict[str, str]:
    match status:
        case HTTPStatus.SERVICE_UNAVAILABLE:
            return {"retry-after": _AWAY_SECONDS}
        case HTTPStatus.TOO_MANY_REQUESTS:
            return {"retry-after": str(RETRY_AFTER_SECONDS)}
        case HTTPStatus.UNAUTHORIZED:
            return {"www-authenticate": 'Bearer realm="spendgate"'}
    return {}


async def _known_error(request: Request, error: Exception) -> Response:
    """Answer with the error's message, which is a sentence for whoever asked."""
    assert isinstance(error, SpendgateError)
    status = error.http_status
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        return defect(request, error)
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        log.warning("unavailable", path=request.url.path, why=str(error))
    seconds = getattr(error, "retry_after_seconds", None)
    return problem(request, status, str(error), headers={"retry-after": str(seconds)} if seconds else None)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, HttpProblem)
    return problem(request, error.http_status, error.detail, more=error.more)


async def _sign_in_first(request: Request, error: Exception) -> Response:
    assert isinstance(error, SignInFirst)
    if error.unsent:
        values: dict[str, Any] = {"next": "/", "name": "", "error": _SESSION_ENDED, "unsent": error.unsent}
        return page(request, "sign_in.html", status=HTTPStatus.UNAUTHORIZED, **values)
    return RedirectResponse(error.location, HTTPStatus.SEE_OTHER)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [{"where": ".".join(map(str, it["loc"])), "what": str(it["msg"])} for it in error.errors()]
    detail = "; ".join(f"{fault['where']}: {fault['what']}" for fault in faults)
    return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, f"{detail}.", more={"faults": faults})


async def _of_the_framework(request: Request, error: Exception) -> Response:
    """Answer an error of the framework, such as a path that is not there, or a method that it does not have."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    with suppress(DatabaseAway):  # no route has asked who it is
        await session_person(request)
    headers = {"allow": _allowed(request)} if status is HTTPStatus.METHOD_NOT_ALLOWED else error.headers
    return problem(request, status, _DETAILS.get(status, str(error.detail)), headers=headers)


def _allowed(request: Request) -> str:
    """The methods of all routes that have the path: the framework names those of the first one alone."""
    scope, routes = request.scope, request.app.routes
    # A mount has taken its own path off; the routes are asked for the whole path.
    whole = {**scope, "root_path": scope.get("app_root_path", scope["root_path"])}
    return ", ".join(it for it in _METHODS if any(_takes(route, {**whole, "method": it}) for route in routes))


def _takes(route: BaseRoute, scope: Scope) -> bool:
    if isinstance(route, Mount) and scope["method"] not in _METHODS_OF_FILES:
        return False
    return route.matches(scope)[0] is Match.FULL


def defect(request: Request, error: Exception) -> Response:
    """An unhandled exception: the log has the details, the answer has none."""
    log.error("defect", path=request.url.path, exc_info=error)
    return problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, "This is a defect of Spendgate: its log has the details.")


_SESSION_ENDED: Final = "Your session has ended. Sign in: what you have typed is kept, and you may send it then."
_DETAILS: Final = {
    HTTPStatus.NOT_FOUND: "There is nothing at this address.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not take that method; `Allow` names those that it takes.",
}
