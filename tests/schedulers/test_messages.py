"""Ticks and resets are written as docs/contract.md, "dayparting-ticks and budget-resets", shows them."""

import json

import pytest

from schedulers.messages import message_of
from schedulers.schedules import TICK, PeriodicTask, TaskKind
from schedulers.ticks_due import latest_due
from streams.kafka.topics import Topic
from tests.core.clock_changes import at


def test_a_tick_is_named_by_its_moment() -> None:
    topic, value = message_of(TICK, latest_due(TICK, at("2025-09-08T04:00:00.250Z")))
    assert topic is Topic.DAYPARTING_TICKS
    assert value == b'{"tick_id":"2025-09-08T04:00:00Z","due_at":"2025-09-08T04:00:00Z"}'


@pytest.mark.parametrize(
    ("kind", "reset_id", "period", "due_at"),
    [
        (TaskKind.DAILY, "daily:Asia/Karachi:2025-09-09", "2025-09-09", "2025-09-08T19:00:00Z"),
        (TaskKind.MONTHLY, "monthly:Asia/Karachi:2025-09", "2025-09", "2025-08-31T19:00:00Z"),
    ],
)
def test_a_reset_is_named_by_its_period(kind: TaskKind, reset_id: str, period: str, due_at: str) -> None:
    schedule = PeriodicTask(kind, "Asia/Karachi")
    topic, value = message_of(schedule, latest_due(schedule, at("2025-09-09T03:00:00Z")))
    assert topic is Topic.BUDGET_RESETS
    assert list(json.loads(value).items()) == [
        ("reset_id", reset_id),
        ("kind", kind),
        ("time_zone", "Asia/Karachi"),
        ("period", period),
        ("due_at", due_at),
    ]
