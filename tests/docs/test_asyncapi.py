"""docs/asyncapi.yaml is what the code says, is AsyncAPI, and describes the messages that really go out and come in."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft7Validator, ValidationError

from core.refusal import RefusalReason
from docs.make_asyncapi import ASYNCAPI_FILE, render
from schedulers.catalog_relay.topic import edit_header
from streams.kafka.codec import encode
from streams.kafka.topics import Topic
from streams.worker.fitting import fit
from streams.worker.writes import Write
from tests.docs.messages import MORNING, SENT, SPEND, dead_letter, play, rerouted
from tests.docs.repository import yaml_of

DOCUMENT = yaml_of("docs/asyncapi.yaml")
ASYNCAPI_SCHEMA = json.loads(Path(__file__).with_name("asyncapi-3.0.0.json").read_text(encoding="utf-8"))


def check(topic: Topic, value: Any) -> None:
    """Raises ValidationError unless the value is one of the messages of the topic."""
    names = DOCUMENT["channels"][topic.value]["messages"]
    payloads = [DOCUMENT["components"]["messages"][name]["payload"] for name in names]
    Draft7Validator({"anyOf": payloads, "components": DOCUMENT["components"]}).validate(value)


def test_the_committed_file_is_what_the_generator_makes() -> None:
    assert ASYNCAPI_FILE.read_text(encoding="utf-8") == render(), "run `python -m docs.make_asyncapi`"


def test_the_file_is_an_asyncapi_document() -> None:
    Draft7Validator(ASYNCAPI_SCHEMA).validate(DOCUMENT)


def test_every_topic_but_the_internal_one_is_described() -> None:
    assert set(DOCUMENT["channels"]) == {topic.value for topic in Topic} - {Topic.CONTROLLER_STATE.value}


@pytest.mark.parametrize(("topic", "value"), [(topic, value) for topic, _, value, _ in SENT])
def test_what_the_worker_reads_is_described(topic: Topic, value: bytes) -> None:
    check(topic, json.loads(value))


def test_what_the_worker_tells_is_described() -> None:
    commands = play()
    assert [(it.campaign_id, it.action.value, it.reasons, it.cause.kind.value) for it in commands] == [
        ("nike-summer", "resume", [], "catalog"),
        ("nike-nights", "pause", ["schedule"], "catalog"),
        ("nike-summer", "pause", ["daily_budget"], "spend"),
        ("nike-summer", "resume", [], "budget_reset"),
    ]
    for command in commands:
        check(Topic.CAMPAIGN_CONTROL, json.loads(encode(command)))


@pytest.mark.parametrize(
    "change",
    [{"amount": "1,50"}, {"amount": "0.1234567"}, {"brand_id": "a/b"}, {"event_id": ""}, {"occurred_at": "noon"}],
)
def test_what_the_worker_refuses_in_a_spend_event_is_refused_by_its_schema(change: dict[str, str]) -> None:
    event = {**json.loads(SPEND[1]), **change}
    assert dead_letter(msgspec.json.encode(event))
    with pytest.raises(ValidationError):
        check(Topic.SPEND_EVENTS, event)


def test_a_dead_letter_bears_the_headers_that_are_described() -> None:
    letter = dead_letter(b"not JSON")
    headers = {name: value.decode() for name, value in letter.headers}
    assert letter.value == b"not JSON"
    assert headers["spendgate-reason"] == RefusalReason.NOT_JSON
    described = DOCUMENT["components"]["messages"]["DeadLetter"]["headers"]
    assert set(described["required"]) == set(headers) - {"spendgate-arrival"}
    assert set(headers) <= set(described["properties"])
    Draft7Validator(described).validate(headers)


def test_a_dead_letter_that_was_cut_bears_headers_that_are_described() -> None:
    described = DOCUMENT["components"]["messages"]["DeadLetter"]["headers"]
    letter = dead_letter(b"x" * 70_000)
    write = Write(Topic.DEAD_LETTERS.value, 0, b"k" * 5_000, letter.value, (("mine", b"h" * 5_000), *letter.headers))
    cut = fit(write, 1_500)
    assert cut is not None
    headers = {name: (value or b"").decode() for name, value in cut.headers}
    ours = {"value-length", "value-sha256", "key-length", "headers-dropped"}
    assert {f"spendgate-{name}" for name in ours} <= set(headers) <= set(described["properties"])
    Draft7Validator(described).validate(headers)


def test_a_document_of_the_relay_bears_the_header_that_is_described() -> None:
    headers = {name: value.decode() for name, value in edit_header((7, MORNING))}
    for name in ("BrandDocument", "CampaignDocument"):
        described = DOCUMENT["components"]["messages"][name]["headers"]
        assert set(headers) == set(described["properties"])
        Draft7Validator(described).validate(headers)


def test_a_copy_of_misplaced_spend_bears_headers_that_are_described() -> None:
    described = DOCUMENT["components"]["messages"]["SpendEvent"]["headers"]
    headers = {name: value.decode() for name, value in rerouted(SPEND[0]).headers}
    assert set(headers) == set(described["properties"]) - {"spendgate-replayed", "traceparent"}
    Draft7Validator(described).validate(headers)
