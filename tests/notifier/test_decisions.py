"""What is sent to whom, when, and in which words: the notifier's decisions, without any service."""

import json
from typing import Any

import pytest

from core.records import Action, AlertKind, AlertState, Severity
from models.tables.channel import Channel
from notifier.backoff import TRIED_FOR_MS, next_attempt_at
from notifier.digest import digest_due_at, digest_of
from notifier.filters import wants
from notifier.messages import (
    Message,
    Source,
    Summary,
    UnreadableRecord,
    alert_message,
    command_message,
    message_of_test,
    summary_of,
)
from tests.notifier.alerts import alert, command

NOON = 1_757_332_800_000
S = 1_000


def channel(**filters: Any) -> Channel:
    empty: dict[str, Any] = {"alert_kinds": [], "severities": [], "brand_ids": [], "commands": False}
    return Channel(created_at=NOON, **(empty | filters))


SILENT = alert_message(alert("puma", kind=AlertKind.SILENT))
CRITICAL = alert_message(alert("nike", severity=Severity.CRITICAL))
COMMAND = command_message(command("nike"))


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({}, [SILENT, CRITICAL]),
        ({"alert_kinds": ["silent"]}, [SILENT]),
        ({"alert_kinds": ["silent", "threshold"]}, [SILENT, CRITICAL]),
        ({"severities": ["critical"]}, [CRITICAL]),
        ({"severities": ["critical"], "alert_kinds": ["silent"]}, []),
        ({"brand_ids": ["nike"]}, [CRITICAL]),
        ({"brand_ids": ["adidas"]}, []),
        ({"commands": True}, [SILENT, CRITICAL, COMMAND]),
        ({"commands": True, "brand_ids": ["puma"]}, [SILENT]),
        ({"commands": True, "severities": ["critical"]}, [CRITICAL, COMMAND]),
    ],
)
def test_a_channel_gets_what_passes_its_filters(filters: dict[str, Any], wanted: list[Message]) -> None:
    assert [it for it in (SILENT, CRITICAL, COMMAND) if it and wants(channel(**filters), it, NOON)] == wanted


@pytest.mark.parametrize(("arrived_at", "gets"), [(NOON - 60 * S, True), (NOON - 60 * S - 1, False), (NOON + 1, True)])
def test_what_came_before_a_channel_was_added_is_not_for_it(arrived_at: int, gets: bool) -> None:
    assert wants(channel(), SILENT, arrived_at) is gets


@pytest.mark.parametrize(
    ("attempts", "pause_seconds"),
    [(1, 1), (2, 2), (3, 4), (9, 256), (10, 512), (11, 600), (12, 600), (100_000, 600)],
)
def test_pauses_double_up_to_ten_minutes(attempts: int, pause_seconds: int) -> None:
    assert next_attempt_at(attempts, NOON, NOON) == NOON + pause_seconds * S


@pytest.mark.parametrize(
    ("since_ms", "next_since_ms"),
    [
        (TRIED_FOR_MS - 700 * S, TRIED_FOR_MS - 100 * S),
        (TRIED_FOR_MS - 100 * S, TRIED_FOR_MS),
        (TRIED_FOR_MS, None),
        (TRIED_FOR_MS + 9, None),
    ],
)
def test_the_last_attempt_is_at_the_end_of_24_hours(since_ms: int, next_since_ms: int | None) -> None:
    expected = None if next_since_ms is None else NOON + next_since_ms
    assert next_attempt_at(200, NOON, NOON + since_ms) == expected


@pytest.mark.parametrize(
    ("wished_seconds", "pause_seconds"), [(None, 4), (-100, 4), (3, 4), (90, 90), (3600, 3600), (10**9, 3600)]
)
def test_a_receiver_may_wish_for_a_later_moment_within_an_hour(wished_seconds: int | None, pause_seconds: int) -> None:
    wished = None if wished_seconds is None else NOON + wished_seconds * S
    assert next_attempt_at(3, NOON, NOON, wished) == NOON + pause_seconds * S
    assert next_attempt_at(3, NOON, NOON + TRIED_FOR_MS, wished) is None


def test_a_receiver_that_is_down_for_an_hour_is_tried_within_ten_minutes_of_its_return() -> None:
    at, attempts = NOON, 0
    while at < NOON + 3600 * S:
        attempts += 1
        following = next_attempt_at(attempts, NOON, at)
        assert following is not None
        at = following
    assert at <= NOON + 4200 * S
    assert attempts < 20


