"""`control tail` as the executable that an operator leaves running."""

import json
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from cli import control
from local.kafka import LocalKafka
from streams.kafka.topics import Topic
from streams.settings import Settings
from tests.commands import Commands, start
from tests.local.records import create_topic, read_all, send
from tests.streams.worker_process import WorkerProcess

#: By when a process that is told to end has ended, however many others work on the machine.
ENDED_SECONDS = 30

Tail = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def tail() -> Iterator[Tail]:
    """Starts tails that listen when this returns, and are gone after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def listening(*options: str) -> "subprocess.Popen[bytes]":
        process = start("control", "tail", *options)
        started.append(process)
        assert process.stderr and b"listening" in process.stderr.readline()
        return process

    yield listening
    for process in started:
        process.kill()
        process.communicate()


def test_from_the_start_it_prints_the_messages_of_a_campaign_unchanged(
    commands: Commands, worker: WorkerProcess, tail: Tail
) -> None:
    campaign_id = commands.campaign(commands.brand("--daily-budget", "1"))
    commands.json("campaign", "show", campaign_id)  # its first state is told: else it may be the pause
    commands.done("simulate-spend", campaign_id, "1", "--event-id", f"{campaign_id}-e1")
    process = tail("--campaign", campaign_id, "--from-start", "--json")
    assert process.stdout
    first, second = process.stdout.readline(), process.stdout.readline()
    assert [json.loads(it)["command_id"] for it in (first, second)] == [f"{campaign_id}:1:1", f"{campaign_id}:1:2"]
    assert json.loads(second)["cause"]["event_id"] == f"{campaign_id}-e1"
    assert b": " not in second  # the controller's own bytes, not a JSON written anew


def test_without_it_only_what_comes_is_printed_at_once_and_ctrl_c_is_a_clean_end(
    commands: Commands, worker: WorkerProcess, tail: Tail
) -> None:
    campaign_id = commands.campaign(commands.brand())
    commands.json("campaign", "show", campaign_id)  # its first state is told
    process = tail("--campaign", campaign_id)
    assert process.stdout
    commands.done("campaign", "pause", campaign_id)
    line = process.stdout.readline().decode()
    assert f"pause   {campaign_id}: an operator paused it" in line
    assert "(catalog " in line
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=ENDED_SECONDS)
    assert (process.returncode, out, err) == (0, b"", b"")


def test_it_goes_on_where_it_was_after_the_broker_was_away(
    commands: Commands, tail: Tail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = LocalKafka(tmp_path)
    broker.start()
    try:
        monkeypatch.setenv("SPENDGATE_BROKERS", broker.brokers)
        topic = Settings().topic(Topic.CAMPAIGN_CONTROL)
        create_topic(broker.brokers, topic)
        send(broker.brokers, topic, b'"before"')
        process = tail("--json")
        assert process.stdout
        send(broker.brokers, topic, b'"one"')
        assert process.stdout.readline() == b'"one"\n'
        broker.stop()
        restarted = LocalKafka(tmp_path, port=broker.port)
        restarted.start()
        try:
            send(restarted.brokers, topic, b'"two"')
            assert process.stdout.readline() == b'"two"\n'
            assert read_all(restarted.brokers, topic) == [b'"before"', b'"one"', b'"two"']
        finally:
            restarted.stop()
    finally:
        broker.stop()
    assert process.poll() is None


def test_a_topic_that_is_not_there_is_told(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPENDGATE_TOPIC_PREFIX", "never-made-")
    result = commands.run("control", "tail")
    assert (result.exit_code, result.out) == (1, "")
    assert "spendgate topics create" in result.err


async def test_a_tombstone_is_no_line(
    monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Anybody who may write there may send one; JSON lines have no empty one."""

    async def commands(*_: object) -> AsyncIterator[SimpleNamespace]:
        for value in (b'{"a":1}', None, b'{"a":2}'):
            yield SimpleNamespace(key=b"summer", value=value)

    monkeypatch.setattr(control, "_commands", commands)
    monkeypatch.setattr(control.output, "is_json", lambda: True)
    await control._tail(Settings(), "summer", True)
    assert capsysbinary.readouterr().out == b'{"a":1}\n{"a":2}\n'
