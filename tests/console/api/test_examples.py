"""The API's document describes every field and has an example of every answer, which the server would give."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from console.api import field_words
from console.api.field_words import words_of
from docs.make_openapi import OPENAPI_FILE
from tests.console.api.server import Api

#: What the code says, by tests/console/api/test_openapi.py.
DOCUMENT = json.loads(OPENAPI_FILE.read_text(encoding="utf-8"))
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS = [
    (f"{method} {path}", operation)
    for path, operations in DOCUMENT["paths"].items()
    if path.startswith("/api/v1")
    for method, operation in operations.items()
]


def _contents(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body:
        yield "body", body
    for code, answer in operation["responses"].items():
        for content in answer["content"].values():
            yield code, content


@pytest.mark.parametrize(("label", "operation"), OPERATIONS, ids=[label for label, _ in OPERATIONS])
def test_every_operation_has_examples_of_success_and_refusal_that_its_schemas_allow(
    label: str, operation: dict[str, Any]
) -> None:
    codes = []
    for code, content in _contents(operation):
        schema = {**content["schema"], "components": DOCUMENT["components"]}
        jsonschema.validate(content["example"], schema, format_checker=jsonschema.FormatChecker())
        assert "…" not in list(_leaves(content["example"])), (label, code)
        codes.append(code)
    assert {"401", "422"} < set(codes)
    assert any(code.startswith("2") for code in codes)
    assert operation["description"]
    assert [it["name"] for it in operation.get("parameters", ()) if not it.get("description")] == []


def _leaves(example: Any) -> Iterator[Any]:
    if isinstance(example, dict | list):
        for it in example.values() if isinstance(example, dict) else example:
            yield from _leaves(it)
    else:
        yield example


def test_every_field_is_described() -> None:
    fields = [
        (name, field, it) for name, schema in SCHEMAS.items() for field, it in schema.get("properties", {}).items()
    ]
    assert len(fields) > 400
    assert [(name, field) for name, field, it in fields if not it.get("description")] == []


def test_no_words_are_left_of_a_field_that_is_gone() -> None:
    fields = {(name, field) for name, schema in SCHEMAS.items() for field in schema.get("properties", {})}
    of_parameters = {it["name"] for _, operation in OPERATIONS for it in operation.get("parameters", ())}
    assert set(field_words._OF) - fields - {("", name) for name in of_parameters} == set()
    assert set(field_words._FIELDS) - {field for _, field in fields} - of_parameters == set()
    assert words_of("Nothing", "nothing") is None


@pytest.mark.parametrize(
    ("label", "operation"), [it for it in OPERATIONS if it[0].startswith("get ")], ids=lambda it: str(it)[:60]
)
def test_the_refusals_are_those_of_the_server(api: Api, label: str, operation: dict[str, Any]) -> None:
    path = label.partition(" ")[2]
    address = path.format(
        brand_id="nobody", campaign_id="nothing", command_id="nothing:1:1", name="nothing", partition=0, offset=999_999
    )
    unknown = api.problem("GET", address, 422, params={"serach": "x"})
    assert unknown["detail"].startswith("There is no parameter 'serach': ")
    refused = api.http.request("GET", address, headers={"authorization": "Bearer wrong"}).json()
    assert refused == _refusal(operation, "401")
    if "{" in path:
        query = {"month": "2025-09"} if path.endswith("/report") else {}
        query |= {"from": "2025-09-01", "to": "2025-09-02"} if path.endswith("/timeline") else {}
        assert api.problem("GET", address, 404, params=query) == _refusal(operation, "404")


def _refusal(operation: dict[str, Any], code: str) -> Any:
    return operation["responses"][code]["content"]["application/problem+json"]["example"]
