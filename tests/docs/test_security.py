"""docs/security.md and SECURITY.md have the rights of processes and commands as `spendgate topics acls` prints them."""

import pytest

from streams.kafka.rights import CLIENTS, Operation, Process, Resource, Right, rights_of
from streams.kafka.topics import ALL_TOPICS
from streams.settings import Settings
from tests.docs.repository import in_backticks, section, table_rows, text_of

ROWS = {in_backticks(row[0])[0]: row for row in table_rows(section(text_of("docs/security.md"), "### Rights"))}

THREATS = {
    in_backticks(row[0])[0]: row
    for row in table_rows(section(text_of("SECURITY.md"), "## What a forged record could do"))
}


def test_every_process_has_its_row() -> None:
    assert {process.value for process in Process} <= set(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_it_names_the_topics_that_are_read_and_written(name: str) -> None:
    rights = [it for it in rights_of([CLIENTS[name]], Settings()) if it.resource is Resource.TOPIC]
    for operation, cell in zip((Operation.Read, Operation.Write), ROWS[name][1:3], strict=True):
        assert set(in_backticks(cell)) == {it.name for it in rights if it.operation is operation}


def test_it_says_of_every_topic_what_a_forged_record_could_do_and_how_it_shows() -> None:
    assert list(THREATS) and set(THREATS) == {topic.value for topic in ALL_TOPICS}
    assert all(it for row in THREATS.values() for it in row)


@pytest.mark.parametrize("topic", ALL_TOPICS)
def test_it_names_the_rightful_writers_of_a_topic(topic: str) -> None:
    may_write = {
        client.value
        for client in CLIENTS.values()
        if Right(Operation.Write, Resource.TOPIC, topic) in rights_of([client], Settings())
    }
    assert set(in_backticks(THREATS[topic][1])) == may_write
