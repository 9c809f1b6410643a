"""Adds to the OpenAPI document what fields and parameters mean, and to each operation an example of every answer. Pure.

An answer's example is made of those of its fields; that of a refusal has the sentence that the server sends.
"""

from collections.abc import Mapping
from typing import Any, Final

from console.access.rights import NotSignedIn
from console.api.field_words import words_of

__all__ = ["REFUSALS", "add_examples", "add_field_words"]

_JSON: Final = "application/json"
_PROBLEM: Final = "application/problem+json"
_DEPTH_MAX: Final = 8

#: Status -> title and detail, where no operation has one of its own.
REFUSALS: Final[dict[int, tuple[str, str]]] = {
    400: ("Bad Request", "The body is not JSON: Input data was truncated."),
    401: ("Unauthorized", str(NotSignedIn())),
    403: ("Forbidden", "This needs the role operator; reports is viewer."),
    404: ("Not Found", "There is no brand nobody."),
    409: ("Conflict", "The brand nike is already there."),
    412: ("Precondition Failed", "Somebody else has changed it since you read it: read it again, then edit."),
    413: ("Request Entity Too Large", "The body is too large: at most 2097152 bytes are read."),
    415: ("Unsupported Media Type", "Send `Content-Type: application/json`."),
    422: ("Unprocessable Entity", "There is no parameter 'serach': there are none at this address."),
    428: ("Precondition Required", "Send `If-Match` with the ETag of what you have read, or `*`."),
    429: (
        "Too Many Requests",
        "You have too many questions that read much, at most 4 at once: close or await some.",
    ),
    503: ("Service Unavailable", "The broker is not reached: try again in a moment."),
}
#: What a 404 says, by how the path begins.
_NOT_FOUND: Final = {
    "/api/v1/campaigns": "There is no campaign nothing.",
    "/api/v1/channels": "There is no channel nothing.",
    "/api/v1/control": "There is no command nothing:1:1 in the journal.",
    "/api/v1/dead-letters": "There is no dead letter 0/999999.",
}


def add_field_words(schemas: Mapping[str, Any]) -> None:
    for name, schema in schemas.items():
        for field, described in schema.get("properties", {}).items():
            words = words_of(name, field)
            if words and "description" not in described:
                described["description"] = words.text


def add_examples(document: Mapping[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        if not path.startswith("/api/v1"):
            continue
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if "description" not in parameter and (words := words_of("", parameter["name"])):
                    parameter["description"] = words.text
            _add_to_body(operation.get("requestBody", {}).get("content", {}).get(_JSON), schemas)
            for code, answer in operation["responses"].items():
                _add_to_answer(path, int(code), answer.get("content", {}), schemas)


def _add_to_body(content: dict[str, Any] | None, schemas: Mapping[str, Any]) -> None:
    if content is not None:
        content["example"] = _of_schema(content["schema"], schemas, "", "", 0)


def _add_to_answer(path: str, code: int, content: Mapping[str, Any], schemas: Mapping[str, Any]) -> None:
    if _JSON in content:
        content[_JSON]["example"] = _of_schema(content[_JSON]["schema"], schemas, "", "", 0)
    if _PROBLEM in content:
        title, detail = REFUSALS[code]
        if code == 404:
            detail = next((it for start, it in _NOT_FOUND.items() if path.startswith(start)), detail)
        content[_PROBLEM]["example"] = {"type": "about:blank", "title": title, "status": code, "detail": detail}


def _of_schema(schema: Mapping[str, Any], schemas: Mapping[str, Any], owner: str, field: str, depth: int) -> Any:
    """`owner` and `field` say whose schema it is, where it is that of a field."""
    words = words_of(owner, field) if field else None
    if words and words.example is not None:
        return words.example
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _of_schema(schemas[name], schemas, name, "", depth + 1)
    if "default" in schema:
        return schema["default"]
    if "enum" in schema:
        return schema["enum"][0]
    if options := schema.get("anyOf"):
        is_optional = any(it.get("type") == "null" for it in options)
        return (
            None if is_optional and (field or depth > _DEPTH_MAX) else _of_schema(options[0], schemas, owner, "", depth)
        )
    return _of_type(schema, schemas, owner, depth)


def _of_type(schema: Mapping[str, Any], schemas: Mapping[str, Any], owner: str, depth: int) -> Any:
    match schema.get("type"):
        case "object":
            given = schema.get("properties", {})
            wanted = given if not owner.endswith("Edit") else {"daily_budget": given["daily_budget"]}
            return {name: _of_schema(it, schemas, owner, name, depth + 1) for name, it in wanted.items()}
        case "array":
            items = schema.get("items")
            return [_of_schema(items, schemas, owner, "", depth + 1)] if items and depth < _DEPTH_MAX else []
        case "boolean":
            return False
        case "integer":
            return schema.get("minimum", 1)
        case "number":
            return 1.0
        case "string":
            return "…"
    return None
