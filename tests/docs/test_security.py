"""docs/security.md has the rights of each process as `spendgate topics acls` prints them."""

import pytest

from streams.kafka.rights import CLIENTS, Operation, Process, Resource, rights_of
from streams.settings import Settings
from tests.docs.repository import in_backticks, section, table_rows, text_of

ROWS = {in_backticks(row[0])[0]: row for row in table_rows(section(text_of("docs/security.md"), "### Rights"))}


def test_every_process_has_its_row() -> None:
    assert {process.value for process in Process} <= set(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_it_names_the_topics_that_are_read_and_written(name: str) -> None:
    rights = [it for it in rights_of([CLIENTS[name]], Settings()) if it.resource is Resource.TOPIC]
    for operation, cell in zip((Operation.Read, Operation.Write), ROWS[name][1:3], strict=True):
        assert set(in_backticks(cell)) == {it.name for it in rights if it.operation is operation}
