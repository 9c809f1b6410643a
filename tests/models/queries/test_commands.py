"""The command journal by page, by id and by campaign."""

from typing import Any

import pytest

from models.errors import Refused, RowNotFound
from models.queries.commands import get_command, last_command, list_commands
from models.session import session_scope
from tests.models.ledger_rows import NOON, add, command


@pytest.fixture(autouse=True)
def _journal(url: str) -> None:
    add(
        url,
        command("summer", 1),
        command("summer", 2, reasons=["daily_budget", "schedule"], at=NOON + 1),
        command("summer", 4, reasons=["manual"], at=NOON + 3),
        command("summer", 1, epoch=2, at=NOON + 4),
        command("cats", 1, brand_id="puma", reasons=["daily_budget"], at=NOON + 1),
    )


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({}, ["summer:2:1", "summer:1:4", "summer:1:2", "cats:1:1", "summer:1:1"]),
        ({"brand_id": "puma"}, ["cats:1:1"]),
        ({"campaign_id": "summer", "action": "pause"}, ["summer:1:4", "summer:1:2"]),
        ({"reason": "daily_budget"}, ["summer:1:2", "cats:1:1"]),
        ({"decided_since": NOON + 1, "decided_until": NOON + 3}, ["summer:1:2", "cats:1:1"]),
        ({"reason": "flight"}, []),
    ],
)
def test_the_newest_come_first_by_every_filter(url: str, wanted: dict[str, Any], ids: list[str]) -> None:
    with session_scope(url) as session:
        assert [row.command.command_id for row in list_commands(session, **wanted).rows] == ids


def test_pages_have_each_command_once(url: str) -> None:
    found: list[str] = []
    after = None
    with session_scope(url) as session:
        while True:
            page = list_commands(session, after=after, limit=2)
            found += [row.command.command_id for row in page.rows]
            after = page.after
            if after is None:
                break
        assert found == [row.command.command_id for row in list_commands(session).rows]


def test_a_command_whose_predecessor_is_missing_is_marked(url: str) -> None:
    with session_scope(url) as session:
        rows = list_commands(session).rows
    assert [row.command.command_id for row in rows if row.follows_a_gap] == ["summer:1:4"]


def test_the_last_command_has_the_highest_epoch_and_sequence(url: str) -> None:
    add(url, command("summer", 2, epoch=2, at=NOON - 1))
    with session_scope(url) as session:
        assert last_command(session, "summer").command_id == "summer:2:2"
        assert get_command(session, "summer:1:2").reasons == ["daily_budget", "schedule"]


def test_what_is_not_in_the_journal_is_not_found(url: str) -> None:
    with pytest.raises(RowNotFound, match="winter"), session_scope(url) as session:
        last_command(session, "winter")
    with pytest.raises(RowNotFound, match="summer:1:3"), session_scope(url) as session:
        get_command(session, "summer:1:3")


def test_a_damaged_cursor_is_refused(url: str) -> None:
    with pytest.raises(Refused, match="first page"), session_scope(url) as session:
        list_commands(session, after="damaged")
