"""`dlq …` of letters that a real worker refused."""

import asyncio
import base64
import io
import json
import time
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from core.partitioner import partition_of
from local.kafka import LocalKafka
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.commands import Commands
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


def test_a_letter_is_replayed_once_its_brand_is_there_and_then_waits_no_more(
    commands: Commands, worker: WorkerProcess, kafka: LocalKafka
) -> None:
    brand_id = commands.brand().replace("brand", "late")
    dead_letter_id = _unknown(commands, kafka, brand_id, "3.00")
    result = commands.run("dlq", "replay", dead_letter_id)
    assert (result.exit_code, result.err) == (4, "")
    assert result.out == f"{dead_letter_id} refused: There is no brand {brand_id}: add it first.\n1 refused\n"

    commands.done("brand", "add", brand_id, "--time-zone", "UTC", "--currency", "USD")
    observed = commands.done("dlq", "replay", "--brand", brand_id, "--dry-run")
    assert observed == f"{dead_letter_id} would be replayed\n1 replayed; nothing was done\n"
    assert len(_listed(commands, "--brand", brand_id)) == 1
    replayed = commands.json("dlq", "replay", "--brand", brand_id)
    assert (replayed["id"], replayed["result"], replayed["dry_run"]) == (dead_letter_id, "replayed", False)
    assert replayed["copy"]["topic"] == Settings().topic(Topic.SPEND_EVENTS)

    assert commands.json("dlq", "list", "--brand", brand_id) == []
    assert commands.done("dlq", "replay", "--brand", brand_id) == "No dead letter that waits fits.\n"
    assert "already: It was replayed at " in commands.done("dlq", "replay", dead_letter_id)
    [handled] = commands.json("dlq", "list", "--all", "--brand", brand_id)
    assert (handled["standing"], handled["by"]) == ("replayed", "cli:tester")
    assert "standing  replayed" in commands.done("dlq", "show", dead_letter_id)
    _until_spent(commands, brand_id, "3.00")
    commands.done("dlq", "replay", dead_letter_id, "--force")
    commands.done("simulate-spend", commands.campaign(brand_id), "1.00")  # is counted after what was sent before
    _until_spent(commands, brand_id, "4.00")


def test_a_letter_is_dropped_after_a_question_and_with_a_reason(
    commands: Commands, worker: WorkerProcess, kafka: LocalKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    brand_id = commands.brand().replace("brand", "never")
    dead_letter_id = _unknown(commands, kafka, brand_id, "3.00")
    drop = ("dlq", "drop", dead_letter_id, "--because", "a test of ours")
    assert commands.refused(*drop) == "Drop 1 dead letter? Nobody is there to confirm it: give --yes."
    monkeypatch.setattr("sys.stdin", _Typed("y\n"))
    result = commands.run(*drop)
    assert (result.exit_code, result.out, result.err) == (1, "", "Drop 1 dead letter? Type yes:\nNothing was done.\n")
    assert commands.json(*drop, "--dry-run")["result"] == "dropped"
    assert len(_listed(commands, "--brand", brand_id)) == 1

    monkeypatch.setattr("sys.stdin", _Typed("yes\n"))
    assert commands.json(*drop)["result"] == "dropped"
    assert commands.json("dlq", "list", "--brand", brand_id) == []
    again = commands.json(*drop, "--yes")
    assert (again["result"], "(a test of ours)" in again["why"]) == ("already", True)
    shown = commands.json("dlq", "show", dead_letter_id)
    assert (shown["standing"], shown["because"], shown["by"]) == ("dropped", "a test of ours", "cli:tester")


@pytest.mark.parametrize("command", [["replay"], ["drop", "--because", "x", "--yes"]])
@pytest.mark.parametrize("which", [[], ["0/0", "--all"], ["0"], ["--brand", "a b"], ["--reason", "because"]])
def test_letters_are_named_one_by_one_or_by_a_filter(commands: Commands, command: list[str], which: list[str]) -> None:
    commands.refused("dlq", *command, *which)


@pytest.mark.parametrize("because", ["", " ", "x" * 1001, "line\nbreak"])
def test_who_drops_says_why(commands: Commands, because: str) -> None:
    assert "Say why" in commands.refused("dlq", "drop", "--all", "--yes", "--because", because)


@pytest.mark.parametrize("command", [["replay"], ["drop", "--because", "x", "--yes"], ["drop", "--because", "x"]])
def test_a_letter_that_is_not_there_is_neither_replayed_nor_dropped(commands: Commands, command: list[str]) -> None:
    result = commands.run("dlq", *command, "0/999999")
    assert (result.exit_code, result.err) == (3, "There is no dead letter 0/999999.\n")


class _Typed(io.StringIO):
    """What a person types at a terminal."""

    def isatty(self) -> bool:
        return True


def _unknown(commands: Commands, kafka: LocalKafka, brand_id: str, amount: str) -> str:
    """The id of a letter about a brand that is not there."""
    event = {"event_id": "e", "brand_id": brand_id, "campaign_id": "c", "amount": amount}
    partition = partition_of(brand_id, Settings().partitions)
    asyncio.run(_sent(kafka.brokers, brand_id, json.dumps(event).encode(), [], partition))
    (letter,) = _listed(commands, "--brand", brand_id, "--reason", "unknown_brand")
    return str(letter["id"])


def _until_spent(commands: Commands, brand_id: str, amount: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (spent := commands.json("brand", "show", brand_id)["daily_spent"]) != amount:
        assert time.monotonic() < deadline, spent


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


async def _sent(brokers: str, key: str, value: bytes, headers: list[tuple[str, bytes]], partition: int = 0) -> int:
    async with AIOKafkaProducer(bootstrap_servers=brokers) as producer:
        topic = Settings().topic(Topic.SPEND_EVENTS)
        record = await producer.send_and_wait(topic, value, key=key.encode(), partition=partition, headers=headers)
        return int(record.offset)
