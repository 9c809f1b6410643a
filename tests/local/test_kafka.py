"""The broker keeps its records over every kind of stop, and says what is wrong when it cannot start."""

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from confluent_kafka.admin import AdminClient

from local.kafka import LocalKafka
from local.kafka_properties import client_properties, inheritable_file
from local.kafka_tools import tool_command
from local.service_errors import DataFolderInUse, DataFolderUnsecured, DataFolderUnusable, PortBusy, UnknownTool
from streams.settings import Settings
from tests.local.records import create_topic, read_all, send

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    # A comma, a blank and a letter outside ASCII all mean something in Kafka's settings.
    service = LocalKafka(tmp_path_factory.mktemp("shared") / "dätá, 1")
    yield service
    service.kill()


@pytest.fixture
def running(shared: LocalKafka) -> LocalKafka:
    """One for all tests, because a start is what they cost. A test may stop it."""
    if shared.process is None:
        shared.start()
    return shared


def test_records_outlive_a_stop_and_a_kill(running: LocalKafka) -> None:
    create_topic(running.brokers, "kept")
    send(running.brokers, "kept", b"before the stop")
    running.stop()

    running.start()
    assert read_all(running.brokers, "kept") == [b"before the stop"]
    send(running.brokers, "kept", b"before the kill")
    running.kill()

    running.start()
    assert read_all(running.brokers, "kept") == [b"before the stop", b"before the kill"]


def test_a_folder_has_one_broker_at_a_time(running: LocalKafka) -> None:
    before = topics_of(running)
    with pytest.raises(DataFolderInUse, match="in use by another running spendgate"):
        LocalKafka(running.folder.parent).start()

    assert topics_of(running) == before


def test_a_stop_leaves_no_process_and_can_be_repeated(running: LocalKafka) -> None:
    assert running.process is not None
    pid = running.process.pid

    running.stop()
    running.stop()

    assert not psutil.pid_exists(pid)


def test_a_folder_that_was_open_is_not_secured_in_silence(shared: LocalKafka) -> None:
    if not shared.folder.exists():  # no test before this one has started it
        shared.start()
    shared.stop()
    with pytest.raises(DataFolderUnsecured, match="choose another data folder"):
        LocalKafka(shared.folder.parent, secured=True).start()


def test_a_taken_port_is_told_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(
            PortBusy, match=f"^Port {port} for Kafka is taken by another program: .* choose another port"
        ):
            LocalKafka(tmp_path, port).start()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(DataFolderUnusable, match="choose another data folder"):
        LocalKafka(tmp_path / "file" / "data").start()


def test_a_frozen_broker_of_a_former_run_is_ended_before_a_new_one_starts(running: LocalKafka) -> None:
    before = topics_of(running)
    assert running.process is not None
    leftover = running.process
    leftover.send_signal(signal.SIGSTOP)
    running._ownership.release()  # as the death of its owner does

    successor = LocalKafka(running.folder.parent)
    successor.start()
    try:
        assert leftover.wait(5) is not None
        assert topics_of(successor) == before
    finally:
        successor.stop()
        running.kill()


def test_the_tools_are_given_the_brokers_unless_they_are_told() -> None:
    assert tool_command("kafka-topics", ["--list"], "b:1")[-3:] == ["--bootstrap-server", "b:1", "--list"]
    assert tool_command("kafka-cluster.sh", ["cluster-id"], "b:1")[-3:] == ["cluster-id", "--bootstrap-server", "b:1"]
    assert tool_command("kafka-dump-log", ["--files", "x"], "b:1")[-3:] == [
        "org.apache.kafka.tools.DumpLogSegments",
        "--files",
        "x",
    ]
    observed = ["--bootstrap-server=other:1", "--list"]
    assert tool_command("kafka-topics", observed, "b:1")[-3:] == ["org.apache.kafka.tools.TopicCommand", *observed]


@pytest.mark.parametrize(
    ("tool", "arguments", "filled"),
    [
        ("kafka-topics", ["--list"], ["--bootstrap-server", "b:1", "--command-config", "p", "--list"]),
        ("kafka-cluster", ["id"], ["id", "--bootstrap-server", "b:1", "--command-config", "p"]),
        ("kafka-cluster", ["id", "-c", "own"], ["id", "--bootstrap-server", "b:1", "-c", "own"]),
        ("kafka-topics", ["--command-config=own"], ["--bootstrap-server", "b:1", "--command-config=own"]),
        (
            "kafka-console-consumer",
            ["--consumer.config", "own"],
            ["--bootstrap-server", "b:1", "--consumer.config", "own"],
        ),
        ("kafka-topics", ["--create", "--config", "a=b"], ["--command-config", "p", "--create", "--config", "a=b"]),
        ("kafka-replica-verification", [], ["--broker-list", "b:1"]),
        ("kafka-dump-log", ["--files", "x"], ["org.apache.kafka.tools.DumpLogSegments", "--files", "x"]),
    ],
)
def test_the_tools_are_given_the_way_into_a_secured_cluster_unless_they_are_told(
    tool: str, arguments: list[str], filled: list[str]
) -> None:
    assert tool_command(tool, arguments, "b:1", properties="p")[-len(filled) :] == filled


def test_a_password_of_any_characters_reaches_java(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    settings = Settings(
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism="SCRAM-SHA-512",
        kafka_username="wörker",
        kafka_password='a"b\\c #=😀',
        kafka_ca_file=tmp_path / "ca.pem",
    )
    text = client_properties(settings)
    assert text is not None
    assert 'username="w\\u00f6rker"' in text
    assert 'password="a\\\\"b\\\\\\\\c #=\\ud83d\\ude00";' in text
    assert Path(inheritable_file(text)).read_text() == text
    assert client_properties(Settings()) is None


def test_a_secured_broker_keeps_its_secrets_from_others_and_its_password_over_a_stop(tmp_path: Path) -> None:
    broker = LocalKafka(tmp_path, secured=True)
    try:
        broker.start()
        assert not [
            path for path in [broker.folder, *(broker.folder / "security").iterdir()] if path.stat().st_mode & 0o77
        ]
        assert (broker.folder / "server.properties").stat().st_mode & 0o77 == 0
        before = broker.client_settings
        broker.stop()
        broker = LocalKafka(tmp_path, broker.port)  # also without being told again
        broker.start()
        assert broker.client_settings == before
    finally:
        broker.kill()


def test_an_unknown_tool_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownTool, match=r"no Kafka tool named kafka-brew; known are kafka-acls, .*kafka-topics"):
        tool_command("kafka-brew", [], "b:1")


def topics_of(broker: LocalKafka) -> list[str]:
    return list(AdminClient({"bootstrap.servers": broker.brokers}).list_topics(timeout=30).topics)