@pytest.mark.parametrize(
    ("oldest", "newest", "last_sent", "due"),
    [
        (0, 0, None, 5),
        (0, 3, None, 8),
        (0, 58, None, 60),
        (0, 300, None, 60),
        (0, 0, -10, 50),
        (0, 0, -55, 5),
        (0, 0, -100, 5),
        (0, 58, -30, 60),
    ],
)
def test_a_digest_waits_for_quiet_but_no_longer_than_a_minute(
    oldest: int, newest: int, last_sent: int | None, due: int
) -> None:
    last = None if last_sent is None else NOON + last_sent * S
    assert digest_due_at(NOON + oldest * S, NOON + newest * S, last) == NOON + due * S


def test_a_thousand_alerts_are_one_digest_that_says_how_many() -> None:
    messages = [alert_message(alert(f"brand-{it % 12}", it)) for it in range(1_000)]
    digest = digest_of([summary_of(it.body) for it in messages])
    assert digest.title == "Spendgate: 1,000 messages of 12 brands"
    lines = digest.text.splitlines()
    assert lines[0] == "The first 20 are below; `spendgate notification list` has all 1,000."
    assert lines[1] == "1,000 times warning: budget nearly or wholly spent"
    assert lines[2] == "brand brand-0: reached 80 % of the daily budget of 2025-09-08: 80.10 of 100.00 USD"
    assert len(lines) == 22


def test_one_alert_is_told_as_it_is() -> None:
    digest = digest_of([Summary("nike", "warning: no spend arrives", "brand nike: no spend arrives")])
    assert digest == ("Spendgate: warning: no spend arrives", "brand nike: no spend arrives")


@pytest.mark.parametrize("kind", list(AlertKind))
@pytest.mark.parametrize("state", list(AlertState))
def test_every_alert_has_words(kind: AlertKind, state: AlertState) -> None:
    words = summary_of(alert_message(alert(kind=kind, state=state)).body)
    assert words.words.startswith("brand nike: ")
    assert words.title.startswith("over: " if state is AlertState.RESOLVED else "warning: ")
    assert "None" not in words.words


def test_commands_and_tests_have_words() -> None:
    message = command_message(command(action=Action.PAUSE))
    assert message is not None
    assert summary_of(message.body).words == "nike-summer (brand nike): paused (daily_budget)"
    assert summary_of(message_of_test("ops", "x", NOON).body).title == "a test of this channel"


def test_the_body_holds_the_record_unchanged() -> None:
    value = alert()
    body = alert_message(value).body
    assert value.decode() in body
    assert json.loads(body) == {
        "type": "budget_alert.raised",
        "timestamp": "2025-09-08T11:12:00Z",
        "data": json.loads(value),
    }


def test_ids_are_of_the_record_alone_and_differ_by_state() -> None:
    raised, resolved = alert_message(alert()), alert_message(alert(state=AlertState.RESOLVED))
    assert raised.message_id == alert_message(alert() + b" ").message_id
    assert len({raised.message_id, resolved.message_id, alert_message(alert(number=2)).message_id}) == 3
    assert "." not in raised.message_id
    assert COMMAND is not None
    assert COMMAND.source is Source.COMMAND


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"{}",
        b"\xff\xfe",
        b"[" * 10_000,
        b'"\\ud800"',
        alert() + b"\0",
        alert()[:-1],
        alert().replace(b'"nike"', b'"ni ke"'),
        alert().replace(b'"nike"', b'"ni\\u0000ke"'),
        alert().replace(b"nike:threshold", b"nike\\n:threshold"),
        alert().replace(b"2025-09-08T11:12:00Z", b"yesterday"),
        alert().replace(b"2025-09-08T11:12:00Z", b"9999-12-31T23:59:59-23:00"),
        alert().replace(b'"e1"', b'"' + b"e" * 70_000 + b'"'),
    ],
)
def test_bytes_that_are_no_alert_are_unreadable(value: bytes | None) -> None:
    with pytest.raises(UnreadableRecord):
        alert_message(value)


def test_a_tombstone_is_no_command_and_no_error() -> None:
    assert command_message(None) is None
    with pytest.raises(UnreadableRecord):
        command_message(b"{}")
