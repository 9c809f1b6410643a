"""What `topics check` advises, followed to the letter by a program, leads to a clean check."""

import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from cli.__main__ import application
from cli.framework import run
from local.kafka import LocalKafka
from streams.kafka.clients import close_within_seconds
from streams.kafka.topics import Topic, topic_configs
from streams.settings import Settings
from tests.commands import run_kafka_tool
from tests.topics import make_topic

#: A command in backticks or a setting, in the order in which they stand.
STEP = re.compile(r"`(spendgate [^`]+)`|(SPENDGATE_\w+)=([\w.-]+)")
#: A later check may see what an earlier difference hid.
ROUNDS = 3
SENT_SECONDS = 20


@dataclass(frozen=True)
class Made:
    """A topic as somebody made it by hand."""

    topic: Topic
    partitions: int = 3
    has_records: bool = False
    configs: dict[str, str] = field(default_factory=dict)


CASES: dict[str, tuple[list[Made], dict[str, str]]] = {
    "nothing is there": ([], {}),
    "another setting": ([Made(Topic.CATALOG, has_records=True), Made(Topic.SPEND_EVENTS)], {"PARTITIONS": "5"}),
    "an empty topic differs": ([Made(Topic.CATALOG, has_records=True), Made(Topic.DAYPARTING_TICKS, 1)], {}),
    "all but one are empty": ([Made(Topic.SPEND_EVENTS, 2, has_records=True), Made(Topic.CATALOG)], {}),
    "topics with records differ": (
        [Made(Topic.SPEND_EVENTS, 2, has_records=True), Made(Topic.CATALOG, has_records=True)],
        {},
    ),
    "more replicas than brokers": ([Made(Topic.CATALOG), Made(Topic.SPEND_EVENTS)], {"REPLICATION_FACTOR": "3"}),
    "no write is possible": ([Made(Topic.CATALOG, configs={"min.insync.replicas": "2"})], {}),
    "configurations": ([Made(Topic.CATALOG, configs={"cleanup.policy": "delete", "retention.ms": "1000"})], {}),
}


@pytest.mark.parametrize("case", CASES)
def test_all_advice_followed_leads_to_a_clean_check_and_to_topics_that_take_records(
    case: str,
    kafka: LocalKafka,
    topic_prefix: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made, environment = CASES[case]
    start = {"BROKERS": kafka.brokers, "TOPIC_PREFIX": topic_prefix, "PARTITIONS": "3", **environment}
    for name, value in start.items():
        monkeypatch.setenv(f"SPENDGATE_{name}", value)
    for one in made:
        _make(kafka, one, topic_prefix)
    for _ in range(ROUNDS):
        if not (differences := _differences(capsys)):
            break
        _follow([one["mend"] for one in differences], monkeypatch)
    assert _differences(capsys) == []
    for topic in (Topic.CATALOG, Topic.SPEND_EVENTS):
        asyncio.run(_send(kafka.brokers, Settings().topic(topic)))


def _differences(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    run(application(), ["topics", "check", "--json"])
    return list(json.loads(capsys.readouterr().out)["differences"])


def _follow(mends: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step once. A rebuild needs a ledger, and the check does not need the rebuild."""
    steps = dict.fromkeys(step.groups() for mend in mends for step in STEP.finditer(mend))
    for command, name, value in steps:
        if name:
            monkeypatch.setenv(name, value)
        elif command.startswith("spendgate kafka"):
            run_kafka_tool(*command.split()[2:])
    if any(command == "spendgate topics create" for command, _, _ in steps):
        run(application(), ["topics", "create"])


def _make(kafka: LocalKafka, made: Made, prefix: str) -> None:
    name = f"{prefix}{made.topic}"
    configs = topic_configs(made.topic, Settings()) | made.configs
    asyncio.run(make_topic(Settings(brokers=kafka.brokers), name, made.partitions, configs))
    if made.has_records:
        asyncio.run(_send(kafka.brokers, name))


async def _send(brokers: str, name: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=brokers, acks="all")
    await producer.start()
    try:
        await asyncio.wait_for(producer.send_and_wait(name, b"{}", key=b"nike", partition=0), SENT_SECONDS)
    finally:
        await close_within_seconds(producer)
