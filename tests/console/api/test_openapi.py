"""docs/openapi.json is what the code says, and the server does what it says, whatever it is sent."""

import json
from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docs.make_openapi import OPENAPI_FILE, render
from tests.console.api.server import Api
from tests.lengths import length

EXAMPLES = length(5, 10)
#: An id that holds a slash makes another address of it.
OF_ANOTHER_ADDRESS = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)
DOCUMENT = json.loads(OPENAPI_FILE.read_text(encoding="utf-8"))
#: Without a ledger that runs there is nothing to compare with, which is a 503.
LEFT_OUT = "/api/v1/reconcile"
LABELS = [
    f"{method.upper()} {path}" for path, methods in DOCUMENT["paths"].items() if path != LEFT_OUT for method in methods
]


@pytest.fixture(scope="module")
def operations() -> dict[str, Any]:
    """What Schemathesis reads of the document, by label. Whoever only collects this file does without its import,
    which takes seconds."""
    import schemathesis

    described = schemathesis.openapi.from_dict(DOCUMENT).exclude(path=LEFT_OUT)
    read = {operation.label: operation for operation in (found.ok() for found in described.get_all_operations())}
    assert list(read) == LABELS
    return read


def test_the_committed_file_is_what_the_generator_makes() -> None:
    assert OPENAPI_FILE.read_text(encoding="utf-8") == render(), "run `python -m docs.make_openapi`"


def test_the_server_publishes_the_document_to_all(api: Api) -> None:
    assert api.ok("GET", "/api/openapi.json") == json.loads(render())


# Schemathesis draws with the random module, which hypothesis does not like.
@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisDeprecationWarning")
@pytest.mark.long
@pytest.mark.parametrize("label", LABELS)
def test_whatever_is_sent_is_answered_as_described(label: str, operations: dict[str, Any], api: Api) -> None:
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

    checks = [not_a_server_error, content_type_conformance, response_schema_conformance]
    operation = operations[label]
    fitting, wrong = (operation.as_strategy(generation_mode=mode) for mode in GenerationMode)
    described = {int(code) for code in operation.definition.raw["responses"]}
    headers = {"authorization": api.http.headers["authorization"]}

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=st.one_of(fitting, wrong))
    def ask(case: Any) -> None:
        answer = case.call(base_url=api.url, headers=headers, timeout=60)
        if answer.status_code not in described:
            assert case.path_parameters and answer.status_code in OF_ANOTHER_ADDRESS, answer.text
        else:
            case.validate_response(answer, checks=checks)

    ask()
