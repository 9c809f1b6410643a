"""The shared services answer."""

import subprocess
from contextlib import closing

import psycopg2

from local.kafka import LocalKafka
from local.kafka_tools import tool_command


def test_the_genuine_kafka_tool_creates_and_lists_topics(kafka: LocalKafka, topic_prefix: str) -> None:
    topic = f"{topic_prefix}spend-events"
    create = tool_command("kafka-topics", ["--create", "--topic", topic, "--partitions", "3"], kafka.brokers)
    subprocess.run(create, check=True, capture_output=True)

    listed = subprocess.run(
        tool_command("kafka-topics", ["--list"], kafka.brokers), check=True, capture_output=True, text=True
    )

    assert topic in listed.stdout.splitlines()
    assert listed.stderr == ""


def test_each_test_has_an_empty_database_of_its_own(database_url: str) -> None:
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_database(), count(*) FROM pg_tables WHERE schemaname = 'public'")

        assert cursor.fetchone() == (database_url.rsplit("/", 1)[1], 0)
