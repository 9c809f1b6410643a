"""What docs/clients.md tells producers and users of Kafka Connect to write is run as it is written."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from jsonschema import Draft202012Validator

from core.partitioner import partition_of
from docs.make_asyncapi import SCHEMAS_FOLDER
from local.jars import kafka_jars
from local.java import QUICK_START
from local.kafka import LocalKafka
from tests.clients.topics import command
from tests.docs.repository import text_of

PAGE = text_of("docs/clients.md")
PARTITIONS = 5
PATIENCE_SECONDS = 20
WITHOUT_ENVELOPE, WITH_COLUMNS = re.findall(r"```properties\n(.+?)```", PAGE, re.DOTALL)
ENVELOPE = WITHOUT_ENVELOPE.replace("value.converter.schemas.enable=false\n", "")  # Connect's default


def recipe(language: str) -> str:
    (block,) = re.findall(rf"```{language}\n(.+?)```", PAGE, re.DOTALL)
    return str(block)


@pytest.fixture
def topic(kafka: LocalKafka, topic_prefix: str) -> str:
    name = f"{topic_prefix}spend-events"
    admin = AdminClient({"bootstrap.servers": kafka.brokers})
    admin.create_topics([NewTopic(name, PARTITIONS, 1)])[name].result(PATIENCE_SECONDS)
    return name


def run(arguments: list[str]) -> None:
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def spend_in_its_partition(kafka: LocalKafka, topic: str) -> Any:
    """The one event of the topic, which lies where the brand's spend belongs."""
    consumer = Consumer({"bootstrap.servers": kafka.brokers, "group.id": "unused", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, partition_of("nike", PARTITIONS), 0)])
    message = consumer.poll(PATIENCE_SECONDS)
    consumer.close()
    assert message is not None and message.error() is None and message.key() == b"nike"
    return json.loads(message.value())


def check(event: Any) -> None:
    schema = json.loads((SCHEMAS_FOLDER / "SpendEvent.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(event)


def test_the_recipe_in_python_sends_spend(kafka: LocalKafka, topic: str) -> None:
    program = recipe("python").replace("localhost:9092", kafka.brokers).replace("spend-events", topic)
    run([sys.executable, "-c", program])
    check(spend_in_its_partition(kafka, topic))


def test_the_recipe_with_kcat_sends_spend(kafka: LocalKafka, topic: str) -> None:
    if shutil.which("kcat") is None:
        pytest.skip("the recipe with kcat is not tested: kcat is not on this machine")
    script = recipe("sh").replace("localhost:9092", kafka.brokers).replace("spend-events", topic)
    run(["bash", "-ec", script])
    check(spend_in_its_partition(kafka, topic))


@pytest.fixture(scope="module")
def converter(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of a program that shows what Connect's own converter, set by a file, makes of a command in another.
    It is compiled once: that takes most of what its runs do."""
    if shutil.which("java") is None or shutil.which("javac") is None:
        pytest.skip("the settings of Kafka Connect are not tested: no JDK is on this machine")
    classes = tmp_path_factory.mktemp("converter")
    jars = [str(jar) for jar in kafka_jars()]
    path = os.pathsep.join(jars)
    run(["javac", f"-J{QUICK_START}", "-cp", path, "-d", str(classes), str(Path(__file__).with_name("Converted.java"))])
    return ["java", QUICK_START, "-cp", os.pathsep.join([str(classes), *jars]), "Converted"]


def converted(converter: list[str], settings: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "connect.properties").write_text(settings)
    (folder / "command.json").write_text(json.dumps(command("nike-summer", 7, "daily_budget")))
    files = [str(folder / name) for name in ("connect.properties", "command.json")]
    return subprocess.run([*converter, *files], capture_output=True, text=True, timeout=60)


def test_connect_reads_a_command_without_an_envelope(converter: list[str], tmp_path: Path) -> None:
    told = converted(converter, WITHOUT_ENVELOPE, tmp_path)
    assert told.stdout.startswith("HashMap "), told.stderr
    assert "command_id=nike-summer:1:7" in told.stdout and "schema=1" in told.stdout


def test_connect_reads_a_command_into_columns(converter: list[str], tmp_path: Path) -> None:
    told = converted(converter, WITH_COLUMNS, tmp_path)
    assert told.stdout == "Struct Struct{command_id=nike-summer:1:7,schema=1,action=pause}\n", told.stderr


def test_connect_refuses_a_command_by_default(converter: list[str], tmp_path: Path) -> None:
    assert 'requires "schema" and "payload" fields' in converted(converter, ENVELOPE, tmp_path).stderr
