"""The reference of the HTTP API: the OpenAPI document as a page of the console, without a script or another host."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from fastapi import APIRouter, FastAPI, Request, Response

from console.access.rights import PageViewer
from console.rendering.render import page

__all__ = ["router"]

router = APIRouter(include_in_schema=False)


class FieldShown(NamedTuple):
    name: str
    kind: str
    required: bool
    text: str


class AnswerShown(NamedTuple):
    code: str
    text: str
    example: str


class OperationShown(NamedTuple):
    id: str
    method: str
    path: str
    text: str
    parameters: list[FieldShown]
    body: list[FieldShown]
    body_example: str
    fields: list[FieldShown]
    answers: list[AnswerShown]


class GroupShown(NamedTuple):
    name: str
    operations: list[OperationShown]


@router.get("/reference")
async def reference(request: Request, person: PageViewer) -> Response:
    document = request.app.openapi()
    about = [" ".join(it.split()) for it in document["info"]["description"].split("\n\n")]
    return page(request, "reference.html", person=person, about=about, groups=_groups(request.app))


@cache
def _groups(app: FastAPI) -> list[GroupShown]:
    document = app.openapi()
    schemas = document["components"]["schemas"]
    groups: dict[str, list[OperationShown]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if path.startswith("/api/v1"):
                shown = _operation(method.upper(), path, operation, schemas)
                groups.setdefault(operation["tags"][0], []).append(shown)
    return [GroupShown(name, operations) for name, operations in groups.items()]


def _operation(method: str, path: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> OperationShown:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    answers = [
        AnswerShown(code, answer["description"], _json(content["example"]))
        for code, answer in operation["responses"].items()
        for content in answer["content"].values()
    ]
    success = next(it["content"]["application/json"] for code, it in operation["responses"].items() if code < "300")
    return OperationShown(
        operation["operationId"],
        method,
        path,
        " ".join(operation["description"].split()),
        [
            FieldShown(it["name"], _kind(it["schema"]), bool(it.get("required")), it.get("description", ""))
            for it in operation.get("parameters", ())
        ],
        list(_fields(body.get("schema", {}), schemas)),
        _json(body["example"]) if body else "",
        list(_fields(success["schema"], schemas)),
        answers,
    )


def _fields(
    schema: Mapping[str, Any], schemas: Mapping[str, Any], depth: int = 0, before: str = ""
) -> Iterator[FieldShown]:
    """The fields of an object and, one step below it, of the objects in its lists; for a choice, those of the first
    object."""
    for option in schema.get("anyOf", ())[:1]:
        yield from _fields(option, schemas, depth, before)
    if "$ref" not in schema:
        return
    shown = schemas[schema["$ref"].rpartition("/")[2]]
    for name, it in shown.get("properties", {}).items():
        yield FieldShown(before + name, _kind(it), name in shown.get("required", ()), it.get("description", ""))
        if depth == 0:
            inner = it.get("items") or next((one for one in it.get("anyOf", ()) if "$ref" in one), it)
            yield from _fields(inner, schemas, 1, f"{before}{name}.")


def _kind(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return "object"
    if options := schema.get("anyOf"):
        return " or ".join(dict.fromkeys(_kind(it) for it in options))
    return str(schema.get("format") or schema.get("type") or "any")


def _json(example: object) -> str:
    return json.dumps(example, indent=2, ensure_ascii=False)
