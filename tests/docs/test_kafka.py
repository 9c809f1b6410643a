"""docs/kafka.md names every setting of the topics and of the clients."""

import re
from functools import cache
from itertools import product

from streams.kafka.topics import ALL_TOPICS, topic_configs
from streams.settings import SETTINGS, Settings, Timestamps
from streams.worker.startup_checks import _FATAL
from tests.docs.repository import in_backticks, section, table_rows, text_of

PAGE = text_of("docs/kafka.md")
OF_TOPICS = {in_backticks(row[0])[0]: row for row in table_rows(section(PAGE, "## Settings of the topics"))}


@cache
def configs() -> dict[str, dict[str, set[str]]]:
    """Of each setting its values, and the topics that have each."""
    found: dict[str, dict[str, set[str]]] = {}
    for timestamps, replicas, topic in product(Timestamps, (1, 3), ALL_TOPICS):
        settings = Settings(timestamps=timestamps, replication_factor=replicas)
        for name, value in topic_configs(topic, settings).items():
            found.setdefault(name, {}).setdefault(value, set()).add(topic)
    return found


def test_every_setting_of_the_topics_has_its_line_and_no_other() -> None:
    assert set(OF_TOPICS) == set(configs())
    assert all(len(row) == 4 and all(row) for row in OF_TOPICS.values())


def test_a_setting_that_some_topics_have_names_them() -> None:
    for name in ("max.message.bytes", "min.compaction.lag.ms", "segment.bytes", "max.compaction.lag.ms"):
        topics = {topic for those in configs()[name].values() for topic in those}
        assert set(in_backticks(OF_TOPICS[name][1])) == topics, name
    assert (
        set(in_backticks(OF_TOPICS["cleanup.policy"][1]))
        == {"compact", "delete"} | configs()["cleanup.policy"]["compact"]
    )
    kept = {topic for value, those in configs()["retention.ms"].items() if value != "-1" for topic in those}
    assert set(in_backticks(OF_TOPICS["retention.ms"][1])) - {"SPENDGATE_TIMESTAMPS=create"} == kept


def test_a_setting_without_which_no_worker_starts_says_so() -> None:
    told = {name for name, row in OF_TOPICS.items() if row[3].startswith("the worker does not start")}
    assert told == _FATAL & set(OF_TOPICS)


def test_every_setting_of_the_clients_has_its_line_and_no_other() -> None:
    rows = table_rows(section(PAGE, "## Settings of the clients"))
    named = {name for row in rows for name in in_backticks(row[0])}
    assert named == {name.upper() for name in SETTINGS if name.startswith("kafka_")}


def test_every_mechanism_and_protocol_is_named() -> None:
    for name in ("kafka_sasl_mechanism", "kafka_security_protocol"):
        assert set(re.findall(r"[A-Z0-9_-]+", SETTINGS[name].pattern)) <= set(
            in_backticks(section(PAGE, "## Settings of the clients"))
        )
