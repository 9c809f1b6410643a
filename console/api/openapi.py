"""The OpenAPI document: shapes come from the types that read and describe JSON, problems and rights are the same on
every route."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Response
from fastapi.openapi.utils import get_openapi

from console.access.rights import NotSignedIn
from console.api import schemas

__all__ = ["describe", "told"]

_REF: Final = "#/components/schemas/{name}"
_PROBLEM: Final = {
    "content": {"application/problem+json": {"schema": {"$ref": _REF.format(name="Problem")}}},
}
_EVERYWHERE: Final = (401, 403, 422, 503)
_WITH_BODY: Final = (400, 413, 415)
_ABOUT: Final = {
    400: "The body is not JSON.",
    401: NotSignedIn.__doc__,
    403: "The role does not allow it.",
    404: "There is nothing of that name.",
    409: "There is already something of that name.",
    412: "`If-Match` is not the ETag that it has now: read it again, then edit.",
    413: "The body is too large.",
    415: "The body is not declared to be JSON.",
    422: "A value is refused; `detail` says what to write instead.",
    428: "`If-Match` is missing.",
    503: "Kafka or PostgreSQL is away. Nothing was done, unless `kept` or `accepted` says what was.",
}
_TEXT: Final = """Budgets, pauses and spend of ad campaigns. Money is written as decimal strings, moments as RFC 3339 in
UTC. Totals and states are what the controller holds now. Errors are problem documents (RFC 9457). Lists are read page
by page: hand `next` back as `cursor`. Edits need `If-Match` with the `ETag` of what was read. Scripts that use the
cookie of a browser send the page's mark in `X-CSRF-Token`."""

#: Every type that a route names.
_named: Final[dict[str, type[msgspec.Struct]]] = {"Problem": schemas.Problem}


def told(
    answer: type[msgspec.Struct],
    status: HTTPStatus = HTTPStatus.OK,
    *,
    body: type[msgspec.Struct] | None = None,
    many: int = 0,
    errors: Sequence[int] = (),
) -> dict[str, Any]:
    """Keywords of a route: what it answers, what it takes (also up to `many` of it in an array), how it may fail."""
    _named[answer.__name__] = answer
    codes = sorted({*_EVERYWHERE, *errors, *(_WITH_BODY if body else ())})
    arguments: dict[str, Any] = {
        "status_code": int(status),
        "response_class": Response,
        "responses": {
            int(status): {"description": status.phrase, "content": _json(answer)},
            **{code: {"description": _ABOUT[code], **_PROBLEM} for code in codes},
        },
    }
    extra: dict[str, Any] = {}
    if body is not None:
        _named[body.__name__] = body
        extra["requestBody"] = {"required": True, "content": _json(body, many)}
    if {412, 428} & set(errors):
        extra["parameters"] = [_if_match(required=428 in errors)]
    if extra:
        arguments["openapi_extra"] = extra
    return arguments


def describe(app: FastAPI) -> dict[str, Any]:
    """The whole document; made once."""
    document = get_openapi(title=app.title, version=app.version, description=_TEXT, routes=app.routes)
    _, components = msgspec.json.schema_components(_named.values(), ref_template=_REF)
    document.setdefault("components", {})["schemas"] = dict(sorted(components.items()))
    document["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": "spendgate_session"},
    }
    document["security"] = [{"token": []}, {"session": []}]
    return document


def _json(kind: type[msgspec.Struct], many: int = 0) -> dict[str, Any]:
    one: dict[str, Any] = {"$ref": _REF.format(name=kind.__name__)}
    array = {"type": "array", "items": one, "minItems": 1, "maxItems": many}
    return {"application/json": {"schema": {"anyOf": [one, array]} if many else one}}


def _if_match(*, required: bool) -> dict[str, Any]:
    return {
        "name": "If-Match",
        "in": "header",
        "required": required,
        "description": "The ETag of what was read, or `*` for whatever is there.",
        "schema": {"type": "string"},
    }
