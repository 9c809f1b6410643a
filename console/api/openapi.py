"""The OpenAPI document: schemas from the msgspec types of bodies and answers; problems and security on every route."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Response
from fastapi.openapi.utils import get_openapi

from console.access.rights import NotSignedIn
from console.api import schemas
from console.api.examples import add_examples, add_field_words
from console.server.sharing import HEAVY_OF_A_PERSON, STREAMS_OF_A_PERSON

__all__ = ["describe", "documented"]

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
    429: "You have too many such questions open: wait as long as `Retry-After` says.",
    503: "Kafka or PostgreSQL is away. Nothing was done, unless `kept` or `accepted` says what was.",
}
_TEXT: Final = """Budgets, pauses and spend of ad campaigns. Money is written as decimal strings, moments as RFC 3339 in
UTC. Totals and states are what the controller holds now. Errors are problem documents (RFC 9457). Lists are read page
by page: hand `next` back as `cursor`. Edits need `If-Match` with the `ETag` of what was read. Scripts that use the
cookie of a browser send the CSRF token of a form in `X-CSRF-Token`.

Limits: there is none on how many requests a token may send in a minute; bodies and what runs at once are bounded.
A body has at most 2 MiB, a catalog file 8 MiB, an array of spend or snapshots 1,000 records. Of the questions
that read much (dead letters, reconcile) a person or token may have {heavy} open at once, a person {streams} live pages;
one more is answered with 429 and `Retry-After`, and with 503 where all together have too many. Sign-in is throttled by
name and address."""

#: The components of the document, by name.
_named: Final[dict[str, type[msgspec.Struct]]] = {"Problem": schemas.Problem}


def documented(
    answer: type[msgspec.Struct],
    status: HTTPStatus = HTTPStatus.OK,
    *,
    body: type[msgspec.Struct] | None = None,
    many: int = 0,
    media_types: Mapping[str, Any] = {},
    errors: Sequence[int] = (),
    about: Mapping[int, str] = {},
) -> dict[str, Any]:
    """Keyword arguments for a route: the answer, the body (or an array of up to `many` of it, or one of other media
    types), further error codes. `about` says what codes mean here; where it does of 412, no `If-Match` is read."""
    _named[answer.__name__] = answer
    codes = sorted({*_EVERYWHERE, *errors, *(_WITH_BODY if body else ())})
    arguments: dict[str, Any] = {
        "status_code": int(status),
        "response_class": Response,
        "responses": {
            int(status): {"description": status.phrase, "content": _json(answer)},
            **{code: {"description": about.get(code) or _ABOUT[code], **_PROBLEM} for code in codes},
        },
    }
    extra: dict[str, Any] = {}
    if body is not None:
        _named[body.__name__] = body
        extra["requestBody"] = {"required": True, "content": {**_json(body, many), **media_types}}
    if {412, 428} & set(errors) - about.keys():
        extra["parameters"] = [_if_match(required=428 in errors)]
    if extra:
        arguments["openapi_extra"] = extra
    return arguments


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the application."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=_TEXT.format(heavy=HEAVY_OF_A_PERSON, streams=STREAMS_OF_A_PERSON),
        routes=app.routes,
    )
    _, components = msgspec.json.schema_components(_named.values(), ref_template=_REF)
    document.setdefault("components", {})["schemas"] = dict(sorted(components.items()))
    document["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": "spendgate_session"},
    }
    add_field_words(document["components"]["schemas"])
    add_examples(document)
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
        "description": "The ETag of what was read, several of which one must match, or `*` for whatever is there.",
        "schema": {"type": "string"},
    }
