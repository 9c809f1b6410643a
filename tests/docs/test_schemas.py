"""docs/schemas has a JSON Schema of every message by itself: the same as in docs/asyncapi.yaml, from the same types."""

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from docs.make_asyncapi import SCHEMAS_FOLDER, render_schemas
from streams.kafka.codec import encode
from streams.kafka.topics import Topic
from tests.docs.messages import SENT, SPEND, play, played
from tests.docs.repository import text_of, yaml_of

DOCUMENT = yaml_of("docs/asyncapi.yaml")
FILES = sorted(path.name for path in SCHEMAS_FOLDER.iterdir())


def schema_of(name: str) -> Any:
    return json.loads((SCHEMAS_FOLDER / name).read_text(encoding="utf-8"))


def check(topic: str, value: Any) -> None:
    """Raises ValidationError unless the value is one of the messages of the topic."""
    messages = DOCUMENT["channels"][topic]["messages"]
    files = [DOCUMENT["components"]["messages"][name]["x-json-schema"].removeprefix("schemas/") for name in messages]
    errors = [list(Draft202012Validator(schema_of(name)).iter_errors(value)) for name in files]
    if all(errors):
        raise min(errors, key=len)[0]


def test_the_committed_files_are_what_the_generator_makes() -> None:
    rendered = {name: (SCHEMAS_FOLDER / name).read_text(encoding="utf-8") for name in FILES}
    assert rendered == render_schemas(), "run `python -m docs.make_asyncapi`"


@pytest.mark.parametrize("name", FILES)
def test_a_schema_stands_by_itself_and_its_types_have_names(name: str) -> None:
    schema = schema_of(name)
    Draft202012Validator.check_schema(schema)
    types = schema.get("$defs", {})
    referred = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(schema)))
    assert referred == {f"#/$defs/{it}" for it in types}
    assert {it: within["title"] for it, within in types.items()} == {it: it for it in types}


@pytest.mark.parametrize("name", FILES)
def test_asyncapi_refers_to_it_and_describes_the_same(name: str) -> None:
    kind = name.removesuffix(".json")
    message = DOCUMENT["components"]["messages"][kind]
    assert message["x-json-schema"] == f"{SCHEMAS_FOLDER.name}/{name}"
    assert message["payload"] == {"$ref": f"#/components/schemas/{kind}"}
    schema = schema_of(name)
    described = DOCUMENT["components"]["schemas"]
    for it, within in {**schema.get("$defs", {}), kind: schema}.items():
        own = {key: value for key, value in within.items() if key not in ("$schema", "$id", "$defs")}
        assert json.loads(json.dumps(own).replace("#/$defs/", "#/components/schemas/")) == described[it]


@pytest.mark.parametrize(("topic", "value"), [(topic, value) for topic, _, value, _ in SENT])
def test_what_the_worker_reads_is_valid(topic: Topic, value: bytes) -> None:
    check(topic.value, json.loads(value))


def test_what_the_worker_tells_is_valid() -> None:
    for command in play():
        check(Topic.CAMPAIGN_CONTROL.value, json.loads(encode(command)))
    alerts = played().alerts
    assert alerts
    for alert in alerts:
        check(Topic.BUDGET_ALERTS.value, json.loads(encode(alert)))


@pytest.mark.parametrize("topic", ["spend-events", "spend-snapshots", "campaign-control", "budget-alerts"])
def test_the_example_of_the_contract_is_valid(topic: str) -> None:
    """As it is written there, and without a field that it must have it is not."""
    (example,) = re.findall(rf"### {topic}\n```json\n(.+?)```", text_of("docs/contract.md"), re.DOTALL)
    value = json.loads(example)
    check(topic, value)
    del value["campaign_id"]
    with pytest.raises(ValidationError):
        check(topic, value)


@pytest.mark.parametrize("change", [{"amount": "1,50"}, {"brand_id": "a/b"}, {"occurred_at": "noon"}])
def test_what_the_worker_refuses_is_not_valid(change: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        check(Topic.SPEND_EVENTS.value, {**json.loads(SPEND[1]), **change})
