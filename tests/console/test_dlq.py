"""`dlq list` and `dlq show` of letters that a real worker refused."""

import asyncio
import base64
import json
import time
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from console.local.kafka import LocalKafka
from streams.settings import Settings
from streams.topics import Topic
from tests.console.commands import Commands
from tests.streams.worker_process import WorkerProcess

PATIENCE_SECONDS = 20


def test_a_refused_event_is_listed_with_reason_origin_key_and_size(
    commands: Commands, worker: WorkerProcess, kafka: LocalKafka
) -> None:
    brand_id = commands.brand()
    value = b'{"event_id":"e1","brand_id":"%s","campaign_id":"c","amount":"0"}' % brand_id.encode()
    offset = _send(kafka, brand_id, value, [("trace", b"t-1")])
    (letter,) = _listed(commands, "--brand", brand_id)
    assert (letter["reason"], letter["key"], letter["brand_id"]) == ("amount_zero", brand_id, brand_id)
    assert (letter["original_partition"], letter["original_offset"]) == (0, offset)
    assert (letter["original_topic"], letter["size"]) == (Settings().topic(Topic.SPEND_EVENTS), len(value))
    assert "zero" in letter["message"]
    shown = commands.json("dlq", "show", letter["id"])
    assert shown["value"] == value.decode()
    assert {"name": "trace", "value": "t-1"} in shown["headers"]
    assert {"name": "spendgate-reason", "value": "amount_zero"} in shown["headers"]
    assert value.decode() in commands.done("dlq", "show", letter["id"])


def test_bytes_that_are_no_text_are_shown_exactly(commands: Commands, worker: WorkerProcess, kafka: LocalKafka) -> None:
    key = commands.brand()  # so that the letter can be found
    value = b"\xff\x00\xfe not json"
    _send(kafka, key, value, [])
    (letter,) = _listed(commands, "--brand", key, "--reason", "not_json")
    shown = commands.json("dlq", "show", letter["id"])
    assert (shown["value"], base64.b64decode(shown["value_base64"])) == (None, value)


def test_the_newest_are_listed_oldest_first_and_only_of_the_reason(
    commands: Commands, worker: WorkerProcess, kafka: LocalKafka
) -> None:
    brand_id = commands.brand()
    for amount in ("0", "0.0000001", "0.0000002", "0.0000003"):
        event = {"event_id": amount, "brand_id": brand_id, "campaign_id": "c", "amount": amount}
        _send(kafka, brand_id, json.dumps(event).encode(), [])
    _listed(commands, "--brand", brand_id, count=4)
    letters = _listed(commands, "--brand", brand_id, "--reason", "amount_precision", "--limit", "2", count=2)
    assert ["0.0000002" in letters[0]["message"], "0.0000003" in letters[1]["message"]] == [True, True]


def test_no_letters_is_an_answer_too(commands: Commands) -> None:
    assert commands.json("dlq", "list", "--brand", commands.brand()) == []
    assert commands.done("dlq", "list", "--brand", commands.brand()) == "No dead letter waits.\n"
    assert commands.done("dlq", "list", "--all", "--brand", commands.brand()) == "There are no dead letters.\n"


@pytest.mark.parametrize(
    "arguments", [["list", "--reason", "because"], ["list", "--brand", "a b"], ["list", "--limit", "0"], ["show", "x"]]
)
def test_a_wrong_filter_is_refused(commands: Commands, arguments: list[str]) -> None:
    commands.refused("dlq", *arguments)


@pytest.mark.parametrize("letter", ["0/999999", "99/0"])
def test_a_letter_that_is_not_there_is_exit_3(commands: Commands, letter: str) -> None:
    assert commands.run("dlq", "show", letter).exit_code == 3


def _listed(commands: Commands, *options: str, count: int = 1) -> list[dict[str, Any]]:
    """The letters as soon as there are so many."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(letters := commands.json("dlq", "list", *options)) < count:
        assert time.monotonic() < deadline
    assert len(letters) == count
    return list(letters)


def _send(kafka: LocalKafka, key: str, value: bytes, headers: list[tuple[str, bytes]]) -> int:
    """Into partition 0, whoever's it is: a refused event is refused anywhere."""
    return asyncio.run(_sent(kafka.brokers, key, value, headers))


async def _sent(brokers: str, key: str, value: bytes, headers: list[tuple[str, bytes]]) -> int:
    async with AIOKafkaProducer(bootstrap_servers=brokers) as producer:
        topic = Settings().topic(Topic.SPEND_EVENTS)
        record = await producer.send_and_wait(topic, value, key=key.encode(), partition=0, headers=headers)
        return int(record.offset)
