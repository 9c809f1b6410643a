"""`topics create` and `topics check` on a real broker."""

import json
import shlex

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from cli.__main__ import application
from cli.framework import run
from local.kafka import LocalKafka
from streams.kafka import topics
from streams.kafka.topics import ALL_TOPICS, Topic
from streams.settings import Settings
from tests.commands import run_kafka_tool
from tests.streams.topic_changes import change_config


@pytest.fixture(autouse=True)
def environment(kafka: LocalKafka, topic_prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPENDGATE_BROKERS", kafka.brokers)
    monkeypatch.setenv("SPENDGATE_TOPIC_PREFIX", topic_prefix)
    monkeypatch.setenv("SPENDGATE_PARTITIONS", "3")


def test_what_create_makes_satisfies_check_and_a_second_create_makes_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(application(), ["topics", "create", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "created": [Settings().topic(topic) for topic in ALL_TOPICS],
        "left_out": [],
    }
    assert run(application(), ["topics", "check"]) == 0
    capsys.readouterr()
    assert run(application(), ["topics", "create", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"created": [], "left_out": []}


def test_check_names_each_missing_topic_and_exits_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(application(), ["topics", "check"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(ALL_TOPICS)
    assert all("missing" in line and "spendgate topics create" in line for line in lines)


def test_another_partition_count_is_refused_because_state_depends_on_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(application(), ["topics", "create"])
    monkeypatch.setenv("SPENDGATE_PARTITIONS", "5")
    assert run(application(), ["topics", "create"]) == 1
    assert "SPENDGATE_PARTITIONS=3" in capsys.readouterr().err
    assert run(application(), ["topics", "check", "--json"]) == 1
    differences = json.loads(capsys.readouterr().out)["differences"]
    assert {(one["what"], one["found"], one["wanted"]) for one in differences} == {("partitions", "3", "5")}


def test_check_tells_other_clocks_and_keeping(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(application(), ["topics", "create"])
    capsys.readouterr()
    monkeypatch.setenv("SPENDGATE_TIMESTAMPS", "create")
    assert run(application(), ["topics", "check"]) == 1
    observed = capsys.readouterr().out
    assert "message.timestamp.type is LogAppendTime and must be CreateTime" in observed
    assert "retention.ms" in observed


def test_a_longer_retention_than_asked_for_is_no_difference(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPENDGATE_TIMESTAMPS", "create")
    run(application(), ["topics", "create"])
    capsys.readouterr()
    monkeypatch.setenv("SPENDGATE_TIMESTAMPS", "append")
    assert run(application(), ["topics", "check"]) == 1
    assert "retention.ms" not in capsys.readouterr().out


def test_check_names_a_limit_that_is_below_what_we_write_and_none_above_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(application(), ["topics", "create"])
    name = Settings().topic(Topic.CAMPAIGN_CONTROL)
    for size, exit_code in ((2_000, 1), (4_194_304, 0)):
        change_config(Settings(), Topic.CAMPAIGN_CONTROL, "max.message.bytes", str(size))
        capsys.readouterr()
        while run(application(), ["topics", "check"]) != exit_code:  # the broker tells it a moment later
            capsys.readouterr()
        assert (f"{name}: max.message.bytes is {size}" in capsys.readouterr().out) == bool(exit_code)


def test_more_replicas_than_brokers_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPENDGATE_REPLICATION_FACTOR", "2")
    assert run(application(), ["topics", "create"]) == 1
    assert "SPENDGATE_REPLICATION_FACTOR" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("refused", "value"), [("no.such.setting", "1"), ("max.compaction.lag.ms", "-5")], ids=["unknown", "bad value"]
)
def test_a_setting_that_the_broker_refuses_is_left_out_and_told(
    refused: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    extra = topics._RETENTION[Topic.CONTROLLER_STATE].extra
    monkeypatch.setitem(extra, refused, value)
    name = Settings().topic(Topic.CONTROLLER_STATE)
    assert run(application(), ["topics", "create", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert name in told["created"]
    ((topic, setting, wanted, refusal),) = (it.values() for it in told["left_out"])
    assert (topic, setting, wanted) == (name, refused, value)
    assert refused in refusal
    assert run(application(), ["topics", "check", "--json"]) == 1
    assert {it["what"] for it in json.loads(capsys.readouterr().out)["differences"]} == {refused}


def test_without_a_setting_that_every_worker_needs_no_topic_is_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(topics._RETENTION[Topic.CONTROLLER_STATE].extra, "min.insync.replicas", "0")
    assert run(application(), ["topics", "create"]) == 1
    assert "min.insync.replicas" in capsys.readouterr().err


def test_topics_that_another_tool_makes_of_what_is_printed_are_as_they_must_be(
    kafka: LocalKafka, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(application(), ["topics", "create", "--print"]) == 0
    *_, last = capsys.readouterr().out.splitlines()
    assert run(application(), ["topics", "create", "--print", "--json"]) == 0
    *topics, of_line = json.loads(capsys.readouterr().out)["topics"]
    assert len(topics) + 1 == len(ALL_TOPICS)
    admin = AdminClient({"bootstrap.servers": kafka.brokers})
    made = admin.create_topics(
        [NewTopic(it["name"], it["partitions"], it["replication_factor"], config=it["config"]) for it in topics]
    )
    for future in made.values():
        future.result(60)
    assert of_line["name"] in last
    run_kafka_tool(*shlex.split(last))
    assert run(application(), ["topics", "check"]) == 0, capsys.readouterr().out
