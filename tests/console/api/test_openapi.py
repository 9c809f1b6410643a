"""docs/openapi.json is what the code says, and the server does what it says, whatever it is sent."""

import json
from http import HTTPStatus
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from console.app import create_app
from docs.make_openapi import OPENAPI_FILE, render
from streams.settings import Settings
from tests.console.api.server import Api

EXAMPLES = 10
#: An id that holds a slash makes another address of it.
OF_ANOTHER_ADDRESS = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)
CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]
DESCRIBED = schemathesis.openapi.from_dict(create_app(Settings()).openapi())
#: Without a ledger that runs there is nothing to compare with, which is a 503.
OPERATIONS = [found.ok() for found in DESCRIBED.exclude(path="/api/v1/reconcile").get_all_operations()]


def test_the_committed_file_is_what_the_generator_makes() -> None:
    assert OPENAPI_FILE.read_text(encoding="utf-8") == render(), "run `python -m docs.make_openapi`"


def test_the_server_publishes_the_document_to_all(api: Api) -> None:
    assert api.ok("GET", "/api/openapi.json") == json.loads(render())


# Schemathesis draws with the random module, which hypothesis does not like.
@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisDeprecationWarning")
@pytest.mark.parametrize("operation", OPERATIONS, ids=[it.label for it in OPERATIONS])
def test_whatever_is_sent_is_answered_as_described(operation: Any, api: Api) -> None:
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
            case.validate_response(answer, checks=CHECKS)

    ask()
